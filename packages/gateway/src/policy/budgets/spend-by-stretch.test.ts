import { expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readBudgetEntry } from '../../config/budget-entry.ts';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { Retention } from '../../ledger/retention.ts';
import { openStore } from '../../store/open-store.ts';
import type { Store } from '../../store/store.ts';
import { Budgets } from './budgets.ts';
import { hoursNeeded } from './hours-needed.ts';
import { PeriodClock } from './period-clock.ts';
import { restoreSpend } from './restore-spend.ts';
import { spendByStretch } from './spend-by-stretch.ts';

const nowMs = Date.parse('2026-11-21T10:45:00Z');
const MINUTE_MS = 60_000;

async function withStore(run: (store: Store) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
  const store = await openStore({ url: undefined, dataDir });
  await run(store);
  await store.close();
  rmSync(dataDir, { recursive: true });
}

test('parts of a rolling window are exact while few entries lie in the hours they cut, and never short beyond that', () =>
  withStore(async (store) => {
    const entry = fc.record({ agoMs: fc.integer({ min: 0, max: 30 * 60 * MINUTE_MS }), isWeb: fc.boolean() });
    const entries = fc.sample(entry, { numRuns: 400, seed: 3 }).map(({ agoMs, isWeb }, index) => ({
      ...ledgerEntry({ id: `x${index}.1`, atMs: nowMs - agoMs, costNanoUsd: BigInt(index + 1) }),
      scopes: isWeb ? ['key:web', 'team:a'] : ['key:app', 'team:a'],
    }));
    await store.writeLedger(entries);
    for (const minutes of [7, 45, 60, 90, 150, 24 * 60]) {
      const stretches = new PeriodClock({ type: 'rolling', lengthMs: minutes * MINUTE_MS }).counting(nowMs);
      const exact = await spendByStretch(store, ['key:web', 'team:a'], stretches, nowMs, 400);
      const coarse = await spendByStretch(store, ['key:web', 'team:a'], stretches, nowMs, 0);
      for (const scope of ['key:web', 'team:a']) {
        let [later, laterCoarse, laterTrue] = [0n, 0n, 0n];
        for (let at = stretches.length - 1; at >= 0; at--) {
          const { startMs, endMs } = stretches[at] ?? { startMs: 0, endMs: 0 };
          const within = entries.filter((each) => each.atMs >= startMs && each.atMs < endMs);
          for (const { scopes, costNanoUsd } of within) if (scopes.includes(scope)) laterTrue += costNanoUsd ?? 0n;
          later += exact[at]?.get(scope) ?? 0n;
          laterCoarse += coarse[at]?.get(scope) ?? 0n;
          expect([minutes, at, later]).toEqual([minutes, at, laterTrue]);
          // What counts until any later moment is never less than what was spent since.
          expect(laterCoarse).toBeGreaterThanOrEqual(laterTrue);
        }
        const hourEarlier = (stretches[0]?.startMs ?? 0) - 60 * MINUTE_MS;
        const most = entries.filter((each) => each.scopes.includes(scope) && each.atMs >= hourEarlier);
        expect(laterCoarse).toBeLessThanOrEqual(most.reduce((sum, { costNanoUsd }) => sum + (costNanoUsd ?? 0n), 0n));
      }
    }
  }));

test('budgets keep the entries their windows cut when older ones go; windows that come later are never short', () =>
  withStore(async (store) => {
    const DAY_MS = 24 * 60 * MINUTE_MS;
    const entries = fc
      .sample(fc.integer({ min: 0, max: 40 * DAY_MS }), { numRuns: 3_000, seed: 5 })
      .map((agoMs, index) => ledgerEntry({ id: `x${index}.1`, atMs: nowMs - agoMs, costNanoUsd: BigInt(index + 1) }));
    await store.writeLedger(entries);
    const budgets = new Budgets(
      () => undefined,
      () => nowMs,
    );
    const rules = ['31d', 'month'].map((per) => {
      const rule = readBudgetEntry({ amount: 1, per, ...(per === 'month' && { zone: 'Asia/Kolkata' }) });
      if ('message' in rule) throw new Error(rule.message);
      return rule;
    });
    const compiled = budgets.compile(rules);
    const spentIn = async (lengthMs: number) => {
      const stretches = new PeriodClock({ type: 'rolling', lengthMs }).counting(nowMs);
      return (await spendByStretch(store, ['key:web'], stretches, nowMs, 1_000_000)).map(
        (spent) => spent.get('key:web') ?? 0n,
      );
    };
    const [before, others] = [await spentIn(31 * DAY_MS), await spentIn(23 * DAY_MS)];
    const kept = hoursNeeded(compiled, nowMs);
    expect(kept.length).toBeGreaterThanOrEqual(40);
    const retention = new Retention({
      store,
      settings: () => ({ ledgerDays: 7 }),
      hoursNeeded: () => kept,
      log: { info: () => undefined, warn: () => undefined },
      timers: {
        after: (_, run) => {
          queueMicrotask(run);
          return () => undefined;
        },
        every: () => () => undefined,
      },
      now: () => nowMs,
    });
    retention.begin(false);
    await retention.idle();
    const left = await store.countAttempts(0, nowMs - 7 * DAY_MS);
    expect([left > 0, left < 500]).toEqual([true, true]);
    expect(await spentIn(31 * DAY_MS)).toEqual(before);
    const later = await spentIn(23 * DAY_MS);
    let [sum, laterSum] = [0n, 0n];
    for (let at = others.length - 1; at >= 0; at--) {
      sum += others[at] ?? 0n;
      laterSum += later[at] ?? 0n;
      expect(laterSum).toBeGreaterThanOrEqual(sum);
    }
  }));

test('budgets of ten thousand keys are read together', () =>
  withStore(async (store) => {
    const costs = Array.from({ length: 10_000 }, (_, key) =>
      ledgerEntry({ id: `x${key}.1`, atMs: nowMs - (key % 50) * MINUTE_MS, costNanoUsd: BigInt(key) }),
    ).map((entry, key) => ({ ...entry, scopes: [`key:k${key}`] }));
    await store.writeLedger(costs);
    const rules = costs.flatMap((_, key) =>
      ['month', '2h'].map((per) => {
        const rule = readBudgetEntry({ amount: 1, per, scope: { key: `k${key}` } });
        if ('message' in rule) throw new Error(rule.message);
        return rule;
      }),
    );
    const budgets = new Budgets(
      () => undefined,
      () => nowMs,
    );
    const compiled = budgets.compile(rules);
    let asked = 0;
    await restoreSpend(
      compiled,
      {
        spendOf: (...ask) => {
          asked += 1;
          return store.spendOf(...ask);
        },
        ledgerRollups: (ask) => store.ledgerRollups(ask),
        ledgerByHand: (fromMs) => store.ledgerByHand(fromMs),
        prunedDetail: () => store.prunedDetail(),
      },
      nowMs,
    );
    // One stretch is the month, and the parts of two hours are sixty, and the one that is ending.
    expect(asked).toBeLessThanOrEqual(62);
    for (const [at, { accounts }] of compiled.entries()) {
      const account = accounts.of('');
      account.roll(nowMs);
      expect(account.spentNanoUsd).toBe(BigInt(Math.floor(at / 2)));
    }
  }));
