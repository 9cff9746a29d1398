import type { Environment } from '../config/configuration.ts';
import { StartError } from '../start-error.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { CREDENTIAL_PURPOSE } from './credential-entity.ts';
import { CredentialVault } from './credential-vault.ts';
import { FollowStore } from './follow-store.ts';
import { KeyDirectory } from './key-directory.ts';
import { ModelShelf } from './model-shelf.ts';
import { SecretDigest } from './secret-digest.ts';
import { SecretSeal } from './secret-seal.ts';
import { serverSecret } from './server-secret.ts';
import { StoredRules } from './stored-rules.ts';

/** Under this name `meta` tells by which secret stored keys are digested. */
const FINGERPRINT = 'secret_fingerprint';

export interface Identity {
  readonly digest: SecretDigest;
  readonly directory: KeyDirectory;
  readonly follow: FollowStore;
  readonly rules: StoredRules;
  readonly vault: CredentialVault;
  readonly shelf: ModelShelf;
}

/**
 * Reads the stored entities into memory and keeps them in step with the store.
 *
 * @throws StartError when the secret is not the one the stored keys were digested with.
 * @throws StoreError
 */
export async function startIdentity(place: {
  store: Store;
  environment: Environment;
  dataDir: string;
  log: Log;
}): Promise<Identity> {
  const { store, environment, dataDir, log } = place;
  const secret = serverSecret(environment, dataDir);
  log.secrets.add([secret]);
  const digest = new SecretDigest(secret);
  await requireSameSecret(store, digest);
  const directory = new KeyDirectory(digest);
  const rules = new StoredRules();
  const vault = new CredentialVault(new SecretSeal(secret, CREDENTIAL_PURPOSE), (secrets) => log.secrets.add(secrets));
  const shelf = new ModelShelf();
  const follow = new FollowStore(store.records, { directory, rules, vault, shelf }, (error) =>
    log.warn('Changes of keys cannot be read from the database; those known stay in force.', {
      error: error instanceof Error ? error : String(error),
    }),
  );
  await follow.start();
  return { digest, directory, follow, rules, vault, shelf };
}

/** A database that knows no key yet takes any secret. */
async function requireSameSecret(store: Store, digest: SecretDigest): Promise<void> {
  const known = await store.readMeta(FINGERPRINT);
  if (known === digest.fingerprint) return;
  if (known !== undefined && (await store.records.head()).seq > 0) {
    throw new StartError(
      'The secret is not the one the keys in the database were stored with. Set TURNPIKE_SECRET, or put secret.key back into the data directory.',
    );
  }
  await store.writeMeta(FINGERPRINT, digest.fingerprint);
}
