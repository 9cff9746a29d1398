import * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import { change, createEntity, deleteEntity, listEntities, showEntity } from '../../admin/entity-actions.ts';
import { requireReadableRules } from '../../admin/entity-rules.ts';
import type { EntityView } from '../../admin/entity-view.ts';
import { createSchemas } from '../../admin/kind-schemas.ts';
import { checked } from '../../admin/read-request.ts';
import type { FaceOperation } from '../face-operation.ts';
import { isoOf, keyFigures } from './key-figures.ts';
import { changedBudgets, limitFields, requireByokAsSet } from './key-limit.ts';
import { entityNameFor } from './key-name.ts';

/** OpenRouter's page. */
const PAGE = 100;
/** Read from the store at once. */
const READ_MAX = 500;
/** Workspaces are organisations; keys outside of any are in this one, since every key is in one there. */
const WORKSPACE_DEFAULT = '00000000-0000-0000-0000-000000000000';

const name = z.string().check(z.minLength(1), z.maxLength(1_000));
const createSchema = z.strictObject({
  name,
  ...limitFields,
  expires_at: z.nullish(z.iso.datetime()),
  creator_user_id: z.nullish(z.string().check(z.minLength(1), z.maxLength(200))),
  workspace_id: z.optional(z.string().check(z.maxLength(200))),
});
const updateSchema = z.strictObject({ name: z.optional(name), disabled: z.optional(z.boolean()), ...limitFields });
const listSchema = z.strictObject({
  include_disabled: z._default(z.enum(['true', 'false']), 'false'),
  offset: z._default(z.coerce.number().check(z.int(), z.minimum(0)), 0),
  workspace_id: z.optional(z.string().check(z.maxLength(200))),
});

/** OpenRouter's keys are the keys of the admin API; `hash` is their id. */
export const keyOperations: readonly FaceOperation[] = [
  { method: 'GET', path: '/api/v1/keys', access: 'keys:read', query: listSchema, run: listKeys },
  { method: 'POST', path: '/api/v1/keys', access: 'keys:write', body: createSchema, run: createKey },
  { method: 'GET', path: '/api/v1/keys/{id}', access: 'keys:read', run: showKey },
  { method: 'PATCH', path: '/api/v1/keys/{id}', access: 'keys:write', body: updateSchema, run: updateKey },
  { method: 'DELETE', path: '/api/v1/keys/{id}', access: 'keys:write', run: deleteKey },
];

async function listKeys(context: AdminContext): Promise<AdminAnswer> {
  const { include_disabled, offset, workspace_id } = context.query;
  const end = Number(offset) + PAGE;
  const organisationId = workspace_id === WORKSPACE_DEFAULT ? undefined : workspace_id;
  const found: EntityView[] = [];
  let cursor: string | undefined;
  do {
    const query = { limit: READ_MAX, cursor, organisationId };
    const { data, nextCursor } = (await listEntities({ ...context, query }, 'key')).body as Page;
    for (const view of data) {
      const isInPlace = workspace_id !== WORKSPACE_DEFAULT || view.organisationId === undefined;
      if (isInPlace && (include_disabled === 'true' || view.isBlocked !== true)) found.push(view);
    }
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined && found.length < end);
  return { status: 200, body: { data: await shown(context, found.slice(Number(offset), end)) } };
}

interface Page {
  readonly data: readonly EntityView[];
  readonly nextCursor: string | null;
}

async function createKey(context: AdminContext): Promise<AdminAnswer> {
  const { body } = context;
  requireByokAsSet(context);
  const wanted = String(body.name);
  const free = await entityNameFor(context.house, wanted);
  const { expires_at, creator_user_id, workspace_id } = body;
  const budgets = changedBudgets([], body);
  const fields = {
    name: free,
    ...(free !== wanted && { description: wanted }),
    ...(budgets.length > 0 && { budgets }),
    ...(typeof expires_at === 'string' && { policy: { expiresAtMs: Date.parse(expires_at) } }),
    ...(typeof creator_user_id === 'string' && { userId: creator_user_id }),
    ...(workspace_id !== undefined && workspace_id !== WORKSPACE_DEFAULT && { organisationId: workspace_id }),
  };
  const schema = createSchemas.key;
  const own = { ...context, body: checked(schema, fields) };
  const { status, body: made } = await createEntity(own, 'key', 'keys', new Set(Object.keys(schema.shape)));
  const view = made as EntityView;
  const [data] = await shown(context, [view]);
  // A request that came before, by its Idempotency-Key, is answered without the key: it was shown.
  return { status, body: { data, ...(view.key !== undefined && { key: view.key }) } };
}

async function showKey(context: AdminContext): Promise<AdminAnswer> {
  const { body } = await showEntity(await named(context), 'key');
  const [data] = await shown(context, [body as EntityView]);
  return { status: 200, body: { data } };
}

async function updateKey(context: AdminContext): Promise<AdminAnswer> {
  requireByokAsSet(context);
  const { name: shownName, disabled, limit, limit_reset } = context.body;
  const { body } = await change(await named(context), 'key', 'keys.update', async (before) => {
    const after = {
      ...before.body,
      ...(shownName !== undefined && { description: shownName === before.name ? undefined : String(shownName) }),
      ...(typeof disabled === 'boolean' && { isBlocked: disabled }),
      ...((limit !== undefined || limit_reset !== undefined) && {
        budgets: changedBudgets(before.body.budgets ?? [], context.body),
      }),
    };
    const draft = { ...before, body: after };
    await requireReadableRules(context, draft);
    return draft;
  });
  const [data] = await shown(context, [body as EntityView]);
  return { status: 200, body: { data } };
}

async function deleteKey(context: AdminContext): Promise<AdminAnswer> {
  await deleteEntity(await named(context), 'key', 'keys');
  return { status: 200, body: { deleted: true } };
}

/** `hash` is an id or a name here; the SHA-256 of the key, which it is there, is taken as well. */
async function named(context: AdminContext): Promise<AdminContext> {
  const { house, id } = context;
  if (!/^[0-9a-f]{64}$/.test(id)) return context;
  const row = await house.store.records.entityWithDigest(house.digest.ofKey(id));
  return row === undefined ? context : { ...context, id: row.id };
}

async function shown({ house }: AdminContext, views: readonly EntityView[]): Promise<unknown[]> {
  const figures = await keyFigures(
    house,
    views.map((view) => String(view.name)),
  );
  return views.map((view) => {
    const entity = house.directory.byId(String(view.id));
    return {
      hash: view.id,
      name: view.description ?? view.name,
      label: view.hint ?? view.name,
      disabled: view.isBlocked === true,
      ...figures.get(String(view.name)),
      created_at: isoOf(Number(view.createdAtMs)),
      updated_at: view.version === 1 ? null : isoOf(Number(view.updatedAtMs)),
      expires_at: isoOf(entity?.body.policy?.expiresAtMs),
      creator_user_id: view.userId ?? view.serviceAccountId ?? null,
      workspace_id: view.organisationId ?? WORKSPACE_DEFAULT,
    };
  });
}
