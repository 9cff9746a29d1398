import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { type EntityChange, makeChanges } from '../../admin/change.ts';
import { changeable, planChange, planCreate, withFields, withNewKey } from '../../admin/entity-actions.ts';
import { placeOf } from '../../admin/entity-parents.ts';
import { requireChangeable } from '../../admin/reach.ts';
import type { Entity } from '../../identity/entity.ts';
import { durationMs } from './duration.ts';
import { keyName } from './entity-name.ts';
import { findKey, findKeyByAlias, requireFreeAlias } from './find-key.ts';
import { impliedParents, type MadeParent } from './implied-parents.ts';
import { keyBody } from './key-body.ts';
import type { KeyFields } from './key-fields.ts';
import type { FaceContext } from './operation.ts';
import { refusedField } from './read-fields.ts';
import { shownKey } from './show-key.ts';
import { spendNow } from './spend-now.ts';

const KEY_CHARS_MIN = 16;
const KEY_CHARS_MAX = 256;
const keyPlaces: ReadonlySet<string> = new Set(['organisationId', 'teamId', 'projectId', 'userId', 'serviceAccountId']);

/** `/key/generate` */
export function generateKey(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as KeyFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const { changes, key, shownOnce } = await planKey(context, fields);
    const drafted = changes.flatMap(({ after }) => after ?? []);
    const body = { ...shownKey({ ...context, drafted }, key), spend: 0, duration: fields.duration ?? null };
    return { entities: changes, status: 200, body, shownOnce };
  });
}

/** What making a key comes to, with the user and the team it names when nobody has made them. */
export async function planKey(
  context: FaceContext,
  fields: KeyFields,
): Promise<{ changes: EntityChange[]; key: Entity; shownOnce: Readonly<Record<string, string>> }> {
  requireFreeAlias(context, fields.key_alias, undefined);
  const implied = await impliedParents(context, fields);
  const drafted = [...(context.drafted ?? []), ...implied.map(({ after }) => after)];
  const body = {
    ...keyBody(context, {}, fields),
    ...placesOf(fields),
    name: keyName(fields.key_alias),
    key: ownKeyOf('key', fields.key),
  };
  const { shownOnce, ...made } = await planCreate({ ...context, drafted, body }, 'key', 'keys', keyPlaces);
  // A key that was brought is shown too: LiteLLM's clients read it from the answer.
  const shown = body.key === undefined ? shownOnce : { key: body.key };
  return { changes: [...implied, made], key: made.after, shownOnce: shown };
}

/** `/key/update` */
export function updateKey(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as KeyFields;
  return makeKeyChange(context, requiredKey(fields.key), 'keys.update', fields, async (changed) => ({
    after: changed,
    shownOnce: { key: fields.key },
  }));
}

/** `/key/regenerate`, `/key/{key}/regenerate` */
export function regenerateKey(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as KeyFields;
  const reference = requiredKey(context.id === '' ? (context.query.key ?? fields.key) : context.id);
  const { grace_period } = fields;
  const graceMs = grace_period === null || grace_period === undefined ? 0 : durationMs('grace_period', grace_period);
  const own = ownKeyOf('new_key', fields.new_key);
  return makeKeyChange(context, reference, 'keys.rotate', fields, async (changed) => {
    const { after, shownOnce } = await withNewKey({ ...context, body: { graceMs, key: own } }, changed);
    return { after, shownOnce: own === undefined ? shownOnce : { key: own } };
  });
}

/** `/key/bulk_update`: all of them, or none. */
export async function updateKeys(context: FaceContext): Promise<AdminAnswer> {
  const { keys } = context.body as unknown as { keys: readonly KeyFields[] };
  await context.house.flushLogs();
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const planned: PlannedKey[] = [];
    for (const fields of keys) {
      const drafted = planned.flatMap(({ implied }) => implied.map(({ after }) => after));
      planned.push(await planKeyChange({ ...context, drafted }, requiredKey(fields.key), 'keys.update', fields));
    }
    if (new Set(planned.map(({ change }) => change.after.id)).size < planned.length) {
      throw new AdminFault('body_invalid', { param: 'keys', message: 'One of the keys is named twice.' });
    }
    const successful_updates = await Promise.all(
      planned.map(async ({ change, own }) => ({
        key: change.after.id,
        key_info: { ...shownKey(own, change.after), spend: await spendNow(context.house, change.after) },
      })),
    );
    return {
      entities: planned.flatMap(({ implied, change }) => [...implied, change]),
      status: 200,
      body: { total_requested: keys.length, successful_updates, failed_updates: [] },
    };
  });
}

/** `/key/{key}/reset_spend`: what was spent counts no more. */
export function resetKeySpend(context: FaceContext): Promise<AdminAnswer> {
  const { reset_to } = context.body as { reset_to: number };
  if (reset_to !== 0) throw refusedField('reset_to', 'it must be 0: what was spent is what the ledger says');
  return makeKeyChange(context, context.id, 'keys.reset-budgets', { spend: 0 }, async (changed) => ({
    after: changed,
    shownOnce: {},
  }));
}

