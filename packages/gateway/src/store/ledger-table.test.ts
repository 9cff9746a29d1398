import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { rollupScopes } from '../ledger/entry.ts';
import { onEachDatabase } from './each-database.test-support.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const noon = Date.UTC(2026, 4, 17, 12);

onEachDatabase((here) => {
  test('entries come back as they were written', async () => {
    const store = await here.open();
    const plain = ledgerEntry({ id: 'tp_1.1' });
    const odd = ledgerEntry({
      id: 'tp_2.2',
      atMs: noon,
      exchangeId: 'tp_2',
      attempt: 2,
      scopes: ['key:a "quoted", name', 'team:search'],
      fault: 'upstream_failed',
      usage: {},
      costNanoUsd: undefined,
      uncovered: ['outputTokens'],
      isEstimated: true,
      paidBy: 'team:search',
      ownCostNanoUsd: 9_007_199_254_740_993n,
    });
    const credit = ledgerEntry({
      id: 'adj_1',
      kind: 'adjustment',
      atMs: noon + 1,
      exchangeId: undefined,
      attempt: undefined,
      model: undefined,
      provider: undefined,
      endpoint: undefined,
      modelServed: undefined,
      usage: {},
      costNanoUsd: -9_007_199_254_740_993n,
      note: 'Goodwill',
    });
    expect([...(await store.writeLedger([plain, odd, credit]))].sort()).toEqual(['adj_1', 'tp_1.1', 'tp_2.2']);
    expect(await store.ledgerEntries({ limit: 10 })).toEqual([credit, odd, plain]);
    expect(await store.ledgerEntries({ limit: 10, exchangeId: 'tp_2' })).toEqual([odd]);
    expect(await store.ledgerEntries({ limit: 10, scope: 'team:search' })).toEqual([odd]);
    expect(await store.ledgerEntries({ limit: 10, scope: 'key:a "quoted", name' })).toEqual([odd]);
  });

  test('what scopes spent is summed from the day it is asked for', async () => {
    const store = await here.open();
    await store.writeLedger([
      ledgerEntry({ id: 'tp_1.1', atMs: noon, costNanoUsd: 9_007_199_254_740_993n }),
      ledgerEntry({
        id: 'tp_2.1',
        atMs: noon - DAY,
        costNanoUsd: 5n,
        paidBy: 'key:web',
        ownCostNanoUsd: 9_007_199_254_740_995n,
      }),
      ledgerEntry({ id: 'tp_3.1', atMs: noon - 40 * DAY, costNanoUsd: 7n, scopes: ['key:other'] }),
    ]);
    const today = noon - 12 * HOUR;
    const spent = await store.spendByDays(['key:web', 'key:other', 'key:none'], [0, today - DAY, today]);
    expect(spent).toEqual(
      new Map([
        ['key:web', [9_007_199_254_740_998n, 9_007_199_254_740_998n, 9_007_199_254_740_993n]],
        ['key:other', [7n, 0n, 0n]],
      ]),
    );
    expect(await store.spendByDays(['key:web', 'key:other'], [0, today], 'own')).toEqual(
      new Map([
        ['key:web', [9_007_199_254_740_995n, 0n]],
        ['key:other', [0n, 0n]],
      ]),
    );
    expect(await store.spendByDays([], [0])).toEqual(new Map());
  });

  test('what is sent twice counts once, in the entries and in the sums', async () => {
    const store = await here.open();
    const first = ledgerEntry({ id: 'tp_1.1' });
    await store.writeLedger([first]);
    const fresh = await store.writeLedger([
      { ...first, costNanoUsd: 999n },
      ledgerEntry({ id: 'tp_2.1' }),
      ledgerEntry({ id: 'tp_2.1' }),
    ]);
    expect([...fresh]).toEqual(['tp_2.1']);
    expect(await store.spendBetween('key:web', 0, Number.MAX_SAFE_INTEGER)).toBe(2_000n);
    const [sum] = await store.ledgerRollups({ by: 'key', period: 'day', fromMs: 0, toMs: noon * 2, limit: 10 });
    expect(sum).toEqual({
      scope: 'key:web',
      startMs: Date.UTC(2026, 4, 17),
      entries: 2,
      unpriced: 0,
      estimated: 0,
      failed: 0,
      costNanoUsd: 2_000n,
      inputTokens: 20,
      outputTokens: 10,
      cacheReadTokens: 6,
      cacheWriteTokens: 0,
      reasoningTokens: 0,
      upliftNanoUsd: 0n,
      ownCostNanoUsd: 0n,
    });
  });

  test('a batch with an entry that cannot be entered changes nothing', async () => {
    const store = await here.open();
    const broken = ledgerEntry({ id: 'tp_9.1', atMs: Number.NaN });
    expect(store.writeLedger([ledgerEntry({ id: 'tp_8.1' }), broken])).rejects.toThrow();
    expect(await store.ledgerEntries({ limit: 10 })).toEqual([]);
    expect(await store.spendBetween('all', 0, noon * 2)).toBe(0n);
  });

  test('pages follow each other without a gap, in either order', async () => {
    const store = await here.open();
    const entries = Array.from({ length: 7 }, (_, n) =>
      ledgerEntry({ id: `tp_${n}.1`, atMs: noon + Math.floor(n / 3) }),
    );
    await store.writeLedger(entries);
    for (const order of ['newest', 'oldest'] as const) {
      const seen: string[] = [];
      for (let beyond: { atMs: number; id: string } | undefined; ; ) {
        const page = await store.ledgerEntries({ limit: 2, order, beyond });
        seen.push(...page.map(({ id }) => id));
        beyond = page.at(-1);
        if (page.length < 2) break;
      }
      const ids = entries.map(({ id }) => id);
      expect(seen).toEqual(order === 'oldest' ? ids : ids.reverse());
    }
  });

  test('sums are kept by scope and are told apart by large and small letters', async () => {
    const store = await here.open();
    await store.writeLedger([
      ledgerEntry({ id: 'tp_1.1', scopes: ['key:Web'], costNanoUsd: 1n }),
      ledgerEntry({ id: 'tp_2.1', scopes: ['key:web', 'team:a'], costNanoUsd: 20n, endpoint: 'other' }),
      ledgerEntry({ id: 'tp_3.1', scopes: ['key:web2'], costNanoUsd: undefined, isEstimated: true, fault: 'internal' }),
    ]);
    const from = noon - 2 * HOUR + 1; // Within the hour of the entries, so the entries themselves are looked at.
    for (const [start, name] of [
      [0, 'whole'],
      [from, 'within an hour'],
    ] as const) {
      const spent = (scope: string) => store.spendBetween(scope, start, noon);
      expect([name, await spent('key:Web'), await spent('key:web'), await spent('team:a')]).toEqual([
        name,
        1n,
        20n,
        20n,
      ]);
      expect([await spent('endpoint:other'), await spent('provider:openai'), await spent('all')]).toEqual([
        20n,
        21n,
        21n,
      ]);
      expect(await spent('team:none')).toBe(0n);
    }
    const rollups = await store.ledgerRollups({ by: 'key', period: 'hour', fromMs: 0, toMs: noon, limit: 10 });
    expect(rollups.map(({ scope }) => scope)).toEqual(['key:Web', 'key:web', 'key:web2']);
    expect(rollups[2]).toMatchObject({ entries: 1, unpriced: 1, estimated: 1, failed: 1, costNanoUsd: 0n });
  });

  test('money between any two moments is the sum of the entries that began there', async () => {
    const store = await here.open();
    const time = fc.integer({ min: 0, max: 3 * DAY });
    const entry = fc.record({ atMs: time, cost: fc.bigInt({ min: -(2n ** 50n), max: 2n ** 50n }), team: fc.boolean() });
    const given = fc.sample(entry, { numRuns: 300, seed: 7 });
    const entries = given.map(({ atMs, cost, team }, n) =>
      ledgerEntry({ id: `tp_${n}.1`, atMs, costNanoUsd: cost, scopes: team ? ['key:web', 'team:a'] : ['key:web'] }),
    );
    await store.writeLedger(entries);
    const bounds = fc.sample(fc.tuple(time, time), { numRuns: 150, seed: 8 });
    const edges: [number, number][] = [
      [HOUR, 2 * HOUR],
      [0, DAY],
      [DAY, DAY],
      [DAY - 1, 2 * DAY + 1],
      [HOUR + 1, HOUR + 2],
    ];
    for (const [fromMs, toMs] of [...bounds, ...edges]) {
      for (const scope of ['team:a', 'all']) {
        const within = entries.filter(
          (each) => each.atMs >= fromMs && each.atMs < toMs && rollupScopes(each).list.includes(scope),
        );
        const sum = within.reduce((total, { costNanoUsd }) => total + (costNanoUsd ?? 0n), 0n);
        expect([scope, fromMs, toMs, await store.spendBetween(scope, fromMs, toMs)]).toEqual([
          scope,
          fromMs,
          toMs,
          sum,
        ]);
      }
    }
  });
});
