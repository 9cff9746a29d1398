import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '@turnpike/wire/fault.ts';
import { type Appender, FileDisk } from '../runtime/journal-disk.ts';
import { StoreError } from '../store/store.ts';
import { labels, price, settlement, TestLog, TestStore, testLedger } from './ledger.test-support.ts';
import type { Ledger } from './ledger.ts';

let folder: string;
let disk: FileDisk;
let store: TestStore;
const log = new TestLog();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-journal-'));
  disk = new FileDisk(folder);
  store = new TestStore();
  log.lines.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Takes a ledger's lock away, as the end of its process does; its files stay as they are. */
class Mortal extends FileDisk {
  #release: (() => void) | undefined;

  override lock(name: string): { release(): void } | undefined {
    const lock = super.lock(name);
    this.#release = lock?.release;
    return lock;
  }

  die(): void {
    this.#release?.();
  }
}

function ended(run: (ledger: Ledger) => void): void {
  const mortal = new Mortal(folder);
  run(testLedger(mortal, new TestStore()));
  mortal.die();
}

function segments(): string[] {
  return readdirSync(folder).filter((file) => file.endsWith('.journal'));
}

const recovered = () => testLedger(disk, store, { log }).recover();
const usage = { inputTokens: 100, outputTokens: 10 };

