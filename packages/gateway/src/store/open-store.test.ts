import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JsonNumber } from '@turnpike/wire/json/value.ts';
import { attemptRow, exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { openStore } from './open-store.ts';
import type { Store, StoreError } from './store.ts';

let parent: string;
let dataDir: string;
const opened: Store[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'turnpike-store-'));
  dataDir = join(parent, 'data');
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(parent, { recursive: true, force: true });
});

async function open(): Promise<Store> {
  const store = await openStore({ dataDir });
  opened.push(store);
  return store;
}

async function reopen(): Promise<Store> {
  await opened.pop()?.close();
  return open();
}

async function refusal(): Promise<StoreError> {
  return open().then(
    () => {
      throw new Error('opened');
    },
    (error: StoreError) => error,
  );
}

describe('rows', () => {
  test('come back as they were written, after a restart too', async () => {
    const usage = {
      inputTokens: 12,
      serverToolCalls: { web_search_requests: 2 },
      raw: { dialect: 'openai-chat' as const, value: { total_tokens: 12, cost: new JsonNumber('0.10') } },
    };
    const row = exchangeRow({
      id: 'tp_1',
      usage,
      isEstimated: true,
      losses: [{ path: 'messages[0].parts[1]', kind: 'dropped', reason: 'no "audio" there' }],
      attempts: [
        attemptRow({ number: 1, status: 429, fault: 'upstream_rate_limited', usage: undefined }),
        attemptRow({ number: 2, lane: 'translate', usage, costNanoUsd: 5n, isEstimated: true }),
      ],
      plan: ['a: first', 'b: fallback'],
    });
    await (await open()).writeExchanges([row]);
    expect(await (await reopen()).exchange('tp_1')).toEqual(row);
  });

  test('keep what is not known apart from zero', async () => {
    const row = exchangeRow({
      id: 'tp_2',
      firstByteMs: undefined,
      keyName: undefined,
      fault: 'key_missing',
      faultMessage: 'No API key was sent.',
      provider: undefined,
      endpoint: undefined,
      modelServed: undefined,
      lane: undefined,
      finish: undefined,
      usage: undefined,
      costNanoUsd: undefined,
      attempts: [],
      plan: [],
    });
    const store = await open();
    await store.writeExchanges([row, exchangeRow({ id: 'tp_3', costNanoUsd: 0n })]);
    expect(await store.exchange('tp_2')).toStrictEqual(row);
    expect((await store.exchange('tp_3'))?.costNanoUsd).toBe(0n);
  });

  test.each([2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 53n) - 1n])('keep money exact: %p', async (costNanoUsd) => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_m', costNanoUsd, attempts: [attemptRow({ costNanoUsd })] })]);
    const read = await store.exchange('tp_m');
    expect(read?.costNanoUsd).toBe(costNanoUsd);
    expect(read?.attempts[0]?.costNanoUsd).toBe(costNanoUsd);
  });

  test('written twice are there once, as first written', async () => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_4' })]);
    await store.writeExchanges([exchangeRow({ id: 'tp_4', status: 500 }), exchangeRow({ id: 'tp_5' })]);
    const rows = await store.recentExchanges({ limit: 10 });
    expect(rows.map((row) => [row.id, row.status, row.attempts.length])).toEqual([
      ['tp_5', 200, 1],
      ['tp_4', 200, 1],
    ]);
  });

  test('are written all or none', async () => {
    const store = await open();
    const bad = exchangeRow({ id: 'tp_7', face: undefined as unknown as string });
    await expect(store.writeExchanges([exchangeRow({ id: 'tp_6' }), bad])).rejects.toMatchObject({ code: 'unusable' });
    expect(await store.exchange('tp_6')).toBeUndefined();
  });

  test('that are not there are undefined', async () => {
    expect(await (await open()).exchange('tp_none')).toBeUndefined();
  });
});

describe('pages', () => {
  test('go from the latest to the oldest without gap or repetition, also within one millisecond', async () => {
    const store = await open();
    const rows = Array.from({ length: 57 }, (_, at) =>
      exchangeRow({ id: `tp_${String(at).padStart(3, '0')}`, startedAtMs: 1_000 + Math.floor(at / 10) }),
    );
    await store.writeExchanges(rows);
    const seen: string[] = [];
    for (let page = await store.recentExchanges({ limit: 7 }); page.length > 0; ) {
      seen.push(...page.map((row) => row.id));
      const before = page.at(-1)?.id;
      page = before === undefined ? [] : await store.recentExchanges({ limit: 7, before });
    }
    expect(seen).toEqual(rows.map((row) => row.id).reverse());
  });

  test('are found by an index', async () => {
    await open();
    const database = new Database(join(dataDir, 'turnpike.db'));
    const plan = database
      .query('EXPLAIN QUERY PLAN SELECT * FROM exchange_log WHERE id < ? ORDER BY id DESC LIMIT 7')
      .all('a') as { detail: string }[];
    database.close();
    expect(plan.map((step) => step.detail).join()).toMatch(/SEARCH exchange_log USING INDEX/);
    expect(plan.map((step) => step.detail).join()).not.toMatch(/TEMP B-TREE/);
  });

  test('hold one to a thousand rows', async () => {
    const store = await open();
    await store.writeExchanges(Array.from({ length: 1_005 }, (_, at) => exchangeRow({ id: `tp_${at}` })));
    expect(await store.recentExchanges({ limit: 0 })).toHaveLength(1);
    expect(await store.recentExchanges({ limit: 100_000 })).toHaveLength(1_000);
  });
});

