import type { CompiledBudget } from './compiled-budget.ts';

const HOUR_MS = 3_600_000;

/**
 * Hours that windows in force cut, so that what was spent in them before and after is told from the entries: those of rolling
 * windows, and of zones off by half an hour. Starts of hours, Unix milliseconds, the earliest first.
 */
export function hoursNeeded(budgets: readonly CompiledBudget[], nowMs: number): number[] {
  const hours = new Set<number>();
  const seen = new Set<string>();
  for (const { rule, accounts } of budgets) {
    const period = JSON.stringify(rule.period);
    if (seen.has(period)) continue;
    seen.add(period);
    for (const { startMs } of accounts.clock.counting(nowMs)) {
      if (startMs % HOUR_MS !== 0) hours.add(Math.floor(startMs / HOUR_MS) * HOUR_MS);
    }
  }
  return [...hours].sort((a, b) => a - b);
}
