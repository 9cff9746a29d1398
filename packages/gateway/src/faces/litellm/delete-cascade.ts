import { AdminFault } from '../../admin/admin-fault.ts';
import type { EntityChange } from '../../admin/change.ts';
import { changeable } from '../../admin/entity-actions.ts';
import { requireUnreferred } from '../../admin/entity-rules.ts';
import type { AdminResource } from '../../identity/admin-scope.ts';
import type { Entity, EntityKind } from '../../identity/entity.ts';
import { requireScope } from './find-entity.ts';
import type { FaceContext } from './operation.ts';

/** What LiteLLM deletes with what it belongs to. */
const resources: Readonly<Partial<Record<EntityKind, AdminResource>>> = {
  key: 'keys',
  membership: 'memberships',
  team: 'teams',
  budget: 'budgets',
  credential: 'credentials',
};

/**
 * What deleting these comes to, together with all that belongs to them.
 *
 * @throws AdminFault `record_conflict` when something does that LiteLLM does not know; `scope_missing`
 */
export async function planCascade(
  context: FaceContext,
  kind: EntityKind,
  resource: AdminResource,
  entities: readonly Entity[],
): Promise<EntityChange[]> {
  const going = new Map<string, EntityChange>();
  const all: Entity[] = [];
  for (const each of Object.keys(resources)) all.push(...context.house.directory.ofKind(each as EntityKind));
  for (const each of ['user', 'project', 'service-account', 'model-group'] as const) {
    all.push(...context.house.directory.ofKind(each));
  }
  for (const { id } of entities) {
    const before = await changeable({ ...context, id }, kind);
    going.set(id, { action: `${resource}.delete`, before, after: undefined });
  }
  // What belongs to something lies at most four levels below; each pass finds one.
  for (let found = going.size; found > 0; ) {
    found = 0;
    for (const child of all) {
      if (going.has(child.id) || !parentsOf(child).some((id) => going.has(id))) continue;
      going.set(child.id, await deletionOf(context, child));
      found++;
    }
  }
  return [...going.values()];
}

/** @throws AdminFault `record_conflict` when something has the budget. */
export async function planBudgetDeletion(
  context: FaceContext,
  { id }: Entity,
): Promise<EntityChange & { before: Entity }> {
  const before = await changeable({ ...context, id }, 'budget');
  await requireUnreferred(context, before);
  return { action: 'budgets.delete', before, after: undefined };
}

async function deletionOf(context: FaceContext, child: Entity): Promise<EntityChange> {
  const resource = resources[child.kind];
  if (resource === undefined) {
    throw new AdminFault('record_conflict', {
      message: `The ${child.kind} "${child.name}" belongs to it.`,
      hint: 'Delete that first, by the admin API.',
    });
  }
  requireScope(context, `${resource}:write`);
  const before = await changeable({ ...context, id: child.id }, child.kind);
  return { action: `${resource}.delete`, before, after: undefined };
}

function parentsOf({ organisationId, teamId, userId, projectId, body }: Entity): string[] {
  return [organisationId, teamId, userId, projectId, body.keyId].filter((id) => id !== undefined);
}
