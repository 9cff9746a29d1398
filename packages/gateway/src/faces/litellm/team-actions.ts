import type { AdminAnswer } from '../../admin/admin-context.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange, planCreate, withFields } from '../../admin/entity-actions.ts';
import type { Entity, EntityBody } from '../../identity/entity.ts';
import { planCascade } from './delete-cascade.ts';
import { withMemberRules } from './each-member.ts';
import { entityName } from './entity-name.ts';
import { findEntity, required } from './find-entity.ts';
import { levelBody } from './level-body.ts';
import { type PlannedMembers, planMembers } from './members.ts';
import { shownModels, withModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { refusedField } from './read-fields.ts';
import { shownTeam } from './show-team.ts';
import type { TeamFields } from './team-fields.ts';

const teamPlaces: ReadonlySet<string> = new Set(['organisationId']);

/** `/team/new` */
export function newTeam(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as TeamFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const body = {
      ...teamBody(context, {}, fields),
      name: entityName('team_id', fields.team_id),
      organisationId: fields.organization_id || undefined,
    };
    const team = await planCreate({ ...context, body }, 'team', 'teams', teamPlaces);
    const own = { ...context, drafted: [team.after] };
    const members = await planMembers(
      own,
      team.after,
      (fields.members_with_roles ?? []).map(({ role, ...named }) => ({ ...named, role: ownRole(role), rules: {} })),
    );
    const shown = await shownTeam(withUsers(own, members), team.after, [...members.memberships]);
    return { entities: [team, ...members.changes], status: 200, body: shown };
  });
}

/** `/team/update` */
export async function updateTeam(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as TeamFields;
  const answer = await changeTeam(context, fields.team_id, 'teams.update', (before) => {
    const { organization_id: organisation } = fields;
    if (organisation) {
      const now = context.house.directory.byId(before.organisationId ?? '');
      if (now?.name !== organisation && now?.id !== organisation) {
        throw refusedField('organization_id', 'a team stays in the organization it was made in');
      }
    }
    return teamBody(context, before.body, fields);
  });
  return { ...answer, body: { team_id: (answer.body as { team_id: string }).team_id, data: answer.body } };
}

/** `/team/block`, `/team/unblock` */
export function blockTeam(context: FaceContext, isBlocked: boolean): Promise<AdminAnswer> {
  const { team_id } = context.body as TeamFields;
  const action = isBlocked ? 'teams.block' : 'teams.unblock';
  return changeTeam(context, team_id, action, ({ body }) => ({ ...body, isBlocked }));
}

/** `/team/model/add`, `/team/model/delete`: a team that loses its last model has none, and not all of them. */
export function changeTeamModels(context: FaceContext, isAdding: boolean): Promise<AdminAnswer> {
  const { team_id, models: named } = context.body as TeamFields;
  const asked = named ?? [];
  return changeTeam(context, team_id, 'teams.update', ({ body }) => {
    const { policy = {} } = body;
    const now = shownModels(policy);
    if (!isAdding && now.length === 0) {
      throw refusedField('models', 'this team may use every model; say by /team/update which it may');
    }
    const models = isAdding ? [...new Set([...now, ...asked])] : now.filter((model) => !asked.includes(model));
    return { ...body, policy: withModels(context, policy, models.length === 0 ? ['no-default-models'] : models) };
  });
}

/** `/team/delete`: with its keys and members. */
export function deleteTeams(context: FaceContext): Promise<AdminAnswer> {
  const { team_ids } = context.body as { team_ids: string[] };
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const teams: Entity[] = [];
    for (const id of new Set(team_ids)) teams.push(await findEntity(context, 'team', id));
    const entities = await planCascade(context, 'team', 'teams', teams);
    return { entities, status: 200, body: { deleted_teams: teams.map(({ name }) => name) } };
  });
}

/** Changes a team, and shows it. */
async function changeTeam(
  context: FaceContext,
  reference: string | null | undefined,
  action: string,
  edit: (before: Entity) => EntityBody,
): Promise<AdminAnswer> {
  await context.house.flushLogs();
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const { id } = await findEntity(context, 'team', required('team_id', reference));
    const planned = await planChange({ ...context, id }, 'team', action, (before) =>
      withFields({ ...context, body: { ...edit(before) } }, { ...before, body: {} }),
    );
    return { entities: [planned], status: 200, body: await shownTeam(context, planned.after) };
  });
}

/** Entities that are only planned, for those who show them. */
export function withUsers(context: FaceContext, { users }: PlannedMembers): FaceContext {
  return { ...context, drafted: [...(context.drafted ?? []), ...users] };
}

export function ownRole(role: 'admin' | 'user' | null | undefined): 'admin' | 'member' {
  return role === 'admin' ? 'admin' : 'member';
}

function teamBody(context: FaceContext, before: EntityBody, fields: TeamFields): EntityBody {
  return withMemberRules(levelBody(context, before, fields.team_alias, fields, true), fields);
}
