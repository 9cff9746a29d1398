import * as z from 'zod/mini';
import { metadata } from './key-fields.ts';
import type { RefusedFields } from './read-fields.ts';
import { amount, budgetIdField, modelRuleFields, ruleFields, text, texts } from './rule-schemas.ts';

/** What LiteLLM's requests about organizations hold, of what has a meaning here. */

export const organizationFields = z.strictObject({
  organization_id: text,
  organization_alias: text,
  models: texts,
  metadata,
  ...budgetIdField,
  ...ruleFields,
  ...modelRuleFields,
});
export type OrganizationFields = z.infer<typeof organizationFields>;

const id = z.string().check(z.minLength(1), z.maxLength(200));
export const namedOrganizations = z.strictObject({
  organization_ids: z.array(id).check(z.minLength(1), z.maxLength(100)),
});

const role = z.nullish(z.enum(['org_admin', 'internal_user', 'internal_user_viewer']));
const orgMember = z.strictObject({ user_id: text, user_email: text, role });
export const addedOrgMembers = z.strictObject({
  organization_id: id,
  member: z.union([orgMember, z.array(orgMember).check(z.minLength(1), z.maxLength(1_000))]),
  max_budget_in_organization: z.nullish(amount),
});
export const changedOrgMember = z.strictObject({
  organization_id: id,
  ...orgMember.shape,
  max_budget_in_organization: z.nullish(amount),
});
export const removedOrgMember = z.strictObject({ organization_id: id, user_id: text, user_email: text });
export type OrgMemberFields = Partial<z.infer<typeof orgMember>>;
export type ChangedOrgMember = z.infer<typeof changedOrgMember>;
export type AddedOrgMembers = z.infer<typeof addedOrgMembers>;

export const refusedOfOrganizations: RefusedFields = {
  object_permission: 'nothing of what it permits is served',
  allowed_models: 'name them in models',
  budget_reset_at: 'it follows from budget_duration',
};
