import { describe, expect, test } from 'bun:test';
import { StoreError } from '../store/store.ts';
import { ExchangeLog, type ExchangeLogOptions } from './exchange-log.ts';
import { exchangeRow } from './exchange-row.test-support.ts';
import type { ExchangeRow } from './exchange-row.ts';

/** A store that keeps batches, and fails as told. */
class FakeStore {
  readonly batches: string[][] = [];
  failWith: ((rows: readonly ExchangeRow[]) => unknown) | undefined;

  async writeExchanges(rows: readonly ExchangeRow[]): Promise<void> {
    const error = this.failWith?.(rows);
    if (error !== undefined) throw error;
    this.batches.push(rows.map((row) => row.id));
  }

  get ids(): string[] {
    return this.batches.flat();
  }
}

function start(options: Omit<ExchangeLogOptions, 'log'> = {}) {
  const told: string[] = [];
  const store = new FakeStore();
  const tell = (message: string) => void told.push(message);
  const log = new ExchangeLog(store, { ...options, log: { info: tell, warn: tell } });
  const add = (...ids: string[]) => {
    for (const id of ids) log.add(exchangeRow({ id }));
  };
  return { log, store, told, add };
}

const numbered = (count: number) => Array.from({ length: count }, (_, at) => `tp_${at}`);

test('rows are written within the flush time, in the order they came', async () => {
  const { store, add } = start({ flushMs: 20 });
  add('a', 'b');
  expect(store.batches).toEqual([]);
  await Bun.sleep(60);
  expect(store.batches).toEqual([['a', 'b']]);
  add('c');
  await Bun.sleep(60);
  expect(store.batches).toEqual([['a', 'b'], ['c']]);
});

test('a full batch does not wait for the flush time', async () => {
  const { store, add } = start({ flushMs: 60_000, batchMax: 3 });
  add('a', 'b', 'c');
  await Bun.sleep(20);
  expect(store.batches).toEqual([['a', 'b', 'c']]);
});

test('many rows go in batches with turns for others between them', async () => {
  const { log, store, add } = start({ flushMs: 60_000, batchMax: 10 });
  add(...numbered(35));
  let turns = 0;
  const other = setInterval(() => turns++, 0);
  await log.flush();
  clearInterval(other);
  expect(store.batches.map((batch) => batch.length)).toEqual([10, 10, 10, 5]);
  expect(store.ids).toEqual(numbered(35));
});

test('rows added while a batch is being written are written too', async () => {
  const { log, store, add } = start({ batchMax: 2 });
  add('a', 'b');
  const flushing = log.flush();
  add('c');
  await flushing;
  await log.close();
  expect(store.ids).toEqual(['a', 'b', 'c']);
});

test('a full queue drops the newest rows, counts them, and says so once', async () => {
  const { log, store, told, add } = start({ flushMs: 60_000, queueMax: 5, batchMax: 100 });
  add(...numbered(8));
  expect(log.dropped).toBe(3);
  expect(told).toEqual(['The exchange log is full; rows are being dropped.']);
  await log.flush();
  expect(store.ids).toEqual(numbered(5));
  expect(told).toHaveLength(2);
  await log.close();
  expect(told.at(-1)).toBe('Exchanges are missing in the log.');
});

describe('a store that fails', () => {
  test('gets the same rows again, and the operator hears of it once', async () => {
    const { log, store, told, add } = start({ flushMs: 60_000 });
    store.failWith = () => new StoreError('busy', 'held');
    add('a', 'b');
    await log.flush();
    await log.flush();
    expect(told).toEqual(['The exchange log cannot be written; rows wait.']);
    store.failWith = undefined;
    add('c');
    await log.flush();
    expect(store.batches).toEqual([['a', 'b', 'c']]);
    expect(log.dropped).toBe(0);
    await log.close();
  });

  test('is tried again without being asked', async () => {
    const { log, store, add } = start({ flushMs: 1 });
    store.failWith = () => new StoreError('unusable', 'disk full');
    add('a');
    await Bun.sleep(30);
    store.failWith = undefined;
    await Bun.sleep(1_200);
    expect(store.ids).toEqual(['a']);
    await log.close();
  });

  test('for one row only loses that row', async () => {
    const { log, store, told, add } = start({ flushMs: 60_000 });
    store.failWith = (rows) =>
      rows.some((row) => row.id === 'bad') ? new StoreError('unusable', 'bad row') : undefined;
    add('a', 'bad', 'b');
    await log.flush();
    expect(store.ids).toEqual(['a', 'b']);
    expect(log.dropped).toBe(1);
    expect(told).toEqual(['The store refused a row of the exchange log.']);
    await log.close();
  });

  test('at the end costs the rows, counted', async () => {
    const { log, store, told, add } = start({ flushMs: 60_000 });
    store.failWith = () => new StoreError('busy', 'held');
    add('a', 'b');
    await log.close();
    expect(log.dropped).toBe(2);
    expect(told.at(-1)).toBe('Exchanges are missing in the log.');
  });
});
