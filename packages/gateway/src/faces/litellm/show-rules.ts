import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { nowMs } from '../../runtime/clock.ts';
import { budgetPartsOf } from './budget-parts.ts';
import { windowNow } from './budget-window.ts';
import { durationOfPeriod, periodOfDuration } from './duration.ts';
import { limitPartsOf } from './limit-parts.ts';
import { numberOfLine } from './money.ts';
import type { FaceContext } from './operation.ts';
import { sharedBudgets } from './spend-now.ts';

/** Budgets and limits of an entity in LiteLLM's fields. */
export function litellmRules(body: EntityBody) {
  const { main, windows, models } = budgetPartsOf(body);
  const limits = limitPartsOf(body);
  const { budgetDuration, budgetLimitDurations = [] } = body.litellm ?? {};
  const increase = main?.temporaryIncrease;
  return {
    max_budget: numberOfLine(main?.amount),
    soft_budget: numberOfLine(main?.soft),
    budget_duration: durationOf(main, budgetDuration),
    budget_reset_at: resetAt(main),
    budget_limits:
      windows.length === 0
        ? null
        : windows.map((entry, at) => ({
            budget_duration: durationOf(entry, budgetLimitDurations[at]),
            max_budget: numberOfLine(entry.amount),
            reset_at: resetAt(entry),
          })),
    model_max_budget: Object.fromEntries(
      [...models].map(([model, entry]) => [
        model,
        { budget_limit: numberOfLine(entry.amount), time_period: durationOfPeriod(entry.per) },
      ]),
    ),
    rpm_limit: limits.rpm ?? null,
    tpm_limit: limits.tpm ?? null,
    max_parallel_requests: limits.parallel ?? null,
    ...(limits.modelRpm.size > 0 && { model_rpm_limit: Object.fromEntries(limits.modelRpm) }),
    ...(limits.modelTpm.size > 0 && { model_tpm_limit: Object.fromEntries(limits.modelTpm) }),
    ...(limits.tagRpm.size > 0 && { tag_rpm_limit: Object.fromEntries(limits.tagRpm) }),
    ...(increase !== undefined && {
      temp_budget_increase: numberOfLine(increase.amount),
      temp_budget_expiry: isoDate(increase.untilMs),
    }),
  };
}

/** The reusable budget it has, in the fields of LiteLLM's table of budgets. */
export function shownSharedBudget({ house }: FaceContext, body: EntityBody) {
  const [budget] = sharedBudgets(house, body);
  return { budget_id: budget?.name ?? null, litellm_budget_table: budget === undefined ? null : budgetTable(budget) };
}

/** The rules of a reusable budget, or those of something that has them itself. */
export function budgetTable({ kind, name, body }: Pick<Entity, 'kind' | 'name' | 'body'>) {
  const { max_budget, soft_budget, budget_duration, budget_reset_at, ...rules } = litellmRules(body);
  return {
    budget_id: kind === 'budget' ? name : null,
    max_budget,
    soft_budget,
    budget_duration,
    budget_reset_at,
    max_parallel_requests: rules.max_parallel_requests,
    tpm_limit: rules.tpm_limit,
    rpm_limit: rules.rpm_limit,
    model_max_budget: rules.model_max_budget,
  };
}

/** As it was written, as long as it says what holds. */
function durationOf(entry: LevelBudgetEntry | undefined, given: string | undefined): string | null {
  if (entry === undefined) return given ?? null;
  if (given !== undefined && periodOfDuration('budget_duration', given) === entry.per) return given;
  return durationOfPeriod(entry.per);
}

/** When it is full again; null where nothing turns at an instant. */
function resetAt(entry: LevelBudgetEntry | undefined): string | null {
  const endMs = entry === undefined ? undefined : windowNow(entry, nowMs()).endMs;
  return endMs === undefined ? null : isoDate(endMs);
}

export function isoDate(ms: number): string {
  return new Date(ms).toISOString();
}
