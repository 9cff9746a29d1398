/** What the admin API has, each to be read or written on its own. */
export const adminResources = [
  'organisations',
  'teams',
  'users',
  'memberships',
  'service-accounts',
  'projects',
  'keys',
  'model-groups',
  'credentials',
  'end-users',
  'tags',
  'budgets',
  'audit',
  'logs',
  'ledger',
  'models',
] as const;
export type AdminResource = (typeof adminResources)[number];

const readOnly: ReadonlySet<string> = new Set(['audit', 'logs']);

export type AdminScope = `${AdminResource}:${'read' | 'write'}`;

/** Every scope a key can be given. To write includes to read. */
export const adminScopes: readonly AdminScope[] = adminResources.flatMap((resource): AdminScope[] =>
  readOnly.has(resource) ? [`${resource}:read`] : [`${resource}:read`, `${resource}:write`],
);

export const roles = ['owner', 'admin', 'member', 'viewer'] as const;
export type Role = (typeof roles)[number];

const ofTeams = [
  'teams',
  'users',
  'memberships',
  'service-accounts',
  'projects',
  'keys',
  'model-groups',
  'budgets',
] as const;
const read = ofTeams.map((resource): AdminScope => `${resource}:read`);

/** What keys of a user may do in the organisation or team in which the user has the role, at most. */
export const roleScopes: Readonly<Record<Role, readonly AdminScope[]>> = {
  owner: adminScopes,
  admin: [...read, 'projects:write', 'service-accounts:write', 'keys:write', 'credentials:write'],
  member: [...read, 'keys:write'],
  viewer: read,
};

/** What a caller may do in the admin API. */
export interface AdminRights {
  readonly scopes: readonly AdminScope[];
  /** Only what belongs to this organisation, or to this team, is seen and touched; without either, everything. */
  readonly organisationId: string | undefined;
  readonly teamId: string | undefined;
}

export const everyRight: AdminRights = { scopes: adminScopes, organisationId: undefined, teamId: undefined };

export function hasScope(rights: AdminRights, scope: AdminScope): boolean {
  if (rights.scopes.includes(scope)) return true;
  return scope.endsWith(':read') && rights.scopes.some((held) => held === `${scope.slice(0, -':read'.length)}:write`);
}

export function isBounded(rights: AdminRights): boolean {
  return rights.organisationId !== undefined || rights.teamId !== undefined;
}