describe('an attempt', () => {
  test('is in the database once it is settled and sent', async () => {
    const ledger = testLedger(disk, store);
    const open = ledger.begin(labels('tp_1.1'), 90, price);
    ledger.settle(open, settlement(usage, { fault: 'upstream_cut_short', uncovered: ['inputAudioTokens'] }));
    expect(store.entries.size).toBe(0);
    expect(await ledger.flush()).toBe(true);
    expect(store.entries.get('tp_1.1')).toEqual({
      kind: 'attempt',
      ...labels('tp_1.1'),
      ...settlement(usage, { fault: 'upstream_cut_short', uncovered: ['inputAudioTokens'] }),
      usage,
      corrects: undefined,
      note: undefined,
    });
    await ledger.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('keeps an unknown cost apart from none', async () => {
    const ledger = testLedger(disk, store);
    ledger.settle(ledger.begin(labels('tp_1.1'), 1, undefined), settlement(usage, { costNanoUsd: undefined }));
    ledger.settle(ledger.begin(labels('tp_2.1'), 1, price), settlement({}, { costNanoUsd: 0n }));
    await ledger.flush();
    expect([store.cost('tp_1.1'), store.cost('tp_2.1')]).toEqual([undefined, 0n]);
  });

  test('is settled once: what is said later is not heard', async () => {
    const ledger = testLedger(disk, store);
    const open = ledger.begin(labels('tp_1.1'), 90, price);
    ledger.settle(open, settlement(usage));
    ledger.settle(open, settlement({ inputTokens: 1, outputTokens: 1 }));
    ledger.progress(open, 1, { outputTokens: 5 });
    await ledger.flush();
    expect(store.cost('tp_1.1')).toBe(120_000n);
  });
});

describe('recovery', () => {
  test('enters what was settled and not sent', async () => {
    ended((ledger) => ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage)));
    expect(await recovered()).toMatchObject({ writers: 1, settled: 1, estimated: 0, isComplete: true });
    expect(store.entries.get('tp_1.1')).toMatchObject({ costNanoUsd: 120_000n, isEstimated: false });
    expect(segments()).toHaveLength(1); // That of the ledger which recovered.
  });

  test('knows whose credential paid, and what its owner is billed', async () => {
    const own = { ...labels('tp_1.1'), paidBy: 'team:"a"' };
    ended((ledger) => {
      ledger.settle(ledger.begin(own, 90, price), { ...settlement(usage), ownCostNanoUsd: 9_007_199_254_740_993n });
      ledger.settle(ledger.begin({ ...labels('tp_2.1'), scopes: own.scopes }, 90, price), settlement(usage));
      ledger.begin({ ...own, id: 'tp_3.1' }, 90, price);
    });
    await recovered();
    expect(store.entries.get('tp_1.1')).toMatchObject({ paidBy: 'team:"a"', ownCostNanoUsd: 9_007_199_254_740_993n });
    expect(store.entries.get('tp_2.1')?.paidBy).toBeUndefined();
    expect(store.entries.get('tp_3.1')).toMatchObject({ paidBy: 'team:"a"', ownCostNanoUsd: undefined });
  });

  test('charges by the markup an attempt began with, whether it was settled or not', async () => {
    const markup = { percentMillionths: 50_000_000n, perCallNanoUsd: 7n };
    const marked = (id: string) => ({ ...labels(id), markup });
    ended((ledger) => {
      ledger.settle(ledger.begin(marked('tp_1.1'), 90, price), settlement(usage));
      ledger.settle(ledger.begin(labels('tp_2.1'), 90, price), settlement(usage));
      ledger.begin(marked('tp_3.1'), 100, price);
    });
    await recovered();
    const uplifts = ['tp_1.1', 'tp_2.1', 'tp_3.1'].map((id) => store.entries.get(id)?.upliftNanoUsd);
    expect(uplifts).toEqual([60_007n, undefined, 50_007n]);
    expect(store.entries.get('tp_1.1')?.markup).toEqual(markup);
  });

  test('estimates what never ended: from its progress, else from its input alone', async () => {
    ended((ledger) => {
      ledger.begin(labels('tp_1.1'), 90, price);
      const streamed = ledger.begin(labels('tp_2.1'), 90, price);
      ledger.progress(streamed, 1_780_000_000_500, { inputTokens: 100, outputTokens: 7 });
      ledger.progress(streamed, 1_780_000_001_500, { inputTokens: 100, outputTokens: 9 });
    });
    expect(await recovered()).toMatchObject({ estimated: 2 });
    expect(store.entries.get('tp_1.1')).toMatchObject({ costNanoUsd: 90_000n, isEstimated: true });
    expect(store.entries.get('tp_2.1')).toMatchObject({ costNanoUsd: 118_000n, settledAtMs: 1_780_000_001_500 });
  });

  test('prices an estimate as the attempt began: with tiers, tools and all digits', async () => {
    const dear = { ...price, input: 2n ** 60n };
    const tiered = {
      ...price,
      serverToolCalls: { source: 5n },
      tiers: [{ aboveInputTokens: 50, price: dear }],
      source: 'catalogue 1',
    };
    ended((ledger) => ledger.begin(labels('tp_1.1'), 60, tiered));
    await recovered();
    expect(store.cost('tp_1.1')).toBe((60n * 2n ** 60n + 500_000n) / 1_000_000n);
  });

  test('ignores a record that was being written, at whichever byte', async () => {
    ended((ledger) => {
      ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage));
      ledger.settle(ledger.begin(labels('tp_2.1'), 90, price), settlement(usage));
    });
    const [name = ''] = segments();
    const whole = readFileSync(join(folder, name));
    const ends = [...whole.keys()].filter((at) => whole[at] === 10).map((at) => at + 1);
    for (let length = ends[0] ?? 0; length <= whole.length; length++) {
      rmSync(folder, { recursive: true });
      disk = new FileDisk(folder);
      writeFileSync(join(folder, name), whole.subarray(0, length));
      store = new TestStore();
      const found = await recovered();
      // header, intent 1, settle 1, intent 2, settle 2
      const records = ends.filter((end) => end <= length).length;
      const expected = [
        ...(records >= 2 ? [{ id: 'tp_1.1', isEstimated: records < 3 }] : []),
        ...(records >= 4 ? [{ id: 'tp_2.1', isEstimated: records < 5 }] : []),
      ];
      expect([length, found?.damaged]).toEqual([length, 0]);
      expect([...store.entries.values()].map(({ id, isEstimated }) => ({ id, isEstimated }))).toEqual(expected);
    }
  });

  test('reports and skips damage in the middle, keeps the file, and enters the rest', async () => {
    ended((ledger) => {
      for (let n = 1; n <= 3; n++) {
        ledger.settle(ledger.begin(labels(`tp_${n}.1`), 90, price), settlement(usage));
      }
    });
    const [name = ''] = segments();
    const lines = readFileSync(join(folder, name), 'utf8').split('\n');
    lines[4] = lines[4]?.replace('"c":"120000"', '"c":"920000"') ?? ''; // The second settlement.
    lines.splice(5, 0, 'not of this world', '\0\0\0\0');
    writeFileSync(join(folder, name), lines.join('\n'));
    expect(await recovered()).toMatchObject({ settled: 2, estimated: 1, damaged: 3 });
    expect(['tp_1.1', 'tp_2.1', 'tp_3.1'].map((id) => store.cost(id))).toEqual([120_000n, 90_000n, 120_000n]);
    expect(readdirSync(folder)).toContain(`${name}.damaged`);
    expect(log.lines.join()).toContain('could not be read');
  });

  test('leaves a journal alone whose writer lives, in this process or another', async () => {
    const living = testLedger(disk, new TestStore());
    living.begin(labels('tp_1.1'), 90, price);
    expect(await recovered()).toMatchObject({ writers: 0 });
    expect(store.entries.size).toBe(0);
  });

  test('leaves a journal of another version alone', async () => {
    const json = '{"t":"h","v":2}';
    const crc = Bun.hash.crc32(json).toString(16).padStart(8, '0');
    writeFileSync(join(folder, 'future.00000001.journal'), `${crc} ${json}\n`);
    expect(await recovered()).toMatchObject({ isComplete: false });
    expect(segments()).toContain('future.00000001.journal');
  });

  test('keeps everything when the database takes nothing, and does it all the next time', async () => {
    ended((ledger) => ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage)));
    const ledger = testLedger(disk, store, { log });
    store.before = () => {
      throw new StoreError('unusable', 'gone');
    };
    expect(await ledger.recover()).toMatchObject({ isComplete: false });
    store.before = () => undefined;
    expect(await ledger.recover()).toMatchObject({ settled: 1, isComplete: true });
    expect(store.entries.size).toBe(1);
  });

  test('takes under a second of the processor for 100,000 records', async () => {
    ended((ledger) => {
      for (let n = 0; n < 50_000; n++) {
        ledger.settle(ledger.begin(labels(`tp_${n}.1`), 90, price), settlement(usage));
      }
    });
    // Of the processor: how long it takes beside other work says nothing.
    const before = process.cpuUsage();
    expect(await recovered()).toMatchObject({ settled: 50_000 });
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  }, 20_000);
});

