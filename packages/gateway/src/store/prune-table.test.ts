import { expect, test } from 'bun:test';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { Retention, type RetentionStore } from '../ledger/retention.ts';
import { newExchangeId } from '../runtime/exchange-id.ts';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { onEachDatabase } from './each-database.test-support.ts';
import type { Store } from './store.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const nowMs = Date.UTC(2026, 10, 21, 12, 30);
const log = { info: () => undefined, warn: () => undefined };

function retentionOf(
  store: RetentionStore,
  keptHoursMs: readonly number[] = [],
  settings = { exchangeLogDays: 10, ledgerDays: 20 },
) {
  return new Retention({
    store,
    log,
    settings: () => settings,
    hoursNeeded: () => keptHoursMs,
    timers: {
      after: (_, run) => {
        setImmediate(run);
        return () => undefined;
      },
      every: () => () => undefined,
    },
    now: () => nowMs,
  });
}

async function fill(store: Store): Promise<void> {
  const hours = Array.from({ length: 40 * 24 }, (_, hour) => nowMs - hour * HOUR_MS);
  await store.writeLedger(hours.map((atMs, n) => ledgerEntry({ id: `tp_${n}.1`, atMs, costNanoUsd: BigInt(n + 1) })));
  await store.writeLedger([
    ledgerEntry({ id: 'adj_old', kind: 'adjustment', atMs: nowMs - 39 * DAY_MS, costNanoUsd: -5n }),
    ledgerEntry({ id: 'top_old', kind: 'top-up', atMs: nowMs - 39 * DAY_MS, scopes: ['credits', 'credits:x'] }),
  ]);
  await store.writeExchanges(hours.map((startedAtMs) => exchangeRow({ id: newExchangeId(startedAtMs), startedAtMs })));
}

onEachDatabase((here) => {
  test('what is older goes, in batches; sums, and what was entered by hand, stay', async () => {
    const store = await here.open();
    await fill(store);
    const sums = () => store.ledgerRollups({ by: 'all', period: 'day', fromMs: 0, toMs: nowMs, limit: 1_000 });
    const before = await sums();
    const keptHourMs = Math.floor((nowMs - 30 * DAY_MS) / HOUR_MS) * HOUR_MS;
    const retention = retentionOf(store, [keptHourMs, nowMs - HOUR_MS]);
    const dry = retention.begin(true);
    await retention.idle();
    expect(dry).toMatchObject({ isDryRun: true, exchanges: 719, ledgerEntries: 478, hoursKept: 1, trouble: undefined });
    expect(await store.countAttempts(0, nowMs + 1)).toBe(960);
    expect(await store.prunedDetail()).toBeUndefined();
    const run = retention.begin(false);
    expect([retention.begin(false) === run, retention.underWay === run]).toEqual([true, true]);
    await retention.idle();
    expect(run).toMatchObject({
      exchanges: 719,
      ledgerEntries: 478,
      hoursKept: 1,
      endedAtMs: nowMs,
      trouble: undefined,
    });
    expect(await retention.latest()).toEqual(JSON.parse(JSON.stringify(run)));
    const cutMs = nowMs - 20 * DAY_MS;
    expect(await store.countAttempts(0, cutMs)).toBe(1);
    expect(await store.countAttempts(keptHourMs, keptHourMs + HOUR_MS)).toBe(1);
    expect(await store.countAttempts(cutMs, nowMs + 1)).toBe(481);
    expect(await store.countExchanges(0, nowMs + 1)).toBe(241);
    expect((await store.oldestDetail()).exchangeMs).toBe(nowMs - 10 * DAY_MS);
    expect((await store.ledgerEntry('adj_old'))?.costNanoUsd).toBe(-5n);
    expect(await store.ledgerEntry('top_old')).toBeDefined();
    expect(await sums()).toEqual(before);
    // Whole days and hours are known as before.
    const dayMs = Math.floor((nowMs - 35 * DAY_MS) / DAY_MS) * DAY_MS;
    const spent = await store.spendBetween('key:web', dayMs, dayMs + DAY_MS);
    expect(spent).toBe(before.find(({ startMs }) => startMs === dayMs)?.costNanoUsd ?? -1n);
    expect(await store.prunedDetail()).toEqual({ beforeMs: cutMs, keptHoursMs: [keptHourMs] });
    // Again, there is nothing to do.
    const again = retention.begin(false);
    await retention.idle();
    expect(again).toMatchObject({ exchanges: 0, ledgerEntries: 0 });
  });

  test('an hour that was not kept once is not whole again', async () => {
    const store = await here.open();
    await store.notePruned({ beforeMs: 10 * HOUR_MS, keptHoursMs: [3 * HOUR_MS, 4 * HOUR_MS] });
    await store.notePruned({ beforeMs: 9 * HOUR_MS, keptHoursMs: [2 * HOUR_MS, 4 * HOUR_MS, 11 * HOUR_MS] });
    expect(await store.prunedDetail()).toEqual({ beforeMs: 10 * HOUR_MS, keptHoursMs: [4 * HOUR_MS, 11 * HOUR_MS] });
  });

  test('entries are settled while a run is under way', async () => {
    const store = await here.open();
    await fill(store);
    const retention = retentionOf(store);
    const run = retention.begin(false);
    let settled = 0;
    while (retention.underWay !== undefined) {
      await store.writeLedger([ledgerEntry({ id: `tp_new${settled}.1`, atMs: nowMs + settled })]);
      settled++;
      // On SQLite nothing of that waits for anything.
      await Bun.sleep(0);
    }
    expect(settled).toBeGreaterThan(0);
    expect(await store.countAttempts(nowMs, nowMs + DAY_MS)).toBe(settled + 1);
    expect(run.ledgerEntries).toBe(479);
  });
});

onEachDatabase((here) => {
  test('a database that fails ends the run, which says so, and the next goes on', async () => {
    const store = await here.open();
    await fill(store);
    let failing = true;
    const flaky: RetentionStore = {
      pruneLedger: (...ask) => store.pruneLedger(...ask),
      countAttempts: (...ask) => store.countAttempts(...ask),
      countExchanges: (...ask) => store.countExchanges(...ask),
      oldestDetail: () => store.oldestDetail(),
      notePruned: (detail) => store.notePruned(detail),
      readMeta: (name) => store.readMeta(name),
      writeMeta: (name, value) => store.writeMeta(name, value),
      pruneExchanges: async (beforeMs, limit) => {
        const deleted = await store.pruneExchanges(beforeMs, limit);
        if (failing && deleted > 0) throw new Error('The server is gone.');
        return deleted;
      },
    };
    const retention = retentionOf(flaky);
    const first = retention.begin(false);
    await retention.idle();
    expect([first.trouble, first.ledgerEntries]).toEqual(['The server is gone.', 0]);
    failing = false;
    const second = retention.begin(false);
    await retention.idle();
    expect(second).toMatchObject({ trouble: undefined, ledgerEntries: 479 });
    expect(await store.countExchanges(0, nowMs - 10 * DAY_MS)).toBe(0);
    // One that is stopped leaves the rest to the next.
    const kept = retentionOf(store, [], { exchangeLogDays: 1, ledgerDays: 7 });
    const stopped = kept.begin(false);
    await kept.stop();
    expect(stopped.trouble).toBe('The gateway was stopped.');
    expect(stopped.endedAtMs).toBe(nowMs);
  });
});
