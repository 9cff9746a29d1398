import type { AdminResource, AdminScope } from '../identity/admin-scope.ts';
import { type Entity, type EntityBody, type EntityKind, entityKinds, readEntityRow } from '../identity/entity.ts';
import { nowMs } from '../runtime/clock.ts';
import { newExchangeId } from '../runtime/exchange-id.ts';
import type { EntityRow } from '../store/store.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { type EntityChange, makeChange, tagOf } from './change.ts';
import { withNewSecret, withSecrets } from './credential-secrets.ts';
import { type Place, placeOf } from './entity-parents.ts';
import { budgetIdsOf, requireMarkable, requireReadableRules, requireUnreferred } from './entity-rules.ts';
import { viewOf } from './entity-view.ts';
import { requireOwnGroup, requireServable } from './model-rules.ts';
import { newKey } from './new-key.ts';
import { isWithin, requireChangeable, requireGrantable, requireSameIssuer, unknownRecord } from './reach.ts';

/** What requests say that is not kept as it is said: parents, and secrets. */
const OTHER_FIELDS = new Set([
  'name',
  'organisationId',
  'teamId',
  'projectId',
  'userId',
  'serviceAccountId',
  'keyId',
  'key',
  'sha256',
  'secret',
  'headers',
]);

/** Makes an entity of the kind. @param fields Those of the kind's create schema. */
export function createEntity(
  context: AdminContext,
  kind: EntityKind,
  resource: AdminResource,
  fields: ReadonlySet<string>,
): Promise<AdminAnswer> {
  return makeChange(context, async () => ({ ...(await planCreate(context, kind, resource, fields)), status: 201 }));
}

/**
 * What making an entity of the kind comes to, checked.
 *
 * @param fields Those the kind has.
 */
export async function planCreate(
  context: AdminContext,
  kind: EntityKind,
  resource: AdminResource,
  fields: ReadonlySet<string>,
): Promise<EntityChange & { after: Entity; shownOnce: Readonly<Record<string, string>> }> {
  const { place, keyId } = await placeOf(context, fields);
  const own = Object.entries(context.body).filter(([field]) => !OTHER_FIELDS.has(field));
  const body: EntityBody = await withBudgetIds(context, {
    ...Object.fromEntries(own),
    ...(keyId !== undefined && { keyId }),
  });
  requireGrantable(context, body.adminScopes ?? []);
  const name = kind === 'membership' ? membershipName(place) : String(context.body.name);
  await requireFree(context, kind, name);
  const key = kind === 'key' ? await newKey(context) : undefined;
  const atMs = nowMs();
  const draft: Entity = {
    id: `${entityKinds[kind]}_${newExchangeId(atMs).slice(3)}`,
    kind,
    name,
    ...place,
    version: 1,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    digest: key?.digest,
    previousDigest: undefined,
    body: {
      ...body,
      ...(key && { source: key.source, hint: key.hint, issuer: context.caller.issuer }),
      ...((await hadNamesake(context, kind, name)) && { budgetsCountFromMs: atMs }),
    },
  };
  requireMembershipPlace(draft);
  requireMarkable(context);
  await requireReadableRules(context, draft);
  const after = await completed(context, draft);
  // A bounded caller makes things where they will be its own to change, and nowhere else.
  requireChangeable(context, after);
  return { action: `${resource}.create`, before: undefined, after, shownOnce: key?.shownOnce ?? {} };
}

/** Kinds that have a name of their own in the ledger from the day they are made; end users and tags have it before. */
const named: ReadonlySet<string> = new Set(['organisation', 'team', 'project', 'user', 'service-account', 'key']);

/** Did something of the name spend before? The ledger goes on under the name; budgets are new. */
async function hadNamesake({ house }: AdminContext, kind: EntityKind, name: string): Promise<boolean> {
  if (!named.has(kind)) return false;
  await house.flushLogs();
  return (await house.store.spendBetween(`${kind}:${name}`, 0, Number.MAX_SAFE_INTEGER)) !== 0n;
}

export function updateEntity(context: AdminContext, kind: EntityKind, resource: AdminResource): Promise<AdminAnswer> {
  return change(context, kind, `${resource}.update`, (before) => withFields(context, before));
}

