import * as z from 'zod/mini';
import { zero } from './key-fields.ts';
import type { RefusedFields } from './read-fields.ts';
import { budgetIdField, flag, modelRuleFields, ruleFields, text } from './rule-schemas.ts';

/** What LiteLLM's requests about customers, its end users, hold, of what has a meaning here. */

/** As requests name them. */
export const customerId = z.string().check(z.minLength(1), z.maxLength(256));

export const customerFields = z.strictObject({
  user_id: customerId,
  alias: text,
  blocked: flag,
  spend: zero,
  ...budgetIdField,
  ...ruleFields,
  model_max_budget: modelRuleFields.model_max_budget,
});
export type CustomerFields = z.infer<typeof customerFields>;

export const namedCustomers = z.strictObject({
  user_ids: z.array(customerId).check(z.minLength(1), z.maxLength(500)),
});

const NO_REGIONS = 'a model is served where it is configured';

export const refusedOfCustomers: RefusedFields = {
  allowed_model_region: NO_REGIONS,
  default_model: NO_REGIONS,
  object_permission: 'nothing of what it permits is served',
  budget_reset_at: 'it follows from budget_duration',
};
