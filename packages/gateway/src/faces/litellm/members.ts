import { AdminFault } from '../../admin/admin-fault.ts';
import type { EntityChange } from '../../admin/change.ts';
import { changeable, planCreate } from '../../admin/entity-actions.ts';
import type { Role } from '../../identity/admin-scope.ts';
import type { Entity } from '../../identity/entity.ts';
import { planCascade } from './delete-cascade.ts';
import { entityName } from './entity-name.ts';
import { findEntity, findUserByEmail, required, requireScope, usersWithEmail } from './find-entity.ts';
import type { FaceContext } from './operation.ts';
import type { LitellmRules } from './rule-schemas.ts';
import { withLitellmRules } from './write-rules.ts';

export interface NamedUser {
  readonly user_id?: string | null | undefined;
  readonly user_email?: string | null | undefined;
}

/** Somebody who is to be a member, with what holds for them there. */
export interface NewMember extends NamedUser {
  readonly role: Role;
  readonly rules: Partial<LitellmRules>;
}

export interface PlannedMembers {
  readonly changes: readonly EntityChange[];
  readonly users: readonly Entity[];
  readonly memberships: readonly Entity[];
}

const userPlaces: ReadonlySet<string> = new Set(['organisationId']);
const memberPlaces: ReadonlySet<string> = new Set(['organisationId', 'teamId', 'userId']);

/**
 * What making these members of a team or an organisation comes to. Users nobody made are made.
 *
 * @throws AdminFault `record_conflict` for one who is a member.
 */
export async function planMembers(
  context: FaceContext,
  place: Entity,
  members: readonly NewMember[],
): Promise<PlannedMembers> {
  const changes: EntityChange[] = [];
  const users: Entity[] = [];
  const memberships: Entity[] = [];
  if (members.length > 0) requireScope(context, 'memberships:write');
  const drafted = [...(context.drafted ?? [])];
  for (const { role, rules, ...named } of members) {
    const user = await userOrNew({ ...context, drafted }, named);
    if ('change' in user) {
      changes.push(user.change);
      drafted.push(user.entity);
    }
    if (users.some(({ name }) => name === user.entity.name)) {
      throw new AdminFault('body_invalid', {
        param: 'user_id',
        message: `The user "${user.entity.name}" is named twice.`,
      });
    }
    users.push(user.entity);
    const { budgets, limits, litellm } = withLitellmRules({}, rules);
    const placed = place.kind === 'team' ? { teamId: place.name } : { organisationId: place.name };
    const body = { ...placed, userId: user.entity.name, role, budgets, limits, litellm };
    const made = await planCreate({ ...context, drafted, body }, 'membership', 'memberships', memberPlaces);
    changes.push(made);
    memberships.push(made.after);
  }
  return { changes, users, memberships };
}

/** The user that is named by id or address. @throws AdminFault `record_unknown` */
export async function namedUser(context: FaceContext, { user_id, user_email }: NamedUser): Promise<Entity> {
  if (user_id) return findEntity(context, 'user', user_id);
  return findUserByEmail(context, required('user_id', user_email));
}

/**
 * A member of a team or an organisation, by id or address. Who may change that sees its members, wherever they belong.
 *
 * @throws AdminFault `record_unknown` for one who is no member.
 */
export function memberOf(
  { house }: FaceContext,
  { user_id, user_email }: NamedUser,
  place: Entity,
): { user: Entity; membership: Entity } {
  const reference = required('user_id', user_id || user_email);
  for (const membership of house.directory.ofKind('membership')) {
    const { teamId, organisationId, userId = '' } = membership;
    const user = (teamId ?? organisationId) === place.id ? house.directory.byId(userId) : undefined;
    if (user !== undefined && isNamed(user, user_id, reference)) return { user, membership };
  }
  throw new AdminFault('record_unknown', {
    param: user_id ? 'user_id' : 'user_email',
    message: `The user "${reference}" is no member of the ${place.kind} "${place.name}".`,
  });
}

function isNamed({ id, name, body }: Entity, userId: string | null | undefined, reference: string): boolean {
  return userId ? name === userId || id === userId : body.email?.toLowerCase() === reference.toLowerCase();
}

/** What ending a membership comes to: the keys that are the member's there go too, so that nobody goes on who has left. */
export async function planRemoval(
  context: FaceContext,
  membershipId: string,
  column: 'teamId' | 'organisationId',
  user: Entity,
  place: Entity,
): Promise<EntityChange[]> {
  const before = await changeable({ ...context, id: membershipId }, 'membership');
  const changes: EntityChange[] = [{ action: 'memberships.delete', before, after: undefined }];
  const keys = context.house.directory
    .ofKind('key')
    .filter((key) => key.userId === user.id && key[column] === place.id);
  if (keys.length > 0) requireScope(context, 'keys:write');
  return [...changes, ...(keys.length === 0 ? [] : await planCascade(context, 'key', 'keys', keys))];
}

async function userOrNew(
  context: FaceContext,
  { user_id, user_email }: NamedUser,
): Promise<{ entity: Entity } | { entity: Entity; change: EntityChange }> {
  if (user_id) {
    const drafted = context.drafted?.find(({ kind, name }) => kind === 'user' && name === user_id);
    const known = drafted ?? context.house.directory.level('user', user_id);
    if (known !== undefined) return { entity: known };
  } else if (usersWithEmail(context, required('user_id', user_email)).length > 0) {
    return { entity: findUserByEmail(context, required('user_email', user_email)) };
  }
  requireScope(context, 'users:write');
  const body = { name: entityName('user_id', user_id), email: user_email || undefined };
  const change = await planCreate({ ...context, body }, 'user', 'users', userPlaces);
  return { entity: change.after, change };
}