/** The entity with the fields of the request: what is given replaces, `null` takes away, what is absent stays. */
export async function withFields(context: AdminContext, before: Entity): Promise<Entity> {
  const body: Record<string, unknown> = { ...before.body };
  for (const [field, value] of Object.entries(context.body)) {
    if (OTHER_FIELDS.has(field)) continue;
    if (value === null) delete body[field];
    else body[field] = value;
  }
  const changed = await withBudgetIds(context, body);
  requireGrantable(context, changed.adminScopes ?? []);
  const draft = { ...before, body: changed };
  requireMarkable(context);
  await requireReadableRules(context, draft);
  return completed(context, draft, before);
}

/** The body with ids in place of the names of reusable budgets, where the request gives them. */
async function withBudgetIds(context: AdminContext, body: EntityBody): Promise<EntityBody> {
  const { budgetIds } = context.body;
  if (!Array.isArray(budgetIds)) return body;
  return { ...body, budgetIds: await budgetIdsOf(context, budgetIds.map(String)) };
}

export function setBlocked(context: AdminContext, isBlocked: boolean): Promise<AdminAnswer> {
  return change(context, 'key', isBlocked ? 'keys.block' : 'keys.unblock', (before) => ({
    ...before,
    body: { ...before.body, isBlocked },
  }));
}

/** With what follows from the request in ways of the kind's own. */
async function completed(context: AdminContext, draft: Entity, before?: Entity): Promise<Entity> {
  if (draft.kind === 'model-group' && before === undefined) requireOwnGroup(context, draft);
  if (draft.kind === 'model') requireServable(context, draft, before === undefined);
  return draft.kind === 'credential' ? withSecrets(context, draft, before) : draft;
}

/** A new key in place of the one there is, which is accepted for `graceMs` more. */
export function rotateKey(context: AdminContext): Promise<AdminAnswer> {
  let shownOnce = {};
  return change(
    context,
    'key',
    'keys.rotate',
    async (before) => {
      const rotated = await withNewKey(context, before);
      shownOnce = rotated.shownOnce;
      return rotated.after;
    },
    () => shownOnce,
  );
}

/** A new secret in place of the one there is, which is tried for `graceMs` more where the new one is refused. */
export function rotateCredential(context: AdminContext): Promise<AdminAnswer> {
  return change(context, 'credential', 'credentials.rotate', (before) => withNewSecret(context, before));
}

/** The key entity with another key, as the request says (`key`, `sha256`, `graceMs`). */
export async function withNewKey(
  context: AdminContext,
  before: Entity,
): Promise<{ after: Entity; shownOnce: Readonly<Record<string, string>> }> {
  requireSameIssuer(context, before);
  const graceMs = Number(context.body.graceMs ?? 0);
  const key = await newKey(context);
  const after = {
    ...before,
    digest: key.digest,
    previousDigest: graceMs > 0 ? before.digest : undefined,
    body: {
      ...before.body,
      source: key.source,
      hint: key.hint,
      previousUntilMs: graceMs > 0 ? nowMs() + graceMs : undefined,
    },
  };
  return { after, shownOnce: key.shownOnce };
}

export function deleteEntity(context: AdminContext, kind: EntityKind, resource: AdminResource): Promise<AdminAnswer> {
  return makeChange(context, async () => {
    const before = await changeable(context, kind);
    const child = await childOf(context, before);
    if (child !== undefined) {
      throw new AdminFault('record_conflict', {
        message: `The ${child.kind} "${child.name}" belongs to the ${kind} "${before.name}".`,
        hint: `Delete what belongs to it first, or block it.`,
      });
    }
    await requireUnreferred(context, before);
    return { action: `${resource}.delete`, before, after: undefined, status: 204 };
  });
}

/** Something that belongs to it. */
async function childOf(
  { house }: AdminContext,
  { id, kind }: Entity,
): Promise<Pick<EntityRow, 'kind' | 'name'> | undefined> {
  const child = await house.store.records.entityReferringTo(id);
  if (child !== undefined || kind !== 'key') return child;
  // What was committed until now: were more to come, the change would be worked out anew.
  await house.follow.catchUp();
  return house.vault.ofKey(id);
}

export async function showEntity(context: AdminContext, kind: EntityKind): Promise<AdminAnswer> {
  const entity = await seen(context, kind);
  return { status: 200, body: viewOf(entity), headers: tagOf(entity) };
}

