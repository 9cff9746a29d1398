import type { Role } from '../../identity/admin-scope.ts';
import type { Entity } from '../../identity/entity.ts';
import { ledgerScopeOf } from '../../policy/budgets/compiled-budget.ts';
import { nowMs } from '../../runtime/clock.ts';
import { budgetPartsOf } from './budget-parts.ts';
import { windowNow } from './budget-window.ts';
import { shownMemberRules } from './each-member.ts';
import { shownModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { parentName } from './show-key.ts';
import { budgetTable, isoDate, litellmRules } from './show-rules.ts';
import { ledgerScope, spendNow, spentSince } from './spend-now.ts';

/** A team in LiteLLM's fields, with what it spent. */
export async function shownTeam(context: FaceContext, team: Entity, memberships = membershipsIn(context, team)) {
  const { name, body, organisationId, createdAtMs, updatedAtMs } = team;
  const { metadata = {}, tags = [] } = body;
  return {
    team_id: name,
    team_alias: body.displayName ?? null,
    organization_id: parentName(context, organisationId),
    admins: [],
    members: [],
    members_with_roles: memberships.map((membership) => shownMember(context, membership)),
    metadata: tags.length === 0 ? metadata : { ...metadata, tags },
    models: shownModels(body.policy ?? {}),
    blocked: body.isBlocked ?? false,
    spend: await spendNow(context.house, team),
    ...litellmRules(body),
    team_member_budget_table: shownMemberRules(body),
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
  };
}

export function membershipsIn({ house }: FaceContext, { id, kind }: Entity): Entity[] {
  return house.directory
    .ofKind('membership')
    .filter(({ teamId, organisationId }) =>
      kind === 'team' ? teamId === id : teamId === undefined && organisationId === id,
    )
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** LiteLLM knows two roles in a team. */
export function teamRole(role: Role | undefined): 'admin' | 'user' {
  return role === 'owner' || role === 'admin' ? 'admin' : 'user';
}

function shownMember(context: FaceContext, { userId, body }: Entity) {
  const user = userOf(context, userId);
  return { user_id: user?.name ?? null, user_email: user?.body.email ?? null, role: teamRole(body.role) };
}

/** A membership of a team, with what the member spent in it. */
export async function shownMembership(context: FaceContext, membership: Entity) {
  const { userId, teamId, organisationId, body } = membership;
  const hasRules = (body.budgets?.length ?? 0) + (body.limits?.length ?? 0) > 0;
  return {
    user_id: userOf(context, userId)?.name ?? null,
    ...(teamId === undefined
      ? { organization_id: parentName(context, organisationId) }
      : { team_id: parentName(context, teamId) }),
    budget_id: null,
    spend: await memberSpend(context, membership),
    litellm_budget_table: hasRules ? budgetTable(membership) : null,
  };
}

/**
 * What a member spent in the window of the member's budget, as that budget counts it. Where there is none, what the keys
 * spent that are the member's there.
 */
async function memberSpend(context: FaceContext, { userId, teamId, organisationId, body }: Entity): Promise<number> {
  const { house } = context;
  const user = userOf(context, userId);
  const place = house.directory.byId(teamId ?? organisationId ?? '');
  if (user === undefined || place === undefined) return 0;
  const { main } = budgetPartsOf(body);
  const budget = house.budgets.inForce.find(
    ({ rule: { scope }, each }) =>
      each.length === 0 &&
      Object.keys(scope).length === 2 &&
      scope.user === user.name &&
      scope[place.kind as 'team'] === place.name,
  );
  if (main !== undefined && budget !== undefined) {
    return spentSince(house, ledgerScopeOf(budget, ''), windowNow(main, nowMs()).startMs);
  }
  const keys = house.directory
    .ofKind('key')
    .filter(
      (key) =>
        key.userId === userId && (teamId === undefined ? key.organisationId === organisationId : key.teamId === teamId),
    );
  const spent = await Promise.all(keys.map((key) => spentSince(house, ledgerScope(key), 0)));
  return spent.reduce((sum, each) => sum + each, 0);
}

function userOf({ house, drafted = [] }: FaceContext, id: string | undefined): Entity | undefined {
  return house.directory.byId(id ?? '') ?? drafted.find((entity) => entity.id === id);
}
