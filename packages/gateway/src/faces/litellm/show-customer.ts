import type { Entity } from '../../identity/entity.ts';
import type { FaceContext } from './operation.ts';
import { budgetTable, shownSharedBudget } from './show-rules.ts';
import { spendNow, spentSince } from './spend-now.ts';

/** A customer in LiteLLM's fields, with what was spent for them. */
export async function shownCustomer(context: FaceContext, customer: Entity) {
  const { name, body } = customer;
  const hasRules = (body.budgets?.length ?? 0) + (body.limits?.length ?? 0) > 0;
  return {
    user_id: name,
    alias: body.displayName ?? null,
    blocked: body.isBlocked ?? false,
    spend: await spendNow(context.house, customer),
    allowed_model_region: null,
    default_model: null,
    ...shownSharedBudget(context, body),
    ...(hasRules && { litellm_budget_table: budgetTable(customer) }),
  };
}

/** A customer of whom nothing is stored but what was spent. */
export async function passingCustomer({ house }: FaceContext, id: string) {
  return {
    user_id: id,
    alias: null,
    blocked: false,
    spend: await spentSince(house, `end-user:${id}`, 0),
    allowed_model_region: null,
    default_model: null,
    budget_id: null,
    litellm_budget_table: null,
  };
}
