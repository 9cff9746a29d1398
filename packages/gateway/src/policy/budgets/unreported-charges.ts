import type { AccountCharges, AccountMark, JournalPlace, Leftovers } from '../../fleet/seat.ts';
import { rollupScopes } from '../../ledger/entry.ts';
import type { GoneJournal, JournalledEntry } from '../../ledger/recover.ts';
import { quotaUntilMs } from './budget-account.ts';
import { type CompiledBudget, ledgerScopeOf } from './compiled-budget.ts';

/**
 * Has the authority of a fleet enter what a process that is gone had not reported, and free what it had leased.
 *
 * @param budgets Undefined before there are any in force.
 * @returns false when that is for later: what its accounts are is not known yet.
 */
export async function settleGone(
  seat: Leftovers,
  journal: GoneJournal,
  budgets: readonly CompiledBudget[] | undefined,
): Promise<boolean> {
  const marks = await seat.marksOf(journal.writer);
  if (marks === undefined) return true;
  if (budgets === undefined) return false;
  await seat.settle(journal.writer, unreportedCharges(journal, marks, budgets));
  return true;
}

/**
 * What a process that is gone had spent of shared budgets and not told the authority: what its journal has behind the
 * place where it stood at its last report, and what it never ended. Accounts of budgets that are not in force any more
 * get nothing: nobody asks for them.
 */
export function unreportedCharges(
  journal: GoneJournal,
  marks: readonly AccountMark[],
  budgets: readonly CompiledBudget[],
): AccountCharges[] {
  const first = marks.reduce<JournalPlace | undefined>(
    (least, { place }) => (least === undefined || isBefore(place, least) ? place : least),
    undefined,
  );
  if (first === undefined) return [];
  const byScope = groupByScope(journal.entriesFrom(first));
  const byId = new Map(budgets.map((budget) => [budget.id, budget]));
  return marks.flatMap(({ account, place }) => {
    const named = /^b:([^:]+):(.*)$/s.exec(account);
    const budget = byId.get(named?.[1] ?? '');
    if (named === null || budget === undefined) return [];
    const entries = byScope.get(ledgerScopeOf(budget, named[2] ?? '')) ?? [];
    const charges = entries
      .filter(({ end }) => end === undefined || isBefore(place, end))
      .map(({ entry }) => ({
        amount: entry.costNanoUsd ?? 0n,
        untilMs: quotaUntilMs(budget.accounts.clock.at(entry.atMs)),
      }));
    return charges.length === 0 ? [] : [{ account, charges }];
  });
}

function isBefore(one: JournalPlace, other: JournalPlace): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.offset < other.offset);
}

function groupByScope(entries: readonly JournalledEntry[]): Map<string, JournalledEntry[]> {
  const groups = new Map<string, JournalledEntry[]>();
  for (const one of entries) {
    for (const scope of rollupScopes(one.entry).list) {
      const group = groups.get(scope);
      if (group === undefined) groups.set(scope, [one]);
      else group.push(one);
    }
  }
  return groups;
}
