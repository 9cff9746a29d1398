import { expect, test } from 'bun:test';
import type { BudgetRule } from '../../config/budget-rule.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import type { JournalledEntry } from '../../ledger/recover.ts';
import { compileBudget, identityOf } from './compiled-budget.ts';
import { unreportedCharges } from './unreported-charges.ts';

const HOUR_MS = 3_600_000;
const atMs = 1_780_000_000_000;

function budget(rule: Partial<BudgetRule>) {
  const whole: BudgetRule = {
    scope: {},
    each: [],
    period: { type: 'lifetime' },
    limitNanoUsd: 1_000n,
    softNanoUsd: undefined,
    unpriced: 'refuse',
    ...rule,
  } as BudgetRule;
  return compileBudget(whole, identityOf(whole), undefined);
}

function journalled(costNanoUsd: bigint, scopes: string[], offset: number | undefined, segment = 3): JournalledEntry {
  const entry = { scopes, costNanoUsd, atMs, provider: 'openai' } as unknown as LedgerEntry;
  return { entry, end: offset === undefined ? undefined : { segment, offset } };
}

test('each account gets what its scope spent behind its own mark, and what never ended', () => {
  const team = budget({ scope: { team: 'web' } });
  const all = budget({ period: { type: 'calendar', unit: 'hour', zone: 'UTC' } });
  const users = budget({ each: ['user'] });
  const entries = [
    journalled(1n, ['key:a', 'team:web', 'user:ada'], 100),
    journalled(10n, ['key:a', 'team:web', 'user:ada'], 200),
    journalled(100n, ['key:b', 'team:other', 'user:bob'], 300),
    journalled(1_000n, ['key:a', 'team:web', 'user:ada'], 50, 4),
    journalled(10_000n, ['key:a', 'team:web'], undefined),
  ];
  const marks = [
    { account: `b:${team.id}:`, place: { segment: 3, offset: 100 } },
    { account: `b:${all.id}:`, place: { segment: 3, offset: 200 } },
    { account: `b:${users.id}:\nuser:ada`, place: { segment: 3, offset: 10 } },
    { account: 'b:forgotten:', place: { segment: 1, offset: 0 } },
  ];
  const asked: unknown[] = [];
  const journal = {
    writer: 'w1',
    entriesFrom: (place: unknown) => {
      asked.push(place);
      return entries;
    },
  };
  const found = unreportedCharges(journal, marks, [team, all, users]);
  const sums = found.map(({ account, charges }) => [account, charges.reduce((sum, { amount }) => sum + amount, 0n)]);
  expect(sums).toEqual([
    [`b:${team.id}:`, 11_010n],
    [`b:${all.id}:`, 11_100n],
    [`b:${users.id}:\nuser:ada`, 1_011n],
  ]);
  // The window in which they began.
  const endMs = (Math.floor(atMs / HOUR_MS) + 1) * HOUR_MS;
  expect(new Set(found[1]?.charges.map(({ untilMs }) => untilMs))).toEqual(new Set([endMs]));
  // Read once, from the earliest mark on.
  expect(asked).toEqual([{ segment: 1, offset: 0 }]);
});
