import type { Entity } from '../identity/entity.ts';

export type EntityView = Readonly<Record<string, unknown>>;

/** An entity as the API shows it and the audit log keeps it: digests are left out. */
export function viewOf(entity: Entity): EntityView {
  const { id, kind, name, version, createdAtMs, updatedAtMs, organisationId, teamId, projectId, userId, body } = entity;
  const isServiceAccount = userId?.startsWith('svc_') === true;
  return {
    id,
    ...(kind !== 'membership' && { name }),
    ...(organisationId !== undefined && { organisationId }),
    ...(teamId !== undefined && { teamId }),
    ...(projectId !== undefined && { projectId }),
    ...(userId !== undefined && (isServiceAccount ? { serviceAccountId: userId } : { userId })),
    ...(kind !== 'membership' && kind !== 'model-group' && { isBlocked: false, policy: {} }),
    ...(kind === 'key' && { tags: [], adminScopes: [] }),
    ...body,
    version,
    createdAtMs,
    updatedAtMs,
  };
}