test('meta is remembered and overwritten', async () => {
  const store = await open();
  expect(await store.readMeta('installation')).toBeUndefined();
  await store.writeMeta('installation', 'a');
  await store.writeMeta('installation', 'b');
  expect(await (await reopen()).readMeta('installation')).toBe('b');
});

describe('the file', () => {
  test.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(dataDir)).toBe('700');
    for (const name of ['turnpike.db', 'turnpike.db-wal', 'turnpike.db-shm']) {
      expect([name, mode(join(dataDir, name))]).toEqual([name, '600']);
    }
  });

  test('is alone after closing', async () => {
    await (await open()).writeExchanges([exchangeRow({ id: 'tp_1' })]);
    await opened.pop()?.close();
    expect(existsSync(join(dataDir, 'turnpike.db-wal'))).toBe(false);
  });

  test('that is no database is left alone and named', async () => {
    await open();
    await opened.pop()?.close();
    const path = join(dataDir, 'turnpike.db');
    writeFileSync(path, 'This is a letter, not a database. '.repeat(200));
    const error = await refusal();
    expect(error.code).toBe('foreign');
    expect(error.message).toContain(path);
  });

  test('with a damaged first page is refused', async () => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    await opened.pop()?.close();
    const path = join(dataDir, 'turnpike.db');
    const bytes = new Uint8Array(await Bun.file(path).arrayBuffer());
    bytes.fill(0xff, 100, 4096);
    writeFileSync(path, bytes);
    expect((await refusal()).code).toBe('foreign');
  });

  test('of another program is refused', async () => {
    await open();
    await opened.pop()?.close();
    rmSync(join(dataDir, 'turnpike.db'));
    const other = new Database(join(dataDir, 'turnpike.db'));
    other.run('CREATE TABLE recipes (name text)');
    other.close();
    const error = await refusal();
    expect([error.code, error.message]).toEqual(['foreign', expect.stringContaining('another program')]);
  });

  test('of a newer version is refused', async () => {
    const store = await open();
    await store.writeMeta('schema_version', '999');
    await store.writeMeta('schema_needs', '999');
    await opened.pop()?.close();
    const error = await refusal();
    expect([error.code, error.message]).toEqual(['newer', expect.stringContaining('schema 999')]);
  });

  test('in a place that cannot be written is refused', async () => {
    writeFileSync(join(parent, 'file'), '');
    dataDir = join(parent, 'file', 'data');
    expect((await refusal()).code).toBe('unusable');
  });

  test.skipIf(process.platform === 'win32')('loses loose permissions', async () => {
    await open();
    await opened.pop()?.close();
    chmodSync(join(dataDir, 'turnpike.db'), 0o644);
    await open();
    expect(statSync(join(dataDir, 'turnpike.db')).mode & 0o777).toBe(0o600);
  });
});

describe('several processes', () => {
  const writer = `
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, 'open-store.ts'))});
    const { exchangeRow } = await import(${JSON.stringify(join(import.meta.dir, '../telemetry/exchange-row.test-support.ts'))});
    const [dataDir, name] = process.argv.slice(-2);
    const store = await openStore({ dataDir });
    for (let at = 0; at < 40; at++) {
      const rows = Array.from({ length: 10 }, (_, row) => exchangeRow({ id: 'tp_' + name + '_' + at + '_' + row }));
      for (;;) {
        try { await store.writeExchanges(rows); break; } catch (error) { if (error.code !== 'busy') throw error; }
      }
    }
    await store.close();`;

  test('can start and write at once', async () => {
    const names = ['a', 'b', 'c'];
    const exits = names.map((name) =>
      Bun.spawn([process.execPath, '-e', writer, dataDir, name], { stderr: 'inherit' }),
    );
    expect(await Promise.all(exits.map((child) => child.exited))).toEqual([0, 0, 0]);
    const rows = await (await open()).recentExchanges({ limit: 1_000 });
    expect(rows).toHaveLength(1_000);
    const database = new Database(join(dataDir, 'turnpike.db'));
    expect(database.query('SELECT count(*) AS n FROM exchange_log').get()).toEqual({ n: 1_200 });
    database.close();
  });

  test('one that holds the database is reported as busy', async () => {
    const store = await open();
    const other = new Database(join(dataDir, 'turnpike.db'));
    other.run('BEGIN IMMEDIATE');
    await expect(store.writeExchanges([exchangeRow({ id: 'tp_1' })])).rejects.toMatchObject({ code: 'busy' });
    other.run('ROLLBACK');
    other.close();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    expect((await store.exchange('tp_1'))?.id).toBe('tp_1');
  });

  test('one that is killed leaves every batch it was told about', async () => {
    const script = writer.replace('await store.close();', "console.log('written'); await new Promise(() => {});");
    const child = Bun.spawn(
      [process.execPath, '-e', script.replace('new Promise(() => {})', 'Bun.sleep(60_000)'), dataDir, 'k'],
      {
        stdout: 'pipe',
      },
    );
    await child.stdout.getReader().read();
    child.kill('SIGKILL');
    await child.exited;
    expect(await (await open()).recentExchanges({ limit: 1_000 })).toHaveLength(400);
  });
});