describe('segments', () => {
  test('go when they are in the database, and take open attempts along', async () => {
    const mortal = new Mortal(folder);
    const ledger = testLedger(mortal, store, { segmentBytes: 2_000 });
    const long = ledger.begin(labels('tp_long.1'), 90, price);
    ledger.progress(long, 1, { inputTokens: 100, outputTokens: 3 });
    for (let n = 0; n < 50; n++) {
      ledger.settle(ledger.begin(labels(`tp_${n}.1`), 90, price), settlement(usage));
    }
    expect(segments().length).toBeGreaterThan(5);
    expect(await ledger.flush()).toBe(true);
    expect(segments()).toHaveLength(1);
    mortal.die();
    expect(await recovered()).toMatchObject({ estimated: 1 });
    expect(store.entries.get('tp_long.1')).toMatchObject({ costNanoUsd: 106_000n, isEstimated: true });
    expect(store.entries.size).toBe(51);
  });
});

/** A disk that has no room once told so; what fits of a write is taken. */
class FullDisk extends FileDisk {
  room = Number.POSITIVE_INFINITY;

  override appender(name: string): Appender {
    const inner = super.appender(name);
    return {
      ...inner,
      write: (bytes, offset, length) => {
        if (this.room <= 0) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
        const taken = Math.min(length, this.room);
        this.room -= taken;
        return inner.write(bytes, offset, taken);
      },
    };
  }
}

describe('without room on the disk', () => {
  test('further attempts are refused, and those under way are entered all the same', async () => {
    const full = new FullDisk(folder);
    const ledger = testLedger(full, store, { log });
    const open = ledger.begin(labels('tp_1.1'), 90, price);
    full.room = 30;
    ledger.settle(open, settlement(usage));
    expect(() => ledger.begin(labels('tp_2.1'), 90, price)).toThrow(Fault);
    expect(log.lines.join()).toContain('refused');
    expect(await ledger.flush()).toBe(true);
    expect(store.cost('tp_1.1')).toBe(120_000n);
    full.room = Number.POSITIVE_INFINITY;
    ledger.settle(ledger.begin(labels('tp_3.1'), 90, price), settlement(usage));
    expect(await ledger.flush()).toBe(true);
    expect([...store.entries.keys()]).toEqual(['tp_1.1', 'tp_3.1']);
    await ledger.close();
    expect(segments()).toEqual([]);
  });

  test('they are served when the operator says so, and entered from memory', async () => {
    const full = new FullDisk(folder);
    const ledger = testLedger(full, store);
    ledger.configure({ durability: 'process', onJournalFailure: 'serve', journalBytesMax: 1e9 });
    full.room = 10;
    ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage));
    expect(await ledger.flush()).toBe(true);
    expect(store.cost('tp_1.1')).toBe(120_000n);
  });
});

