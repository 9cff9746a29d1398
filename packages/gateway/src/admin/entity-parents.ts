import { isBounded } from '../identity/admin-scope.ts';
import { type Entity, type EntityKind, readEntityRow } from '../identity/entity.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { isWithin } from './reach.ts';

/** The columns that say where an entity belongs. */
export interface Place {
  readonly organisationId: string | undefined;
  readonly teamId: string | undefined;
  readonly projectId: string | undefined;
  /** A user's or a service account's. */
  readonly userId: string | undefined;
}

export interface FoundPlace {
  readonly place: Place;
  /** A key's, for what belongs to one. */
  readonly keyId: string | undefined;
}

const PARENTS = [
  ['organisationId', 'organisation'],
  ['teamId', 'team'],
  ['projectId', 'project'],
  ['userId', 'user'],
  ['serviceAccountId', 'service-account'],
  ['keyId', 'key'],
] as const satisfies readonly (readonly [string, EntityKind])[];

/**
 * Finds out where a new entity belongs: what the request names, and what that belongs to in turn. What rights are bound to
 * is filled in where `fields` has it.
 *
 * @param fields Those the kind has.
 * @throws AdminFault `body_invalid` for a parent that is not there, or not seen; `record_conflict` when they do not go
 *   together.
 */
export async function placeOf(context: AdminContext, fields: ReadonlySet<string>): Promise<FoundPlace> {
  const { rights, house } = context;
  const named: Record<string, unknown> = { ...context.body };
  if (fields.has('teamId')) named.teamId ??= rights.teamId;
  if (fields.has('organisationId')) named.organisationId ??= rights.organisationId;
  const parents = new Map<string, Entity>();
  for (const [field, kind] of PARENTS) {
    const reference = named[field];
    if (typeof reference === 'string') parents.set(field, await parentOf(context, field, kind, reference));
  }
  if (parents.has('userId') && parents.has('serviceAccountId')) {
    throw new AdminFault('record_conflict', {
      param: 'serviceAccountId',
      message: 'It belongs to a user or to a service account, not to both.',
    });
  }
  const organisationId = agreed('organisationId', parents);
  const teamId = agreed('teamId', parents);
  const bound = teamId === undefined ? undefined : house.directory.byId(teamId)?.organisationId;
  if (bound !== undefined && organisationId !== undefined && bound !== organisationId) throw apart('teamId');
  return {
    place: {
      organisationId: organisationId ?? bound,
      teamId,
      projectId: parents.get('projectId')?.id,
      userId: parents.get('userId')?.id ?? parents.get('serviceAccountId')?.id,
    },
    keyId: parents.get('keyId')?.id,
  };
}

/** What the parents say, when those that say something say the same. */
function agreed(column: 'organisationId' | 'teamId', parents: ReadonlyMap<string, Entity>): string | undefined {
  let found = parents.get(column)?.id;
  for (const [field, parent] of parents) {
    const said = field === column ? parent.id : parent[column];
    if (said === undefined) continue;
    if (found !== undefined && found !== said) throw apart(field);
    found = said;
  }
  return found;
}

function apart(field: string): AdminFault {
  return new AdminFault('record_conflict', {
    param: field,
    message: `${field} belongs to another organisation or team than the rest of the request.`,
  });
}

async function parentOf(context: AdminContext, field: string, kind: EntityKind, reference: string): Promise<Entity> {
  const { records } = context.house.store;
  const row = (await records.entity(reference)) ?? (await records.entityNamed(kind, reference));
  const drafted = context.drafted?.find((each) => each.kind === kind && each.name === reference);
  const parent = row === undefined ? drafted : readEntityRow(row);
  if (parent === undefined || parent.kind !== kind || !isSeen(context, parent)) {
    throw new AdminFault('body_invalid', {
      param: field,
      message: `There is no ${kind} "${reference}".`,
      hint: 'Give its id or its name.',
    });
  }
  return parent;
}

/** A team's keys may be given to users of the organisation the team is in. */
function isSeen({ rights, house }: AdminContext, parent: Entity): boolean {
  if (!isBounded(rights) || isWithin(rights, parent)) return true;
  if (rights.teamId === undefined || parent.organisationId === undefined) return false;
  const isOfTheTeam = parent.id === house.directory.byId(rights.teamId)?.organisationId;
  return (
    parent.kind === 'user' &&
    (isOfTheTeam || parent.organisationId === house.directory.byId(rights.teamId)?.organisationId)
  );
}
