import { AdminFault } from '../../admin/admin-fault.ts';
import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';
import type { EntityBody, LitellmMemory } from '../../identity/entity.ts';
import { nowMs } from '../../runtime/clock.ts';
import { type BudgetParts, budgetPartsOf, budgetsOf } from './budget-parts.ts';
import { durationMs, periodOfDuration } from './duration.ts';
import { type LimitParts, limitPartsOf, limitsOf } from './limit-parts.ts';
import { usdLine } from './money.ts';
import type { LitellmAmount, LitellmModelBudget, LitellmRules } from './rule-schemas.ts';

/**
 * The budgets and limits of an entity once a request has said its part about them. What the request leaves out stays,
 * what is null goes, and what LiteLLM has no word for is not touched.
 *
 * @throws AdminFault `body_invalid`
 */
export function withLitellmRules(body: EntityBody, fields: Partial<LitellmRules>): EntityBody {
  const budgets = budgetPartsOf(body);
  const limits = limitPartsOf(body);
  const duration = fields.budget_duration;
  const memory: { -readonly [K in keyof LitellmMemory]: LitellmMemory[K] } = { ...body.litellm };
  if (duration !== undefined) memory.budgetDuration = duration ?? undefined;
  changeMain(budgets, fields, memory.budgetDuration);
  if (fields.budget_limits !== undefined) {
    const windows = fields.budget_limits ?? [];
    budgets.windows = windows.map(({ budget_duration, max_budget }) =>
      entryOf(max_budget, periodOfDuration('budget_limits', budget_duration)),
    );
    memory.budgetLimitDurations = windows.map(({ budget_duration }) => budget_duration);
  }
  changeLimits(limits, fields);
  if (fields.model_max_budget !== undefined) changeModels(budgets, limits, fields.model_max_budget ?? {});
  raiseForATime(budgets, fields);
  const { budget_id } = fields;
  const known = Object.fromEntries(Object.entries(memory).filter(([, value]) => value !== undefined));
  return {
    ...body,
    budgets: orNone(budgetsOf(budgets)),
    limits: orNone(limitsOf(limits)),
    ...(budget_id !== undefined && { budgetIds: budget_id ? [budget_id] : undefined }),
    litellm: Object.keys(known).length === 0 ? undefined : known,
  };
}

function orNone<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** Lets what was spent until now count no more. */
export function withSpendReset(body: EntityBody): EntityBody {
  const countsFromMs = nowMs();
  const { budgets = [], budgetIds = [] } = body;
  return {
    ...body,
    budgets: orNone(budgets.map((entry) => ({ ...entry, countsFromMs }))),
    ...(budgetIds.length > 0 && { budgetsCountFromMs: countsFromMs }),
  };
}

function changeMain(parts: BudgetParts, fields: Partial<LitellmRules>, duration: string | undefined): void {
  const { max_budget: amount, soft_budget: soft, budget_duration } = fields;
  if (amount === undefined && soft === undefined && budget_duration === undefined) return;
  const { amount: amountBefore, soft: softBefore, per: _, ...kept } = parts.main ?? { per: '', ...UNPRICED };
  const lines = {
    ...lineOf('amount', amount, amountBefore),
    ...lineOf('soft', soft, softBefore),
  };
  // Without a line a duration waits for one.
  if (Object.keys(lines).length === 0) parts.main = undefined;
  else {
    const per = duration === undefined ? 'lifetime' : periodOfDuration('budget_duration', duration);
    parts.main = { ...kept, ...lines, per };
  }
  if (duration !== undefined) periodOfDuration('budget_duration', duration);
}

function lineOf(
  field: 'amount' | 'soft',
  given: LitellmAmount | null | undefined,
  before: string | number | undefined,
): { amount?: string | number; soft?: string | number } {
  const line = given === undefined ? before : given === null ? undefined : usdLine(given);
  return line === undefined ? {} : { [field]: line };
}

/** As LiteLLM: what has no price costs nothing. */
const UNPRICED = { unpriced: 'allow' } as const;

function entryOf(amount: LitellmAmount, per: string): LevelBudgetEntry {
  return { amount: usdLine(amount), per, ...UNPRICED };
}

function changeModels(
  parts: BudgetParts,
  limits: LimitParts,
  models: Readonly<Record<string, LitellmAmount | LitellmModelBudget>>,
): void {
  parts.models.clear();
  for (const [model, given] of Object.entries(models)) {
    const budget: LitellmModelBudget = typeof given === 'object' ? given : { max_budget: given };
    const amount = budget.max_budget ?? budget.budget_limit ?? undefined;
    const duration = budget.budget_duration ?? budget.time_period ?? undefined;
    const per = duration === undefined ? 'lifetime' : periodOfDuration('model_max_budget', duration);
    if (amount !== undefined) parts.models.set(model, { ...entryOf(amount, per), model });
    if (budget.rpm_limit != null) limits.modelRpm.set(model, budget.rpm_limit);
    if (budget.tpm_limit != null) limits.modelTpm.set(model, budget.tpm_limit);
  }
}

function changeLimits(parts: LimitParts, fields: Partial<LitellmRules>): void {
  const { rpm_limit, tpm_limit, max_parallel_requests, model_rpm_limit, model_tpm_limit, tag_rpm_limit } = fields;
  if (rpm_limit !== undefined) parts.rpm = rpm_limit ?? undefined;
  if (tpm_limit !== undefined) parts.tpm = tpm_limit ?? undefined;
  if (max_parallel_requests !== undefined) parts.parallel = max_parallel_requests ?? undefined;
  if (model_rpm_limit !== undefined) parts.modelRpm = new Map(Object.entries(model_rpm_limit ?? {}));
  if (model_tpm_limit !== undefined) parts.modelTpm = new Map(Object.entries(model_tpm_limit ?? {}));
  if (tag_rpm_limit !== undefined) parts.tagRpm = new Map(Object.entries(tag_rpm_limit ?? {}));
}

function raiseForATime(parts: BudgetParts, fields: Partial<LitellmRules>): void {
  const { temp_budget_increase: increase, temp_budget_expiry: expiry } = fields;
  if (increase == null && expiry == null) return;
  if (increase == null || expiry == null) {
    throw new AdminFault('body_invalid', {
      param: increase == null ? 'temp_budget_increase' : 'temp_budget_expiry',
      message: 'temp_budget_increase and temp_budget_expiry go together.',
    });
  }
  if (parts.main?.amount === undefined) {
    throw new AdminFault('body_invalid', {
      param: 'temp_budget_increase',
      message: 'temp_budget_increase raises max_budget, and there is none.',
    });
  }
  parts.main = { ...parts.main, temporaryIncrease: { amount: usdLine(increase), untilMs: untilOf(expiry) } };
}

/** A date, or a length from now on. */
function untilOf(expiry: string): number {
  const dateMs = /^[0-9]{4}-/.test(expiry) ? Date.parse(expiry) : Number.NaN;
  return Number.isNaN(dateMs) ? nowMs() + durationMs('temp_budget_expiry', expiry) : dateMs;
}
