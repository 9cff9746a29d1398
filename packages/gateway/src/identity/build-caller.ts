import type { GroupedPolicy, Policy } from '../config/policy.ts';
import type { BudgetFallbacks } from '../config/snapshot.ts';
import { type Caller, type Refusal, refusalOfTags } from '../policy/caller.ts';
import type { Scope } from '../policy/scope.ts';
import { type AdminRights, type Role, roleScopes } from './admin-scope.ts';
import { effectivePolicy, missingTags } from './effective-policy.ts';
import type { Entity, StoredPolicy } from './entity.ts';

/** Looks groups of models up, by name. */
export interface GroupSource {
  modelsOfGroup(name: string): readonly string[] | undefined;
}

/** An issuer that is not configured any more: what it allowed is not known. */
const NOTHING: Policy = { models: [], operations: [] };

/** Looks entities up for {@link buildCaller}. */
export interface EntitySource extends GroupSource {
  byId(id: string): Entity | undefined;
  membership(userId: string, ofId: string): Entity | undefined;
  /** What callers with tokens of an issuer may use at most; undefined for one that is not configured. */
  policyOfIssuer(name: string): StoredPolicy | undefined;
}

/** The levels above a key, outermost first. Ids of what is gone are left out. */
export function levelsOf(key: Entity, source: EntitySource): Entity[] {
  return [key.organisationId, key.teamId, key.projectId, key.userId]
    .map((id) => (id === undefined ? undefined : source.byId(id)))
    .filter((level) => level !== undefined);
}

/** Who calls with this key, all levels taken together. */
export function buildCaller(key: Entity, source: EntitySource): Caller {
  const levels = levelsOf(key, source);
  const all = [...levels, key];
  const tags = [...new Set(all.flatMap(({ body }) => body.tags ?? []))];
  const { issuer } = key.body;
  const policies = all.map(({ body }): StoredPolicy => body.policy ?? {});
  if (issuer !== undefined) policies.push(source.policyOfIssuer(issuer) ?? NOTHING);
  const policy = effectivePolicy(policies.map((each) => withGroups(each, source)));
  return {
    id: key.id,
    name: key.name,
    isAdmin: false,
    scopes: [{ type: 'key', id: key.name }, ...levelScopes(levels), ...tagScopes(tags)],
    policy,
    ownerIds: [key.id, key.userId, key.projectId, key.teamId, key.organisationId].filter((id) => id !== undefined),
    mayBringCredentials: mayBring(policies),
    issuer,
    fallbackModels: fallbacksOf(all),
    refusal: refusalOf(key, all, missingTags(policy, tags)),
    admin: adminRights(key, source),
  };
}

function mayBring(policies: readonly StoredPolicy[]): boolean {
  const said = policies.map(({ allowRequestCredentials }) => allowRequestCredentials);
  return said.includes(true) && !said.includes(false);
}

function fallbacksOf(levels: readonly Entity[]): BudgetFallbacks | undefined {
  const given = levels.flatMap(({ body }) => Object.entries(body.policy?.fallbackModels ?? {}));
  return given.length === 0 ? undefined : Object.fromEntries(given);
}

function refusalOf(key: Entity, levels: readonly Entity[], tagsMissing: readonly string[]): Refusal | undefined {
  const blocked = levels.find(({ body }) => body.isBlocked === true);
  if (blocked !== undefined) {
    const what = blocked === key ? 'It' : `Its ${blocked.kind} "${blocked.name}"`;
    return { code: 'key_blocked', message: `The key "${key.name}" is not accepted. ${what} is blocked.` };
  }
  return refusalOfTags(key.name, tagsMissing);
}

/** What a policy allows once its groups are models. A group that is gone allows nothing. */
export function withGroups(policy: GroupedPolicy | undefined, source: GroupSource): Policy {
  if (policy?.modelGroups === undefined) return policy ?? {};
  const grouped = policy.modelGroups.flatMap((name) => source.modelsOfGroup(name) ?? []);
  return { ...policy, models: [...(policy.models ?? []), ...grouped] };
}

function levelScopes(levels: readonly Entity[]): Scope[] {
  return (['user', 'service-account', 'team', 'organisation', 'project'] as const).flatMap((type) => {
    const level = levels.find(({ kind }) => kind === type);
    return level === undefined ? [] : [{ type, id: level.name }];
  });
}

function tagScopes(tags: readonly string[]): Scope[] {
  return tags.map((id) => ({ type: 'tag', id }));
}

/** A user's key can do no more than the user's role where the key belongs; without a role there, nothing. */
function adminRights(key: Entity, source: EntitySource): AdminRights | undefined {
  const { teamId, organisationId, userId } = key;
  let scopes = key.body.adminScopes ?? [];
  if (scopes.length === 0) return undefined;
  if (userId !== undefined && source.byId(userId)?.kind === 'user') {
    const held = [teamId, organisationId].flatMap((ofId) => {
      const role: Role | undefined = ofId === undefined ? undefined : source.membership(userId, ofId)?.body.role;
      return role === undefined ? [] : roleScopes[role];
    });
    scopes = scopes.filter((scope) => held.includes(scope));
  }
  return { scopes, organisationId: teamId === undefined ? organisationId : undefined, teamId };
}