/** `/key/block`, `/key/unblock` */
export function blockKey(context: FaceContext, isBlocked: boolean): Promise<AdminAnswer> {
  const { key } = context.body as { key: string };
  return makeKeyChange(context, key, isBlocked ? 'keys.block' : 'keys.unblock', {}, async (before) => ({
    after: { ...before, body: { ...before.body, isBlocked } },
    shownOnce: {},
  }));
}

/** Changes the key as the fields say, and then as `edit` does. */
async function makeKeyChange(
  context: FaceContext,
  reference: string,
  action: string,
  fields: KeyFields,
  edit: (changed: Entity) => Promise<{ after: Entity; shownOnce: Readonly<Record<string, unknown>> }>,
): Promise<AdminAnswer> {
  await context.house.flushLogs();
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    let shownOnce: Readonly<Record<string, unknown>> = {};
    const { implied, change, own } = await planKeyChange(context, reference, action, fields, async (changed) => {
      const edited = await edit(changed);
      shownOnce = edited.shownOnce;
      return edited.after;
    });
    const body = { ...shownKey(own, change.after), spend: await spendNow(context.house, change.after) };
    return { entities: [...implied, change], status: 200, body, shownOnce };
  });
}

/** What changing a key comes to, with what it names and nobody has made. */
interface PlannedKey {
  readonly implied: readonly MadeParent[];
  readonly change: EntityChange & { readonly after: Entity };
  /** With all of that drafted. */
  readonly own: FaceContext;
}

async function planKeyChange(
  context: FaceContext,
  reference: string,
  action: string,
  fields: KeyFields,
  edit: (changed: Entity) => Promise<Entity> = (changed) => Promise.resolve(changed),
): Promise<PlannedKey> {
  const { id } = await findKey(context, reference);
  requireFreeAlias(context, fields.key_alias, id);
  const implied = await impliedParents(context, fields);
  const drafted = [...(context.drafted ?? []), ...implied.map(({ after }) => after)];
  const own = { ...context, id, drafted };
  const change = await planChange(own, 'key', action, async (before) => edit(await changedKey(own, before, fields)));
  return { implied, change, own };
}

/** `/key/delete` */
export function deleteKeys(context: FaceContext): Promise<AdminAnswer> {
  const { keys, key_aliases } = context.body as { keys?: string[] | null; key_aliases?: string[] | null };
  const references = keys ?? key_aliases ?? [];
  if (references.length === 0) {
    throw new AdminFault('body_invalid', { param: 'keys', message: 'Give keys or key_aliases.' });
  }
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const found = new Map<string, Entity>();
    for (const reference of references) {
      const key = keys ? await findKey(context, reference) : findKeyByAlias(context, reference);
      found.set(key.id, await changeable({ ...context, id: key.id }, 'key'));
    }
    return {
      entities: [...found.values()].map((before) => ({ action: 'keys.delete', before, after: undefined })),
      status: 200,
      body: { deleted_keys: [...found.keys()] },
      // As they were named, which may be the keys themselves.
      shownOnce: { deleted_keys: references },
    };
  });
}

async function changedKey(context: FaceContext, before: Entity, fields: KeyFields): Promise<Entity> {
  const changed = await withFields(
    { ...context, body: { ...keyBody(context, before.body, fields) } },
    { ...before, body: {} },
  );
  const asked = Object.entries(placesOf(fields)).filter(([, reference]) => reference !== undefined);
  if (asked.length === 0) return changed;
  const { teamId, projectId, organisationId, userId } = before;
  const isServiceAccount = userId?.startsWith('svc_') === true;
  const kept = {
    projectId,
    ...(isServiceAccount ? { serviceAccountId: userId } : { userId }),
    // The organisation follows the team.
    ...(fields.team_id ? {} : { teamId, organisationId }),
  };
  const body = { ...kept, ...Object.fromEntries(asked) };
  const moved = { ...changed, ...(await placeOf({ ...context, body }, keyPlaces)).place };
  requireChangeable(context, moved);
  return moved;
}

/** What a key belongs to. `null` is nothing said: a key does not lose what bounds it by accident. */
function placesOf({ user_id, team_id, organization_id, project_id }: KeyFields) {
  return {
    userId: user_id || undefined,
    teamId: team_id || undefined,
    organisationId: organization_id || undefined,
    projectId: project_id || undefined,
  };
}

function requiredKey(key: string | null | undefined): string {
  if (key) return key;
  throw new AdminFault('body_invalid', { param: 'key', message: 'Say which key.' });
}

/** @throws AdminFault `body_invalid` for a key LiteLLM would not take. */
function ownKeyOf(field: string, key: string | null | undefined): string | undefined {
  if (!key) return undefined;
  if (/^sk-[\x21-\x7e]+$/.test(key) && key.length >= KEY_CHARS_MIN && key.length <= KEY_CHARS_MAX) return key;
  throw new AdminFault('body_invalid', {
    param: field,
    message: `${field} must begin with sk- and have ${KEY_CHARS_MIN} to ${KEY_CHARS_MAX} characters.`,
  });
}
