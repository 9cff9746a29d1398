import { AdminFault } from '../../admin/admin-fault.ts';
import { isWithin } from '../../admin/reach.ts';
import { type AdminScope, hasScope } from '../../identity/admin-scope.ts';
import { type Entity, type EntityKind, readEntityRow } from '../../identity/entity.ts';
import type { FaceContext } from './operation.ts';

/** What LiteLLM's clients call a kind, and the field that names one. */
const words: Readonly<Partial<Record<EntityKind, readonly [word: string, field: string]>>> = {
  'end-user': ['customer', 'user_id'],
  organisation: ['organization', 'organization_id'],
  tag: ['tag', 'name'],
};

/**
 * What a request names by the id its client gave it, which is our name, or by our id.
 *
 * @throws AdminFault `record_unknown` for one that is not there, or that the caller does not see.
 */
export async function findEntity(context: FaceContext, kind: EntityKind, reference: string): Promise<Entity> {
  const { records } = context.house.store;
  const row = (await records.entityNamed(kind, reference)) ?? (await records.entity(reference));
  const entity = row === undefined ? undefined : readEntityRow(row);
  if (entity?.kind === kind && (context.isOwn ? isOwned(context, entity) : isWithin(context.rights, entity))) {
    return entity;
  }
  const [word, field] = words[kind] ?? [kind, `${kind}_id`];
  throw new AdminFault('record_unknown', { param: field, message: `There is no ${word} "${reference}".` });
}

/** A person by address. @throws AdminFault `record_unknown` when nobody, or more than one, has it. */
export function findUserByEmail(context: FaceContext, email: string): Entity {
  const found = usersWithEmail(context, email).filter((user) => isWithin(context.rights, user));
  const [user] = found;
  if (user !== undefined && found.length === 1) return user;
  throw new AdminFault('record_unknown', {
    param: 'user_email',
    message:
      found.length === 0
        ? `There is no user with the address "${email}".`
        : `Several users have the address "${email}".`,
  });
}

export function usersWithEmail({ house }: FaceContext, email: string): Entity[] {
  const wanted = email.toLowerCase();
  return house.directory.ofKind('user').filter(({ body }) => body.email?.toLowerCase() === wanted);
}

/** Of a kind, what the caller sees, the earliest first. */
export function visible({ house, rights }: FaceContext, kind: EntityKind): Entity[] {
  return house.directory
    .ofKind(kind)
    .filter((entity) => isWithin(rights, entity))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** For what a request does besides that its operation asks no scope for. @throws AdminFault `scope_missing` */
export function requireScope({ rights, caller }: FaceContext, scope: AdminScope): void {
  if (hasScope(rights, scope)) return;
  throw new AdminFault('scope_missing', { message: `The key "${caller.name}" lacks the scope ${scope}.` });
}

/** A field without which there is nothing to do. @throws AdminFault `body_invalid` */
export function required(field: string, value: string | null | undefined): string {
  if (value) return value;
  throw new AdminFault('body_invalid', { param: field, message: `${field} is required.` });
}

/** Is it the user, the team or the organisation the caller's own key belongs to? */
function isOwned({ house, caller }: FaceContext, { id, kind }: Entity): boolean {
  const key = house.directory.byId(caller.id);
  const own = { user: key?.userId, team: key?.teamId, organisation: key?.organisationId };
  return id === own[kind as keyof typeof own];
}
