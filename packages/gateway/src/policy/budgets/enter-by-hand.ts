import { type LedgerEntry, rollupScopes } from '../../ledger/entry.ts';
import type { QuotaCharge } from '../../quota/authority.ts';
import { quotaUntilMs } from './budget-account.ts';
import { type CompiledBudget, instancesUnder } from './compiled-budget.ts';

/** Charges an account that processes share: each of them says so, and it counts once. */
export type EnterShared = (budget: CompiledBudget, instance: string, entryId: string, charge: QuotaCharge) => void;

/**
 * Moves running budgets by a ledger entry that was made by hand, just as a start that reads it would: once, however often
 * it is told.
 *
 * @param enterShared When processes share budgets; undefined: there is one process.
 */
export function enterByHand(
  budgets: readonly CompiledBudget[],
  entry: LedgerEntry,
  nowMs: number,
  enterShared: EnterShared | undefined,
): void {
  const { id, costNanoUsd = 0n } = entry;
  if (costNanoUsd === 0n) return;
  const names = rollupScopes(entry).list;
  const atMs = Math.min(entry.atMs, nowMs);
  for (const budget of budgets) {
    const { accounts } = budget;
    const instances = instancesUnder(budget, names);
    if (instances.length === 0 || !accounts.include(id)) continue;
    for (const instance of instances) {
      if (enterShared === undefined) {
        accounts.of(instance).enter(atMs, costNanoUsd, nowMs);
        continue;
      }
      const stretch = accounts.clock.at(atMs);
      const charge = { amount: costNanoUsd, untilMs: quotaUntilMs(stretch) };
      if (stretch.untilMs > nowMs) enterShared(budget, instance, id, charge);
    }
  }
}
