import * as z from 'zod/mini';
import type { AdminAnswer } from '../../admin/admin-context.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Entity } from '../../identity/entity.ts';
import { planBudgetDeletion } from './delete-cascade.ts';
import { entityName } from './entity-name.ts';
import { findEntity, required, visible } from './find-entity.ts';
import { type FaceContext, type LitellmOperation, ok } from './operation.ts';
import { modelRuleFields, ruleFields, text } from './rule-schemas.ts';
import { budgetTable, isoDate } from './show-rules.ts';
import { withLitellmRules } from './write-rules.ts';

const budgetFields = z.strictObject({
  budget_id: text,
  ...ruleFields,
  model_max_budget: modelRuleFields.model_max_budget,
});
type BudgetFields = Partial<z.infer<typeof budgetFields>>;

const refused = {
  budget_reset_at: 'it follows from budget_duration',
  allowed_models: 'what may be used is said of keys, teams, users and organizations',
};
const id = z.string().check(z.minLength(1), z.maxLength(200));
const write = { method: 'POST', scope: 'budgets:write', refused } as const;
const read = { scope: 'budgets:read' } as const;

/** Reusable budgets. */
export const budgetOperations: readonly LitellmOperation[] = [
  { ...write, path: '/budget/new', body: budgetFields, run: newBudget },
  { ...write, path: '/budget/update', body: budgetFields, isUpdate: true, run: updateBudget },
  { ...write, path: '/budget/delete', body: z.strictObject({ id }), run: deleteBudget },
  { ...read, method: 'POST', path: '/budget/info', body: z.strictObject({ budgets: z.array(id) }), run: budgetsInfo },
  { ...read, method: 'GET', path: '/budget/settings', query: ['budget_id'], run: budgetSettings },
  { ...read, method: 'GET', path: '/budget/list', run: listBudgets },
];

const budgetPlaces: ReadonlySet<string> = new Set(['organisationId', 'teamId']);

function newBudget(context: FaceContext): Promise<AdminAnswer> {
  const { budget_id, ...rules } = context.body as BudgetFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const body = { ...withLitellmRules({}, rules), name: entityName('budget_id', budget_id) };
    const made = await planCreate({ ...context, body }, 'budget', 'budgets', budgetPlaces);
    return { entities: [made], status: 200, body: shownBudget(made.after) };
  });
}

function updateBudget(context: FaceContext): Promise<AdminAnswer> {
  const { budget_id, ...rules } = context.body as BudgetFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const own = { ...context, id: (await findEntity(context, 'budget', required('budget_id', budget_id))).id };
    const planned = await planChange(own, 'budget', 'budgets.update', (before) =>
      withFields({ ...own, body: { ...withLitellmRules(before.body, rules) } }, { ...before, body: {} }),
    );
    return { entities: [planned], status: 200, body: shownBudget(planned.after) };
  });
}

/** One that something has is not deleted. */
function deleteBudget(context: FaceContext): Promise<AdminAnswer> {
  const { id: reference } = context.body as { id: string };
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const planned = await planBudgetDeletion(context, await findEntity(context, 'budget', reference));
    return { entities: [planned], status: 200, body: shownBudget(planned.before) };
  });
}

async function budgetsInfo(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  const { budgets } = context.body as { budgets: string[] };
  return ok(await Promise.all(budgets.map(async (each) => shownBudget(await findEntity(context, 'budget', each)))));
}

async function listBudgets(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  return ok(visible(context, 'budget').map(shownBudget));
}

/** What can be said of a budget, and what is. */
async function budgetSettings(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  const shown = shownBudget(await findEntity(context, 'budget', required('budget_id', context.query.budget_id)));
  return ok(
    Object.entries(settings).map(([field_name, [field_type, field_description]]) => ({
      field_name,
      field_type,
      field_description,
      field_value: shown[field_name as keyof typeof shown],
      stored_in_db: true,
      field_default_value: null,
    })),
  );
}

const settings: Readonly<Record<string, readonly [type: string, description: string]>> = {
  max_budget: ['Float', 'US dollars; what might cross it is refused.'],
  soft_budget: ['Float', 'US dollars; crossing it is told.'],
  budget_duration: ['String', 'When it is full again: 1h, 1d, 7d, 30d.'],
  tpm_limit: ['Integer', 'Tokens in any minute.'],
  rpm_limit: ['Integer', 'Requests in any minute.'],
  max_parallel_requests: ['Integer', 'Requests under way at once.'],
  model_max_budget: ['Object', 'Budgets for one model each.'],
};

function shownBudget(budget: Entity) {
  return {
    ...budgetTable(budget),
    created_at: isoDate(budget.createdAtMs),
    updated_at: isoDate(budget.updatedAtMs),
  };
}
