import type { Environment } from './config/configuration.ts';
import { sha256Hex } from './policy/identify.ts';
import type { Store } from './store/store.ts';

const META_NAME = 'admin_key_sha256';

/** Where the admin key comes from. Only its digest is kept, except when it was made just now. */
export interface AdminKey {
  readonly sha256: string;
  readonly source: 'environment' | 'configuration' | 'stored' | 'generated';
  /** The key itself, to be shown once: set only when it was generated at this start. */
  readonly shownOnce: string | undefined;
}

/**
 * The admin key in force: `TURNPIKE_ADMIN_KEY`, else the configuration's, else the one generated at an earlier start,
 * else a new one whose digest is stored.
 */
export async function adminKey(
  environment: Environment,
  configuredSha256: string | undefined,
  store: Store,
): Promise<AdminKey> {
  const given = environment.TURNPIKE_ADMIN_KEY?.trim();
  if (given) return { sha256: sha256Hex(given), source: 'environment', shownOnce: undefined };
  if (configuredSha256 !== undefined) {
    return { sha256: configuredSha256, source: 'configuration', shownOnce: undefined };
  }
  const stored = await store.readMeta(META_NAME);
  if (stored !== undefined) return { sha256: stored, source: 'stored', shownOnce: undefined };
  const key = newKey();
  const sha256 = sha256Hex(key);
  // Of several gateways that start at once on one database, one makes the key and shows it.
  const inForce = await store.claimMeta(META_NAME, sha256);
  if (inForce !== sha256) return { sha256: inForce, source: 'stored', shownOnce: undefined };
  return { sha256, source: 'generated', shownOnce: key };
}

/** `sk-` and 43 characters of base64url: 256 random bits. */
function newKey(): string {
  return `sk-${Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url')}`;
}
