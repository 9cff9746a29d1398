import { expect, test } from 'bun:test';
import fc from 'fast-check';
import type { BudgetPeriod, BudgetRule } from '../../config/budget-rule.ts';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { type LedgerEntry, rollupScopes } from '../../ledger/entry.ts';
import { onEachDatabase } from '../../store/each-database.test-support.ts';
import type { Caller } from '../caller.ts';
import { scopeKey } from '../scope.ts';
import { Budgets } from './budgets.ts';
import { instancesUnder, ledgerScopeOf } from './compiled-budget.ts';
import { enterByHand } from './enter-by-hand.ts';
import { restoreSpend } from './restore-spend.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const begin = Date.UTC(2026, 4, 30, 7);
const month: BudgetPeriod = { type: 'calendar', unit: 'month', zone: 'UTC' };
const base = { limitNanoUsd: 10n ** 18n, softNanoUsd: undefined, each: [], unpriced: 'refuse' } as const;
const rules: BudgetRule[] = [
  { ...base, period: { type: 'lifetime' }, scope: { team: 'web' } },
  { ...base, period: month, scope: {} },
  { ...base, period: { type: 'calendar', unit: 'day', zone: 'UTC' }, scope: {}, each: ['key'] },
  { ...base, period: { type: 'rolling', lengthMs: DAY }, scope: { key: 'a' } },
  { ...base, period: { type: 'rolling', lengthMs: 6 * HOUR }, scope: { team: 'web', key: 'b' } },
  { ...base, period: { type: 'lifetime' }, scope: { team: 'web' }, countsFromMs: begin },
  { ...base, period: month, scope: { team: '*' }, each: ['key', 'model'] },
];

function caller(key: string): Caller {
  const scopes = [
    { type: 'key', id: key },
    { type: 'team', id: 'web' },
  ] as const;
  return {
    id: key,
    name: key,
    scopes,
    isAdmin: false,
    ownerIds: [],
    mayBringCredentials: false,
    policy: {} as Caller['policy'],
    refusal: undefined,
    admin: undefined,
  };
}
const callers = { a: caller('a'), b: caller('b') };

const event = fc.record({
  afterMs: fc.integer({ min: 0, max: 3 * HOUR }),
  key: fc.constantFrom('a', 'b'),
  model: fc.constantFrom('m', 'n'),
  nanoUsd: fc.bigInt({ min: 1n, max: 2n ** 40n }),
  /** How an entry by hand differs; undefined: an attempt. */
  byHand: fc.option(fc.record({ agoMs: fc.integer({ min: 0, max: 2 * DAY }), isCredit: fc.boolean() }), {
    nil: undefined,
  }),
  isTold: fc.boolean(),
});

/** Every account of every budget, with what is spent of it. */
function standing(budgets: Budgets): string[] {
  return budgets.inForce
    .flatMap((budget, at) =>
      [...budget.accounts.all].flatMap((account) => {
        account.roll(budgets.now());
        return account.spentNanoUsd === 0n ? [] : [`${at}${account.instance} ${account.spentNanoUsd}`];
      }),
    )
    .sort();
}

onEachDatabase((here) => {
  test('entries, sums, running budgets and budgets after a start say the same, with adjustments among them', async () => {
    for (const [run, events] of fc
      .sample(fc.array(event, { minLength: 20, maxLength: 40 }), { numRuns: 6, seed: 11 })
      .entries()) {
      const store = run === 0 ? await here.open() : await here.reopen();
      let nowMs = begin + run * 1_000 * DAY;
      const open = async () => {
        const budgets = new Budgets(
          () => undefined,
          () => nowMs,
        );
        const compiled = budgets.compile(rules);
        await restoreSpend(compiled, store, nowMs);
        budgets.apply(compiled);
        return budgets;
      };
      const running = await open();
      const entries: LedgerEntry[] = await store.ledgerEntries({ limit: 1_000 });
      for (const [n, { afterMs, key, model, nanoUsd, byHand, isTold }] of events.entries()) {
        nowMs += afterMs;
        const who = callers[key as 'a' | 'b'];
        const concerned = running.of(who);
        if (concerned === undefined) throw new Error('The budgets concern everybody.');
        const hold = running.open(concerned, { caller: who, model, endUser: undefined, tags: [] });
        const costNanoUsd = byHand?.isCredit === true ? -nanoUsd : nanoUsd;
        const entry = ledgerEntry({
          id: `${run}-${n}`,
          kind: byHand === undefined ? 'attempt' : 'adjustment',
          atMs: nowMs - (byHand?.agoMs ?? 0),
          settledAtMs: nowMs,
          scopes: [...new Set([...who.scopes.map(scopeKey), ...hold.ledgerScopes()])],
          model,
          costNanoUsd,
        });
        entries.push(entry);
        if (byHand === undefined) {
          expect(await hold.take('openai', nanoUsd)).toBeUndefined();
          hold.charge(nanoUsd);
        }
        await store.writeLedger([entry]);
        if (byHand === undefined) continue;
        enterByHand(running.inForce, entry, nowMs, undefined);
        // News may come twice, and also to one who has read it with the rest.
        const started = await open();
        if (isTold) for (const each of [running, started]) enterByHand(each.inForce, entry, nowMs, undefined);
        expect(standing(started)).toEqual(standing(running));
      }
      expect(standing(await open())).toEqual(standing(running));
      const sum = (of: readonly LedgerEntry[]) => of.reduce((all, { costNanoUsd = 0n }) => all + costNanoUsd, 0n);
      const days = await store.ledgerRollups({ by: 'all', period: 'day', fromMs: 0, toMs: nowMs + DAY, limit: 1_000 });
      expect(days.reduce((all, day) => all + day.costNanoUsd, 0n)).toBe(sum(entries));
      const [ofTeam] = running.inForce;
      expect(ofTeam?.accounts.of('').spentNanoUsd).toBe(sum(entries));
    }
  }, 60_000);
});

test('the names of a budget in the ledger lead back to its accounts', () => {
  const budgets = new Budgets(() => undefined);
  for (const budget of budgets.compile([...rules, ...rules])) {
    const subject = { caller: callers.a, model: 'm', endUser: undefined, tags: [] };
    const instance = budget.each.map((type) => `\n${type}:${type === 'key' ? 'a' : subject.model}`).join('');
    const name = ledgerScopeOf(budget, instance);
    const names = rollupScopes(ledgerEntry({ id: 'x', scopes: ['key:a', 'team:web', name], model: 'm' })).list;
    expect(instancesUnder(budget, names)).toEqual([instance]);
  }
});
