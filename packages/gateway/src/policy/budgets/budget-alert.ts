import { usd } from '../../catalog/decimal.ts';
import type { Alert } from '../../telemetry/alert-sender.ts';
import type { BudgetAlert } from './budget-hold.ts';

/** What is posted of a budget. Amounts are US dollars as decimals, exact. */
export function budgetAlert(alert: BudgetAlert): Alert {
  const { type, id, label, scope, lineNanoUsd, spentNanoUsd, untilMs } = alert;
  const body = {
    type: type === 'spent' ? 'budget.spent' : 'budget.soft_line',
    budget: label,
    // Instances of several kinds are told apart by line feeds.
    scope: scope.replaceAll('\n', ' '),
    lineUsd: usd(lineNanoUsd),
    spentUsd: usd(spentNanoUsd),
    until: Number.isFinite(untilMs) ? new Date(untilMs).toISOString() : null,
  };
  return { id, untilMs, body };
}
