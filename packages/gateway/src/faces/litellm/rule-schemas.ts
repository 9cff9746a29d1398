import * as z from 'zod/mini';

/** Schemas of fields several of LiteLLM's requests share. `null` takes away in changes, and is absent elsewhere. */

export const text = z.nullish(z.string().check(z.maxLength(200)));
export const flag = z.nullish(z.boolean());
export const texts = z.nullish(z.array(z.string().check(z.minLength(1), z.maxLength(200))).check(z.maxLength(1_000)));
export const count = z.int().check(z.minimum(1));
export const amount = z.union([
  z.number().check(z.minimum(0), z.maximum(1_000_000_000)),
  z.string().check(z.regex(/^[0-9]{1,10}(\.[0-9]{1,40})?([eE]-[0-9]{1,2})?$/)),
]);
export const duration = z.string().check(z.maxLength(20));
const perModel = z.nullish(z.record(z.string().check(z.minLength(1), z.maxLength(200)), count));

const modelBudget = z.strictObject({
  budget_limit: z.nullish(amount),
  max_budget: z.nullish(amount),
  time_period: z.nullish(duration),
  budget_duration: z.nullish(duration),
  tpm_limit: z.nullish(count),
  rpm_limit: z.nullish(count),
});

export const ruleFields = {
  max_budget: z.nullish(amount),
  soft_budget: z.nullish(amount),
  budget_duration: z.nullish(duration),
  tpm_limit: z.nullish(count),
  rpm_limit: z.nullish(count),
  max_parallel_requests: z.nullish(count),
};

export const windowFields = {
  budget_limits: z.nullish(
    z
      .array(z.strictObject({ budget_duration: duration, max_budget: amount, reset_at: z.nullish(z.string()) }))
      .check(z.maxLength(20)),
  ),
};

export const modelRuleFields = {
  model_max_budget: z.nullish(
    z.record(z.string().check(z.minLength(1), z.maxLength(200)), z.union([amount, modelBudget])),
  ),
  model_rpm_limit: perModel,
  model_tpm_limit: perModel,
};

const everyRule = z.object({
  ...ruleFields,
  ...windowFields,
  ...modelRuleFields,
  budget_id: text,
  tag_rpm_limit: perModel,
  temp_budget_increase: z.nullish(amount),
  temp_budget_expiry: z.nullish(z.string().check(z.maxLength(40))),
});

/** A reusable budget, by its id. */
export const budgetIdField = { budget_id: everyRule.shape.budget_id };

/** Only keys have these. */
export const keyRuleFields = {
  tag_rpm_limit: everyRule.shape.tag_rpm_limit,
  temp_budget_increase: everyRule.shape.temp_budget_increase,
  temp_budget_expiry: everyRule.shape.temp_budget_expiry,
};

/** All a request can say about budgets and limits; each request takes some of it. */
export type LitellmRules = z.infer<typeof everyRule>;
export type LitellmModelBudget = z.infer<typeof modelBudget>;
export type LitellmAmount = z.infer<typeof amount>;
