import * as z from 'zod/mini';
import { metadata } from './key-fields.ts';
import type { RefusedFields } from './read-fields.ts';
import {
  amount,
  count,
  duration,
  flag,
  modelRuleFields,
  ruleFields,
  text,
  texts,
  windowFields,
} from './rule-schemas.ts';

/** What LiteLLM's requests about teams hold, of what has a meaning here. */

export const member = z.strictObject({
  user_id: text,
  user_email: text,
  role: z.nullish(z.enum(['admin', 'user'])),
});
export type MemberFields = z.infer<typeof member>;

const memberRules = {
  team_member_budget: z.nullish(amount),
  team_member_budget_duration: z.nullish(duration),
  team_member_rpm_limit: z.nullish(count),
  team_member_tpm_limit: z.nullish(count),
};

const shared = {
  team_id: text,
  team_alias: text,
  organization_id: text,
  models: texts,
  blocked: flag,
  metadata,
  tags: texts,
  ...ruleFields,
  ...windowFields,
  ...modelRuleFields,
  ...memberRules,
};
export const newTeamFields = z.strictObject({
  ...shared,
  members_with_roles: z.nullish(z.array(member).check(z.maxLength(1_000))),
});
export const changedTeamFields = z.strictObject(shared);
export type TeamFields = Partial<z.infer<typeof newTeamFields>>;

const inTeam = {
  max_budget_in_team: z.nullish(amount),
  budget_duration: z.nullish(duration),
};
export const addedMemberFields = z.strictObject({
  team_id: text,
  member: z.union([member, z.array(member).check(z.minLength(1), z.maxLength(1_000))]),
  ...inTeam,
});
export const addedMembersFields = z.strictObject({
  team_id: text,
  members: z.array(member).check(z.minLength(1), z.maxLength(1_000)),
  max_budget_in_team: inTeam.max_budget_in_team,
});
export const changedMemberFields = z.strictObject({
  team_id: text,
  ...member.shape,
  ...inTeam,
  tpm_limit: z.nullish(count),
  rpm_limit: z.nullish(count),
});
export const removedMemberFields = z.strictObject({ team_id: text, user_id: text, user_email: text });

const NO_GUARDRAILS = 'teams choose no guardrails here';

export const refusedOfTeams: RefusedFields = {
  admins: 'name them in members_with_roles',
  members: 'name them in members_with_roles',
  team_member_permissions: 'what members may do follows from their role',
  default_team_member_models: 'members use what their team may; give models to their keys',
  team_member_key_duration: 'keys get their duration one by one',
  model_aliases: 'names of models are the same for everybody; configure a model of that name',
  router_settings: 'teams have no routing of their own',
  access_group_ids: 'name the model group in models',
  mcp_rpm_limit: 'no MCP servers are served',
  guardrails: NO_GUARDRAILS,
  policies: NO_GUARDRAILS,
  disable_global_guardrails: NO_GUARDRAILS,
  prompts: 'no prompts are kept',
  object_permission: 'nothing of what it permits is served',
  allowed_passthrough_routes: 'no routes are passed through',
  allowed_vector_store_indexes: 'no vector stores are served',
  secret_manager_settings: 'keys are not written to secret managers',
  enforced_batch_output_expires_after: 'no batches are served',
  enforced_file_expires_after: 'no files are served',
};

export const refusedOfMembers: RefusedFields = {
  allowed_models: 'members use what their team may; give models to their keys',
  all_users: 'name the members',
};
