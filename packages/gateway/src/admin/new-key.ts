import { sha256Hex } from '../policy/identify.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';

export interface NewKey {
  readonly digest: string;
  readonly source: 'generated' | 'custom' | 'imported';
  readonly hint: string | undefined;
  /** Set for a generated key. */
  readonly shownOnce: Readonly<Record<string, string>>;
}

/**
 * The key a request brings (`key`, or `sha256` of one), or a new one.
 *
 * @throws AdminFault `body_invalid` for both at once; `record_conflict` for one that is there already.
 */
export async function newKey({ body, house }: AdminContext): Promise<NewKey> {
  const { key, sha256 } = body;
  if (key !== undefined && sha256 !== undefined) {
    throw new AdminFault('body_invalid', { param: 'sha256', message: 'Give key or sha256, not both.' });
  }
  const generated = key === undefined && sha256 === undefined ? generatedKey() : undefined;
  const plain = generated ?? (typeof key === 'string' ? key : undefined);
  const hash = plain === undefined ? String(sha256) : sha256Hex(plain);
  const digest = house.digest.ofKey(hash);
  if (house.keys().hasOwn(hash) || (await house.store.records.entityWithDigest(digest)) !== undefined) {
    throw new AdminFault('record_conflict', {
      param: plain === undefined ? 'sha256' : 'key',
      message: 'This key is there already.',
    });
  }
  return {
    digest,
    source: generated !== undefined ? 'generated' : plain !== undefined ? 'custom' : 'imported',
    hint: plain === undefined ? undefined : `${plain.slice(0, generated === undefined ? 3 : 6)}…${plain.slice(-4)}`,
    shownOnce: generated === undefined ? {} : { key: generated },
  };
}

/** `sk-tp-` and 43 characters of base64url: 256 random bits. */
function generatedKey(): string {
  return `sk-tp-${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')}`;
}
