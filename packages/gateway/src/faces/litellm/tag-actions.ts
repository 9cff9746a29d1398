import * as z from 'zod/mini';
import type { AdminAnswer } from '../../admin/admin-context.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { planCascade } from './delete-cascade.ts';
import { entityName } from './entity-name.ts';
import { findEntity, visible } from './find-entity.ts';
import { type FaceContext, type LitellmOperation, ok } from './operation.ts';
import { budgetIdField, modelRuleFields, ruleFields, text } from './rule-schemas.ts';
import { budgetTable, isoDate, litellmRules, shownSharedBudget } from './show-rules.ts';
import { spendNow } from './spend-now.ts';
import { withLitellmRules } from './write-rules.ts';

const name = z.string().check(z.minLength(1), z.maxLength(256));
const tagFields = z.strictObject({
  name,
  description: text,
  ...budgetIdField,
  ...ruleFields,
  model_max_budget: modelRuleFields.model_max_budget,
});
type TagFields = z.infer<typeof tagFields>;

const ROUTES_NOT = 'tags choose no models here';
const refused = { models: ROUTES_NOT, model_info: ROUTES_NOT };
const write = { method: 'POST', scope: 'tags:write', isGlobal: true, refused } as const;
const read = { scope: 'tags:read', isGlobal: true } as const;

/** Tags that are stored, to have rules. */
export const tagOperations: readonly LitellmOperation[] = [
  { ...write, path: '/tag/new', body: tagFields, run: newTag },
  { ...write, path: '/tag/update', body: tagFields, isUpdate: true, run: updateTag },
  { ...write, path: '/tag/delete', body: z.strictObject({ name }), run: deleteTag },
  { ...read, method: 'POST', path: '/tag/info', body: z.strictObject({ names: z.array(name) }), run: tagsInfo },
  { ...read, method: 'GET', path: '/tag/list', run: listTags },
];

const NOWHERE: ReadonlySet<string> = new Set();
const NAME_CHARS_MAX = 256;

function newTag(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as TagFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const body = { ...tagBody({}, fields), name: entityName('name', fields.name, NAME_CHARS_MAX) };
    const made = await planCreate({ ...context, body }, 'tag', 'tags', NOWHERE);
    const tag = await shownTag(context, made.after);
    return { entities: [made], status: 200, body: { ...tag, message: `Tag ${fields.name} created`, tag } };
  });
}

function updateTag(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as TagFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const own = { ...context, id: (await findEntity(context, 'tag', fields.name)).id };
    const planned = await planChange(own, 'tag', 'tags.update', (before) =>
      withFields({ ...own, body: { ...tagBody(before.body, fields) } }, { ...before, body: {} }),
    );
    const tag = await shownTag(context, planned.after);
    return { entities: [planned], status: 200, body: { ...tag, message: `Tag ${fields.name} updated`, tag } };
  });
}

function deleteTag(context: FaceContext): Promise<AdminAnswer> {
  const { name: reference } = context.body as TagFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const entities = await planCascade(context, 'tag', 'tags', [await findEntity(context, 'tag', reference)]);
    return { entities, status: 200, body: { message: `Tag ${reference} deleted` } };
  });
}

async function tagsInfo(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  const { names } = context.body as { names: string[] };
  const tags = await Promise.all(names.map((each) => findEntity(context, 'tag', each)));
  const shown = await Promise.all(tags.map(async (tag) => [tag.name, await shownTag(context, tag)] as const));
  return ok(Object.fromEntries(shown));
}

async function listTags(context: FaceContext): Promise<AdminAnswer> {
  await context.house.follow.catchUp();
  await context.house.flushLogs();
  return ok(await Promise.all(visible(context, 'tag').map((tag) => shownTag(context, tag))));
}

function tagBody(before: EntityBody, fields: TagFields): EntityBody {
  const { description } = fields;
  return withLitellmRules(
    { ...before, ...(description !== undefined && { description: description ?? undefined }) },
    fields,
  );
}

async function shownTag(context: FaceContext, tag: Entity) {
  const { body, createdAtMs, updatedAtMs } = tag;
  const { max_budget, soft_budget, budget_duration, budget_reset_at } = litellmRules(body);
  const hasRules = (body.budgets?.length ?? 0) + (body.limits?.length ?? 0) > 0;
  return {
    name: tag.name,
    description: body.description ?? null,
    models: [],
    spend: await spendNow(context.house, tag),
    max_budget,
    soft_budget,
    budget_duration,
    budget_reset_at,
    ...shownSharedBudget(context, body),
    ...(hasRules && { litellm_budget_table: budgetTable(tag) }),
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
  };
}