describe('with the database gone', () => {
  test('settlements wait in the journal, up to a bound, and are caught up', async () => {
    const ledger = testLedger(disk, store);
    ledger.configure({ durability: 'process', onJournalFailure: 'refuse', journalBytesMax: 20_000 });
    store.before = () => {
      throw new StoreError('unusable', 'gone');
    };
    let begun = 0;
    const more = () => {
      for (; begun < 1_000; begun++) {
        ledger.settle(ledger.begin(labels(`tp_${begun}.1`), 90, price), settlement(usage));
      }
    };
    expect(more).toThrow('recorded');
    expect(begun).toBeGreaterThan(20);
    expect(await ledger.flush()).toBe(false);
    store.before = () => undefined;
    expect(await ledger.flush()).toBe(true);
    expect(store.entries.size).toBe(begun);
    ledger.begin(labels('tp_again.1'), 90, price);
  });

  test('an entry that it refuses among others does not hold them up, and is kept', async () => {
    const ledger = testLedger(disk, store, { log });
    store.before = (entries) => {
      if (entries.some(({ id }) => id === 'tp_1.1')) throw new StoreError('unusable', 'out of range');
    };
    for (let n = 0; n < 3; n++) {
      ledger.settle(ledger.begin(labels(`tp_${n}.1`), 90, price), settlement(usage));
    }
    expect([await ledger.flush(), await ledger.flush()]).toEqual([false, true]);
    expect([...store.entries.keys()]).toEqual(['tp_0.1', 'tp_2.1']);
    expect(JSON.parse(readFileSync(join(folder, 'refused.jsonl'), 'utf8'))).toMatchObject({ id: 'tp_1.1' });
    expect(log.lines.join()).toContain('refused an entry');
  });

  test('what is left at the end is sent at the next start', async () => {
    const ledger = testLedger(disk, store);
    ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage));
    store.before = () => {
      throw new StoreError('unusable', 'gone');
    };
    await ledger.close();
    store.before = () => undefined;
    expect(await recovered()).toMatchObject({ settled: 1 });
    expect(store.cost('tp_1.1')).toBe(120_000n);
  });

  test('until when all that was settled is in the database is known', async () => {
    const startedMs = Date.now() - 1;
    const ledger = testLedger(disk, store);
    const settle = (id: string) => ledger.settle(ledger.begin(labels(id), 1, price), settlement(usage));
    settle('tp_1.1');
    expect(ledger.writtenUntilMs).toBe(0);
    store.before = () => {
      throw new StoreError('unusable', 'gone');
    };
    await ledger.flush();
    expect(ledger.writtenUntilMs).toBe(0);
    store.before = () => undefined;
    await ledger.flush();
    const writtenMs = ledger.writtenUntilMs;
    expect(writtenMs).toBeGreaterThan(startedMs);
    settle('tp_2.1');
    expect(ledger.writtenUntilMs).toBeLessThanOrEqual(writtenMs);
    expect(ledger.writtenUntilMs).toBeGreaterThan(startedMs);
    await ledger.close();
  });

  test('a batch whose acknowledgement was lost is sent again', async () => {
    const ledger = testLedger(disk, store);
    ledger.settle(ledger.begin(labels('tp_1.1'), 90, price), settlement(usage));
    const write = store.writeLedger.bind(store);
    store.writeLedger = async (entries) => {
      await write(entries);
      throw new StoreError('unusable', 'the connection broke');
    };
    expect(await ledger.flush()).toBe(false);
    store.writeLedger = write;
    expect(await ledger.flush()).toBe(true);
    expect([store.entries.size, store.batches]).toEqual([1, 3]);
  });
});

describe('durability: power', () => {
  test('many who wait share a round of the disk', async () => {
    let syncs = 0;
    class Slow extends FileDisk {
      override appender(name: string): Appender {
        const inner = super.appender(name);
        return { ...inner, sync: () => Bun.sleep(5).then(() => void syncs++) };
      }
    }
    const ledger = testLedger(new Slow(folder), store);
    ledger.configure({ durability: 'power', onJournalFailure: 'refuse', journalBytesMax: 1e9 });
    const waits = Array.from({ length: 100 }, (_, n) => {
      ledger.begin(labels(`tp_${n}.1`), 90, price);
      return ledger.durable();
    });
    await Promise.all(waits);
    expect(syncs).toBe(2); // The first by itself, all others together.
    ledger.configure({ durability: 'process', onJournalFailure: 'refuse', journalBytesMax: 1e9 });
    expect(ledger.durable()).toBeUndefined();
  });

  test('a disk that cannot keep its promise refuses further attempts', async () => {
    class Broken extends FileDisk {
      override appender(name: string): Appender {
        return { ...super.appender(name), sync: () => Promise.reject(new Error('EIO')) };
      }
    }
    const ledger = testLedger(new Broken(folder), store);
    ledger.configure({ durability: 'power', onJournalFailure: 'refuse', journalBytesMax: 1e9 });
    ledger.begin(labels('tp_1.1'), 90, price);
    expect(ledger.durable()).rejects.toThrow(Fault);
    await ledger.settled();
  });
});

test('files that are none of ours are left alone', async () => {
  writeFileSync(join(folder, 'README.txt'), 'hello');
  appendFileSync(join(folder, 'x.journal'), 'hello');
  expect(await recovered()).toMatchObject({ writers: 0 });
  expect(readdirSync(folder)).toContain('x.journal');
});
