import type { AdminAnswer } from '../../admin/admin-context.ts';
import { type EntityChange, makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { planCascade } from './delete-cascade.ts';
import { requireWithinMemberBudget } from './each-member.ts';
import { entityName } from './entity-name.ts';
import { findEntity, required, requireScope } from './find-entity.ts';
import { impliedParents } from './implied-parents.ts';
import { planKey } from './key-actions.ts';
import { levelBody } from './level-body.ts';
import { namedUser, planMembers } from './members.ts';
import type { FaceContext } from './operation.ts';
import { refusedField } from './read-fields.ts';
import { shownKey } from './show-key.ts';
import { shownUser } from './show-user.ts';
import { ownRole } from './team-actions.ts';
import type { UserFields } from './user-fields.ts';
import { withSpendReset } from './write-rules.ts';

const userPlaces: ReadonlySet<string> = new Set(['organisationId']);
/** Of LiteLLM's roles, those whose keys administer nothing. */
const userRoles: ReadonlySet<string> = new Set(['internal_user', 'internal_user_viewer']);

/** `/user/new`: the user, the user's place in teams and organizations, and a key unless none is wanted. */
export function newUser(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as UserFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const name = entityName('user_id', fields.user_id);
    const body = { ...userBody(context, {}, fields), name, email: fields.user_email || undefined };
    const user = await planCreate({ ...context, body }, 'user', 'users', userPlaces);
    const changes: EntityChange[] = [user];
    const own = { ...context, drafted: [user.after] };
    const teams = await joinTeams(own, user.after, fields, changes);
    await joinOrganizations(own, user.after, fields, changes);
    const shown = await shownUser(own, user.after, teams);
    if (fields.auto_create_key === false) return { entities: changes, status: 200, body: { ...shown, key: null } };
    const key = await firstKey({ ...own, drafted: [user.after, ...teams] }, user.after, fields);
    const drafted = [...changes, ...key.changes].flatMap(({ after }) => after ?? []);
    return {
      entities: [...changes, ...key.changes],
      status: 200,
      body: { ...shownKey({ ...own, drafted }, key.key), ...shown },
      shownOnce: key.shownOnce,
    };
  });
}

function firstKey(context: FaceContext, user: Entity, fields: UserFields) {
  requireScope(context, 'keys:write');
  const { key_alias, duration, team_id, permissions, budget_fallbacks, metadata } = fields;
  return planKey(context, {
    key_alias,
    duration,
    team_id,
    permissions,
    budget_fallbacks,
    metadata,
    user_id: user.name,
  });
}

async function joinTeams(
  context: FaceContext,
  user: Entity,
  { teams = [] }: UserFields,
  changes: EntityChange[],
): Promise<Entity[]> {
  const joined: Entity[] = [];
  for (const named of teams ?? []) {
    const { team_id, max_budget_in_team, user_role } = typeof named === 'string' ? { team_id: named } : named;
    const [implied] = await impliedParents({ ...context, drafted: [user, ...joined] }, { team_id });
    if (implied !== undefined) changes.push(implied);
    const team = implied?.after ?? (await findEntity(context, 'team', team_id));
    requireWithinMemberBudget(team.body, max_budget_in_team);
    const rules = { max_budget: max_budget_in_team };
    const member = { user_id: user.name, role: ownRole(user_role), rules };
    changes.push(...(await planMembers({ ...context, drafted: [user, team] }, team, [member])).changes);
    joined.push(team);
  }
  return joined;
}

async function joinOrganizations(
  context: FaceContext,
  user: Entity,
  { organizations }: UserFields,
  changes: EntityChange[],
): Promise<void> {
  for (const id of organizations ?? []) {
    const organisation = await findEntity(context, 'organisation', id);
    const member = { user_id: user.name, role: 'member', rules: {} } as const;
    changes.push(...(await planMembers(context, organisation, [member])).changes);
  }
}

/** `/user/update` */
export async function updateUser(context: FaceContext): Promise<AdminAnswer> {
  const answer = await changeUsers(context, [context.body as UserFields]);
  const [data] = answer.body as { user_id: string }[];
  return { ...answer, body: { user_id: data?.user_id, data } };
}

/** `/user/bulk_update`: all of them, or none. */
export async function updateUsers(context: FaceContext): Promise<AdminAnswer> {
  const { users } = context.body as unknown as { users: UserFields[] };
  const answer = await changeUsers(context, users);
  const results = (answer.body as { user_id: string; user_email: string | null }[]).map((updated_user) => ({
    user_id: updated_user.user_id,
    user_email: updated_user.user_email,
    success: true,
    error: null,
    updated_user,
  }));
  const count = { total_requested: results.length, successful_updates: results.length, failed_updates: 0 };
  return { ...answer, body: { results, ...count } };
}

/** @returns a list of the users as they are then. */
async function changeUsers(context: FaceContext, all: readonly UserFields[]): Promise<AdminAnswer> {
  await context.house.flushLogs();
  const answer = await makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const entities: (EntityChange & { after: Entity })[] = [];
    for (const fields of all) {
      const { id } = await namedUser(context, fields);
      if (entities.some(({ after }) => after.id === id)) throw refusedField('users', 'one of them is named twice');
      const planned = await planChange({ ...context, id }, 'user', 'users.update', (before) => {
        const body = userBody(context, before.body, fields);
        const email = fields.user_id && fields.user_email !== undefined ? (fields.user_email ?? undefined) : body.email;
        return withFields({ ...context, body: { ...body, email } }, { ...before, body: {} });
      });
      entities.push(planned);
    }
    const users = await Promise.all(entities.map(({ after }) => shownUser(context, after)));
    return { entities, status: 200, body: { users } };
  });
  return { ...answer, body: (answer.body as { users: unknown }).users };
}

/** `/user/delete`: with their keys and memberships. Answers how many. */
export async function deleteUsers(context: FaceContext): Promise<AdminAnswer> {
  const { user_ids } = context.body as { user_ids: string[] };
  const answer = await makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const users: Entity[] = [];
    for (const id of new Set(user_ids)) users.push(await findEntity(context, 'user', required('user_ids', id)));
    const entities = await planCascade(context, 'user', 'users', users);
    return { entities, status: 200, body: { count: users.length } };
  });
  return { ...answer, body: (answer.body as { count: number }).count };
}

function userBody(context: FaceContext, before: EntityBody, fields: UserFields): EntityBody {
  const { user_role: role, spend } = fields;
  if (role && !userRoles.has(role)) {
    throw refusedField(
      'user_role',
      'internal_user and internal_user_viewer are; a key that administers is given adminScopes',
    );
  }
  const body = levelBody(context, before, fields.user_alias, fields);
  const named = role === undefined ? body : { ...body, litellm: { ...body.litellm, userRole: role ?? undefined } };
  return spend === 0 && before.budgets !== undefined ? withSpendReset(named) : named;
}
