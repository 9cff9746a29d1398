import * as z from 'zod/mini';
import { fallbacks, metadata, refusedOfKeys, zero } from './key-fields.ts';
import type { RefusedFields } from './read-fields.ts';
import { amount, flag, keyRuleFields, modelRuleFields, ruleFields, text, texts, windowFields } from './rule-schemas.ts';

/** What LiteLLM's requests about users hold, of what has a meaning here. */

const team = z.union([
  z.string().check(z.minLength(1), z.maxLength(200)),
  z.strictObject({
    team_id: z.string().check(z.minLength(1), z.maxLength(200)),
    max_budget_in_team: z.nullish(amount),
    user_role: z.nullish(z.enum(['user', 'admin'])),
  }),
]);

const shared = {
  user_id: text,
  user_email: text,
  user_alias: text,
  user_role: text,
  models: texts,
  metadata,
  blocked: flag,
  spend: zero,
  ...ruleFields,
  ...windowFields,
  ...modelRuleFields,
  tag_rpm_limit: keyRuleFields.tag_rpm_limit,
};

export const newUserFields = z.strictObject({
  ...shared,
  teams: z.nullish(z.array(team).check(z.maxLength(200))),
  organizations: texts,
  auto_create_key: flag,
  key_alias: text,
  duration: text,
  team_id: text,
  permissions: z.nullish(z.record(z.string(), z.unknown())),
  budget_fallbacks: fallbacks,
});
export const changedUserFields = z.strictObject(shared);
export type UserFields = Partial<z.infer<typeof newUserFields>>;

export const changedUsersFields = z.strictObject({
  users: z.array(changedUserFields).check(z.minLength(1), z.maxLength(500)),
});

const ofKeys = 'give it to a key of the user, by /key/update';

export const refusedOfUsers: RefusedFields = {
  ...refusedOfKeys,
  aliases: 'names of models are the same for everybody; configure a model of that name',
  config: 'users have no configuration of their own',
  password: 'there is no log-in for users',
  sso_user_id: 'there is no log-in for users; tokens of an issuer name them by user_id',
  budget_id: 'name max_budget and budget_duration instead',
};
export const refusedOfChangedUsers: RefusedFields = {
  ...refusedOfUsers,
  key_alias: ofKeys,
  duration: ofKeys,
  team_id: 'members are added by /team/member_add',
  permissions: ofKeys,
  budget_fallbacks: ofKeys,
};
