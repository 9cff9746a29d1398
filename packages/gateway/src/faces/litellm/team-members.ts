import type { AdminAnswer } from '../../admin/admin-context.ts';
import { makeChanges } from '../../admin/change.ts';
import { planChange, withFields } from '../../admin/entity-actions.ts';
import type { Entity } from '../../identity/entity.ts';
import { requireWithinMemberBudget } from './each-member.ts';
import { findEntity, required } from './find-entity.ts';
import { memberOf, planMembers, planRemoval } from './members.ts';
import type { FaceContext } from './operation.ts';
import type { LitellmAmount } from './rule-schemas.ts';
import { litellmRules } from './show-rules.ts';
import { membershipsIn, shownMembership, shownTeam } from './show-team.ts';
import { shownUser } from './show-user.ts';
import { ownRole, withUsers } from './team-actions.ts';
import type { MemberFields } from './team-fields.ts';
import { withLitellmRules } from './write-rules.ts';

interface InTeamFields {
  readonly team_id?: string | null | undefined;
  readonly max_budget_in_team?: LitellmAmount | null | undefined;
  readonly budget_duration?: string | null | undefined;
  readonly tpm_limit?: number | null | undefined;
  readonly rpm_limit?: number | null | undefined;
}

/** `/team/member_add` */
export function addMembers(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as unknown as InTeamFields & { member: MemberFields | MemberFields[] };
  return addAll(context, fields, [fields.member].flat());
}

/** `/team/bulk_member_add`: all of them, or none. */
export async function addManyMembers(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as unknown as InTeamFields & { members: MemberFields[] };
  const answer = await addAll(context, fields, fields.members);
  const { updated_users, updated_team_memberships, ...updated_team } = answer.body as Awaited<ReturnType<typeof added>>;
  const results = updated_users.map((updated_user, at) => ({
    user_id: updated_user.user_id,
    user_email: updated_user.user_email,
    success: true,
    error: null,
    updated_user,
    updated_team_membership: updated_team_memberships[at],
  }));
  const count = { total_requested: results.length, successful_additions: results.length, failed_additions: 0 };
  return { ...answer, body: { team_id: updated_team.team_id, results, ...count, updated_team } };
}

function addAll(context: FaceContext, fields: InTeamFields, members: readonly MemberFields[]): Promise<AdminAnswer> {
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const team = await findEntity(context, 'team', required('team_id', fields.team_id));
    const rules = rulesIn(team, fields);
    const planned = await planMembers(
      context,
      team,
      members.map(({ role, ...named }) => ({ ...named, role: ownRole(role), rules })),
    );
    const own = withUsers(context, planned);
    return { entities: planned.changes, status: 200, body: await added(own, team, planned) };
  });
}

async function added(
  context: FaceContext,
  team: Entity,
  { users, memberships }: { readonly users: readonly Entity[]; readonly memberships: readonly Entity[] },
) {
  const all = [...membershipsIn(context, team), ...memberships];
  return {
    ...(await shownTeam(context, team, all)),
    updated_users: await Promise.all(users.map((user) => shownUser(context, user))),
    updated_team_memberships: await Promise.all(memberships.map((each) => shownMembership(context, each))),
  };
}

/** `/team/member_update` */
export function updateMember(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as InTeamFields & MemberFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const team = await findEntity(context, 'team', required('team_id', fields.team_id));
    const rules = rulesIn(team, fields);
    const { user, membership } = memberOf(context, fields, team);
    const { id } = membership;
    const planned = await planChange({ ...context, id }, 'membership', 'memberships.update', (before) => {
      const body = { ...withLitellmRules(before.body, rules), ...(fields.role && { role: ownRole(fields.role) }) };
      return withFields({ ...context, body }, { ...before, body: {} });
    });
    const { max_budget, budget_duration, tpm_limit, rpm_limit } = litellmRules(planned.after.body);
    return {
      entities: [planned],
      status: 200,
      body: {
        team_id: team.name,
        user_id: user.name,
        user_email: user.body.email ?? null,
        max_budget_in_team: max_budget,
        budget_duration,
        tpm_limit,
        rpm_limit,
      },
    };
  });
}

/** `/team/member_delete`: with the keys that are the member's in the team. */
export function removeMember(context: FaceContext): Promise<AdminAnswer> {
  const fields = context.body as InTeamFields & MemberFields;
  return makeChanges(context, async () => {
    await context.house.follow.catchUp();
    const team = await findEntity(context, 'team', required('team_id', fields.team_id));
    const { user, membership } = memberOf(context, fields, team);
    const { id } = membership;
    const others = membershipsIn(context, team).filter((each) => each.id !== id);
    return {
      entities: await planRemoval(context, id, 'teamId', user, team),
      status: 200,
      body: await shownTeam(context, team, others),
    };
  });
}

function rulesIn(team: Entity, { max_budget_in_team, budget_duration, tpm_limit, rpm_limit }: InTeamFields) {
  requireWithinMemberBudget(team.body, max_budget_in_team);
  return { max_budget: max_budget_in_team, budget_duration, tpm_limit, rpm_limit };
}
