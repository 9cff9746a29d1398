import type { Entity, EntityKind } from '../identity/entity.ts';

export type EntityView = Readonly<Record<string, unknown>>;

/** Kinds that can be blocked and have a policy. */
const levels: ReadonlySet<EntityKind> = new Set([
  'organisation',
  'team',
  'user',
  'service-account',
  'project',
  'key',
  'end-user',
]);

/** An entity as the API shows it and the audit log keeps it: digests and what is sealed are left out. */
export function viewOf(entity: Entity): EntityView {
  const { id, kind, name, version, createdAtMs, updatedAtMs, organisationId, teamId, projectId, userId, body } = entity;
  const { sealed: _, ...shown } = body;
  const isServiceAccount = userId?.startsWith('svc_') === true;
  return {
    id,
    ...(kind !== 'membership' && { name }),
    ...(organisationId !== undefined && { organisationId }),
    ...(teamId !== undefined && { teamId }),
    ...(projectId !== undefined && { projectId }),
    ...(userId !== undefined && (isServiceAccount ? { serviceAccountId: userId } : { userId })),
    ...(levels.has(kind) && { isBlocked: false, policy: {} }),
    ...(kind === 'model' && { isBlocked: false }),
    ...(kind === 'credential' && { isBlocked: false, headerNames: [] }),
    ...(kind === 'key' && { tags: [], adminScopes: [] }),
    ...shown,
    version,
    createdAtMs,
    updatedAtMs,
  };
}
