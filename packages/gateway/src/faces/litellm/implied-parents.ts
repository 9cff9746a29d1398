import type { EntityChange } from '../../admin/change.ts';
import { planCreate } from '../../admin/entity-actions.ts';
import { type AdminResource, type AdminScope, hasScope } from '../../identity/admin-scope.ts';
import type { Entity } from '../../identity/entity.ts';
import { entityName } from './entity-name.ts';
import type { FaceContext } from './operation.ts';

const resources = { user: 'users', team: 'teams' } as const satisfies Record<string, AdminResource>;
const levelPlaces: ReadonlySet<string> = new Set(['organisationId']);

/** A user or a team that the request makes besides. */
export type MadeParent = EntityChange & { readonly after: Entity };

/** What is made of the user and the team a request names, when nobody has made them and it does not itself. */
export async function impliedParents(
  context: FaceContext,
  named: { readonly user_id?: string | null | undefined; readonly team_id?: string | null | undefined },
): Promise<MadeParent[]> {
  const implied: MadeParent[] = [];
  for (const [kind, reference] of [['user', named.user_id] as const, ['team', named.team_id] as const]) {
    const isDrafted = context.drafted?.some((entity) => entity.kind === kind && entity.name === reference) === true;
    const parent = isDrafted ? undefined : await impliedParent(context, kind, reference);
    if (parent !== undefined) implied.push(parent);
  }
  return implied;
}

/**
 * LiteLLM lets keys and members name users and teams it never heard of. Here they are made, without any right or rule, by
 * callers who may make them; for others they are unknown.
 *
 * @returns undefined when there is one, or when the caller may not make one.
 */
async function impliedParent(
  context: FaceContext,
  kind: 'user' | 'team',
  reference: string | null | undefined,
): Promise<MadeParent | undefined> {
  const { house, rights } = context;
  if (reference === null || reference === undefined || reference === '') return undefined;
  const isThere = [house.directory.byId(reference), house.directory.level(kind, reference)].some(
    (entity) => entity?.kind === kind,
  );
  const scope: AdminScope = `${resources[kind]}:write`;
  if (isThere || rights.teamId !== undefined || !hasScope(rights, scope)) return undefined;
  const name = entityName(kind === 'user' ? 'user_id' : 'team_id', reference);
  return planCreate({ ...context, body: { name } }, kind, resources[kind], levelPlaces);
}
