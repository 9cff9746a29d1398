import { readBudgetEntry } from './budget-entry.ts';
import type { BudgetRule } from './budget-rule.ts';
import type { Mapping } from './litellm-source.ts';

/** LiteLLM's lengths that turn with the calendar, as its own resets do: a day at midnight, 30 days on the first. */
const periods: Readonly<Record<string, string>> = {
  '1h': 'hour',
  '1d': 'day',
  '7d': 'week',
  '30d': 'month',
  '1mo': 'month',
};

/** The budget of the whole gateway: `max_budget` US dollars for each `budget_duration`, or altogether. */
export function readLitellmBudget(settings: Mapping, report: string[]): readonly BudgetRule[] {
  const { max_budget: amount, budget_duration: duration, timezone } = settings;
  if (amount === undefined) {
    if (duration !== undefined) report.push('litellm_settings.budget_duration: means nothing without max_budget.');
    if (timezone !== undefined) report.push('litellm_settings.timezone: means nothing without max_budget.');
    return [];
  }
  if (typeof amount !== 'number' && typeof amount !== 'string') {
    report.push('litellm_settings.max_budget: not understood; no budget is kept.');
    return [];
  }
  const per = duration === undefined ? 'lifetime' : periods[String(duration)];
  if (per === undefined) {
    report.push(`litellm_settings.budget_duration: ${duration} is no turn of the calendar; no budget is kept.`);
    return [];
  }
  const zone = per === 'lifetime' || typeof timezone !== 'string' ? {} : { zone: timezone };
  const rule = readBudgetEntry({ amount, per, unpriced: 'allow', unbounded: 'estimate', ...zone });
  if (!('message' in rule)) return [rule];
  report.push(`litellm_settings.max_budget: ${rule.message}; no budget is kept.`);
  return [];
}
