import { type AdminRights, type AdminScope, hasScope, isBounded } from '../identity/admin-scope.ts';
import type { Entity } from '../identity/entity.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';

/** Is the entity what these rights are bound to, or does it belong to that? */
export function isWithin(rights: AdminRights, entity: Entity): boolean {
  if (!isBounded(rights)) return true;
  return isBound(rights, entity) || belongs(rights, entity);
}

/** @throws AdminFault `scope_missing` for rights that are bound to an organisation or a team. */
export function requireUnbounded({ rights, caller }: AdminContext): void {
  if (!isBounded(rights)) return;
  throw new AdminFault('scope_missing', {
    message: `The key "${caller.name}" belongs to an organisation or a team, and this is about the whole gateway.`,
  });
}

/**
 * May this caller change the entity? Nobody changes the key they call with, nor the level that binds them, and nobody
 * touches a key that may do more than they do: a new secret for it would be a way up.
 *
 * @throws AdminFault `record_unknown` for what the caller does not see, `scope_missing`
 */
export function requireChangeable(context: AdminContext, entity: Entity): void {
  const { rights, caller } = context;
  if (!isWithin(rights, entity)) throw unknownRecord(entity.id);
  if (entity.id === caller.id) {
    throw new AdminFault('scope_missing', { message: 'A key does not change itself.', hint: 'Use another key.' });
  }
  if (isBounded(rights) && !belongs(rights, entity)) {
    throw new AdminFault('scope_missing', {
      message: `The key "${caller.name}" is bound by this ${entity.kind} and cannot change it.`,
    });
  }
  requireGrantable(context, entity.body.adminScopes ?? []);
}

/**
 * Who calls with a token gets hold of those keys only for which the policy of its issuer holds as well.
 *
 * @throws AdminFault `scope_missing`
 */
export function requireSameIssuer({ caller }: AdminContext, key: Entity): void {
  if (caller.issuer === undefined || caller.issuer === key.body.issuer) return;
  throw new AdminFault('scope_missing', {
    message: `"${caller.name}" calls under the issuer "${caller.issuer}", and the key "${key.name}" was not made so.`,
    hint: 'Make a new key, or have it replaced by somebody with a key.',
  });
}

/** @throws AdminFault `scope_missing` when the caller lacks one of the scopes, and so cannot give it. */
export function requireGrantable({ rights, caller }: AdminContext, scopes: readonly AdminScope[]): void {
  const beyond = scopes.filter((scope) => !hasScope(rights, scope));
  if (beyond.length === 0) return;
  throw new AdminFault('scope_missing', {
    param: 'adminScopes',
    message: `The key "${caller.name}" does not have ${beyond.join(', ')} and cannot decide about keys that do.`,
  });
}

export function unknownRecord(id: string): AdminFault {
  return new AdminFault('record_unknown', { message: `There is no record "${shown(id)}".`, param: 'id' });
}

/** Whoever puts a key where an id belongs does not get it back in words that are kept: no key is so short. */
function shown(id: string): string {
  return id.length < KEY_CHARS_MIN || ENTITY_ID.test(id) ? id : `${id.slice(0, 8)}…`;
}

const KEY_CHARS_MIN = 20;
const ENTITY_ID = /^[a-z]{1,8}_[0-9a-z]{26}$/;

function isBound(rights: AdminRights, entity: Entity): boolean {
  return entity.id === (rights.teamId ?? rights.organisationId);
}

function belongs(rights: AdminRights, entity: Entity): boolean {
  if (rights.teamId !== undefined) return entity.teamId === rights.teamId;
  return entity.organisationId === rights.organisationId;
}
