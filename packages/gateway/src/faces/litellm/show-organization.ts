import type { Entity } from '../../identity/entity.ts';
import { shownModels } from './model-access.ts';
import type { FaceContext } from './operation.ts';
import { budgetTable, isoDate, litellmRules, shownSharedBudget } from './show-rules.ts';
import { membershipsIn, shownMembership, shownTeam } from './show-team.ts';
import { spendNow } from './spend-now.ts';

/** An organisation in LiteLLM's fields, with what it spent. @param isWhole With members and teams. */
export async function shownOrganization(context: FaceContext, organisation: Entity, isWhole = false) {
  const { id, name, body, createdAtMs, updatedAtMs } = organisation;
  const { model_rpm_limit, model_tpm_limit } = litellmRules(body);
  const hasRules = (body.budgets?.length ?? 0) + (body.limits?.length ?? 0) > 0;
  const { directory } = context.house;
  return {
    organization_id: name,
    organization_alias: body.displayName ?? null,
    models: shownModels(body.policy ?? {}),
    metadata: body.metadata ?? {},
    spend: await spendNow(context.house, organisation),
    ...(model_rpm_limit && { model_rpm_limit }),
    ...(model_tpm_limit && { model_tpm_limit }),
    ...shownSharedBudget(context, body),
    ...(hasRules && { litellm_budget_table: budgetTable(organisation) }),
    ...(isWhole && {
      members: await Promise.all(membershipsIn(context, organisation).map((each) => shownOrgMember(context, each))),
      teams: await Promise.all(
        directory
          .ofKind('team')
          .filter(({ organisationId }) => organisationId === id)
          .map((team) => shownTeam(context, team)),
      ),
    }),
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
  };
}

/** A membership of an organisation. */
export async function shownOrgMember(context: FaceContext, membership: Entity) {
  const { body, createdAtMs, updatedAtMs } = membership;
  const roles = { owner: 'org_admin', admin: 'org_admin', member: 'internal_user', viewer: 'internal_user_viewer' };
  return {
    ...(await shownMembership(context, membership)),
    user_role: roles[body.role ?? 'viewer'],
    created_at: isoDate(createdAtMs),
    updated_at: isoDate(updatedAtMs),
  };
}
