import { AdminFault } from '../../admin/admin-fault.ts';
import { isWithin } from '../../admin/reach.ts';
import { type Entity, readEntityRow } from '../../identity/entity.ts';
import { sha256Hex } from '../../policy/identify.ts';
import type { FaceContext } from './operation.ts';

/**
 * The key a request names: by the key itself, by its SHA-256, or by its token, which here is its id.
 *
 * @throws AdminFault `record_unknown` for one that is not there, or that the caller does not see.
 */
export async function findKey(context: FaceContext, reference: string): Promise<Entity> {
  const key = await keyOf(context, reference);
  if (key !== undefined && (context.isOwn ? key.id === context.caller.id : isWithin(context.rights, key))) return key;
  // The reference may be a key: it is not repeated.
  throw new AdminFault('record_unknown', { param: 'key', message: 'There is no such key.' });
}

/** Likewise by its alias. */
export function findKeyByAlias({ house, rights }: FaceContext, alias: string): Entity {
  const key = keyWithAlias(house.directory.ofKind('key'), alias);
  if (key !== undefined && isWithin(rights, key)) return key;
  throw new AdminFault('record_unknown', {
    param: 'key_aliases',
    message: `There is no key with the alias "${alias}".`,
  });
}

/** The caller's own key. @throws AdminFault `record_unknown` for keys that are not in the database. */
export function ownKey({ house, caller }: FaceContext): Entity {
  const key = house.directory.byId(caller.id);
  if (key?.kind === 'key') return key;
  throw new AdminFault('record_unknown', {
    param: 'key',
    message: `Nothing is stored about the key "${caller.name}". Name a key that was generated.`,
  });
}

/** @throws AdminFault `record_conflict` when another key has the alias. */
export function requireFreeAlias(
  { house }: FaceContext,
  alias: string | null | undefined,
  ownId: string | undefined,
): void {
  if (alias === null || alias === undefined) return;
  const other = keyWithAlias(house.directory.ofKind('key'), alias);
  if (other === undefined || other.id === ownId) return;
  throw new AdminFault('record_conflict', {
    param: 'key_alias',
    message: `There is a key with the alias "${alias}" already.`,
  });
}

export function aliasOf({ body, name }: Entity): string {
  return body.displayName ?? name;
}

function keyWithAlias(keys: readonly Entity[], alias: string): Entity | undefined {
  return keys.find((key) => aliasOf(key) === alias);
}

async function keyOf({ house }: FaceContext, reference: string): Promise<Entity | undefined> {
  const byId = house.directory.byId(reference);
  if (byId !== undefined) return byId.kind === 'key' ? byId : undefined;
  const sha256 = /^[0-9a-f]{64}$/.test(reference) ? reference : sha256Hex(reference);
  const row = await house.store.records.entityWithDigest(house.digest.ofKey(sha256));
  return row === undefined ? undefined : readEntityRow(row);
}