export async function listEntities(context: AdminContext, kind: EntityKind): Promise<AdminAnswer> {
  const { rights, query, house } = context;
  const limit = Number(query.limit);
  const text = (field: string) => (query[field] === undefined ? undefined : String(query[field]));
  const idOf = async (parent: EntityKind, field: string) => {
    const reference = text(field);
    if (reference === undefined) return undefined;
    return (await house.store.records.entityNamed(parent, reference))?.id ?? reference;
  };
  const asked = { organisationId: await idOf('organisation', 'organisationId'), teamId: await idOf('team', 'teamId') };
  const filter = {
    kind,
    limit: limit + 1,
    after: text('cursor'),
    name: text('name'),
    organisationId: rights.organisationId ?? asked.organisationId,
    teamId: rights.teamId ?? asked.teamId,
    userId: (await idOf('user', 'userId')) ?? (await idOf('service-account', 'serviceAccountId')),
    projectId: await idOf('project', 'projectId'),
  };
  const isElsewhere =
    (asked.organisationId ?? filter.organisationId) !== filter.organisationId ||
    (asked.teamId ?? filter.teamId) !== filter.teamId;
  const rows = isElsewhere ? [] : (await house.store.records.listEntities(filter)).map(readEntityRow);
  const page = rows.slice(0, limit);
  return {
    status: 200,
    body: { data: page.map(viewOf), nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null },
  };
}

/** The entity of the path, which the caller sees. By id, or by name. @throws AdminFault `record_unknown` */
export async function seen({ house, rights, id }: AdminContext, kind: EntityKind): Promise<Entity> {
  const { records } = house.store;
  const row = (await records.entity(id)) ?? (await records.entityNamed(kind, id));
  const entity = row === undefined ? undefined : readEntityRow(row);
  if (entity === undefined || entity.kind !== kind || !isWithin(rights, entity)) throw unknownRecord(id);
  return entity;
}

/** Changes an entity the caller sees and may change. */
export function change(
  context: AdminContext,
  kind: EntityKind,
  action: string,
  edit: (before: Entity) => Entity | Promise<Entity>,
  shownOnce: () => Readonly<Record<string, string>> = () => ({}),
): Promise<AdminAnswer> {
  return makeChange(context, async () => {
    const planned = await planChange(context, kind, action, edit);
    return { ...planned, status: 200, shownOnce: shownOnce() };
  });
}

/** What changing an entity comes to, which the caller sees and may change. */
export async function planChange(
  context: AdminContext,
  kind: EntityKind,
  action: string,
  edit: (before: Entity) => Entity | Promise<Entity>,
): Promise<EntityChange & { after: Entity }> {
  const before = await changeable(context, kind);
  const edited = await edit(before);
  return { action, before, after: { ...edited, version: before.version + 1, updatedAtMs: nowMs() } };
}

/** The entity of the path, which the caller may change. @throws AdminFault */
export async function changeable(context: AdminContext, kind: EntityKind): Promise<Entity> {
  const entity = await seen(context, kind);
  requireChangeable(context, entity);
  const { expectedVersion } = context;
  if (expectedVersion !== undefined && expectedVersion !== entity.version) {
    throw new AdminFault('version_conflict', {
      message: `The ${kind} is at version ${entity.version}, not ${expectedVersion}.`,
      hint: 'Read it again, and decide anew.',
    });
  }
  return entity;
}

async function requireFree({ house }: AdminContext, kind: EntityKind, name: string): Promise<void> {
  const isConfigured =
    kind === 'key' && (name === 'admin' || house.snapshot().keys.some((configured) => configured.name === name));
  if (!isConfigured && (await house.store.records.entityNamed(kind, name)) === undefined) return;
  throw new AdminFault('record_conflict', {
    param: 'name',
    message: `There is a ${kind} "${name}" already${isConfigured ? ', in the configuration' : ''}.`,
  });
}

function membershipName({ userId, teamId, organisationId }: Place): string {
  return `${userId} ${teamId ?? organisationId}`;
}

function requireMembershipPlace({ kind, teamId, organisationId }: Entity): void {
  if (kind !== 'membership' || teamId !== undefined || organisationId !== undefined) return;
  throw new AdminFault('body_invalid', {
    param: 'teamId',
    message: 'A membership is one in a team or in an organisation.',
  });
}

/** The scope an action on a resource takes. */
export function scopeOf(resource: AdminResource, access: 'read' | 'write'): AdminScope {
  return `${resource}:${access}` as AdminScope;
}
