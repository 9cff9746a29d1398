import { usd } from '../catalog/decimal.ts';
import type { Exchange } from '../exchange.ts';
import type { BudgetStanding } from '../policy/budgets/budget-hold.ts';
import { labelOf } from '../policy/budgets/compiled-budget.ts';
import { headerSafe } from './answer-headers.ts';

/** Tells what is left of the tightest budget and of which soft line is crossed; after a refusal, its figures. */
export function budgetHeaders({ budgets }: Exchange, headers: Record<string, string>): void {
  if (budgets === undefined) return;
  const { hold, shortage } = budgets;
  if (shortage !== undefined && shortage.reason !== 'unpriced') {
    headers['x-turnpike-budget-limit-usd'] = usd(shortage.limitNanoUsd);
    headers['x-turnpike-budget-spent-usd'] = usd(shortage.spentNanoUsd);
    headers['x-turnpike-budget-held-usd'] = usd(shortage.heldNanoUsd);
    headers['x-turnpike-budget-needed-usd'] = usd(shortage.neededNanoUsd);
    if (Number.isFinite(shortage.fitsAtMs)) {
      headers['x-turnpike-budget-reset'] = new Date(shortage.fitsAtMs).toISOString();
    }
    return;
  }
  if (budgets.gaveWay !== undefined) headers['x-turnpike-budget-fallback'] = headerSafe(budgets.gaveWay);
  const left = leastLeft(hold.standings);
  if (left !== undefined) headers['x-turnpike-budget-remaining-usd'] = usd(left);
  const alert = softLine(hold.standings);
  if (alert !== undefined) headers['x-turnpike-budget-alert'] = headerSafe(alert);
}

/** What neither is spent nor held; below 0 when a call cost more than could be foreseen. */
function leastLeft(standings: readonly BudgetStanding[]): bigint | undefined {
  let least: bigint | undefined;
  for (const { budget, account } of standings) {
    const { limitNanoUsd } = budget.rule;
    if (limitNanoUsd === undefined) continue;
    const left = limitNanoUsd - account.spentNanoUsd - account.heldNanoUsd;
    if (least === undefined || left < least) least = left;
  }
  return least;
}

function softLine(standings: readonly BudgetStanding[]): string | undefined {
  for (const { budget, account } of standings) {
    const { softNanoUsd } = budget.rule;
    if (softNanoUsd === undefined || account.spentNanoUsd < softNanoUsd) continue;
    const label = labelOf(budget.rule, account.instance);
    return `${label}: ${usd(account.spentNanoUsd)} USD spent, soft line ${usd(softNanoUsd)} USD`;
  }
  return undefined;
}
