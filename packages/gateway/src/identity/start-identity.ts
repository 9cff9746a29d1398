import type { Environment } from '../config/configuration.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { CredentialVault } from './credential-vault.ts';
import { FollowStore } from './follow-store.ts';
import { KeyDirectory } from './key-directory.ts';
import { ModelShelf } from './model-shelf.ts';
import type { SecretDigest } from './secret-digest.ts';
import { SecretRing } from './secret-ring.ts';
import { serverSecrets } from './server-secret.ts';
import { StoredRules } from './stored-rules.ts';

export interface Identity {
  readonly digest: SecretDigest;
  readonly secrets: SecretRing;
  readonly directory: KeyDirectory;
  readonly follow: FollowStore;
  readonly rules: StoredRules;
  readonly vault: CredentialVault;
  readonly shelf: ModelShelf;
}

/**
 * Reads the stored entities into memory and keeps them in step with the store.
 *
 * @throws StartError when no secret given is the one in force in the database.
 * @throws StoreError
 */
export async function startIdentity(place: {
  store: Store;
  environment: Environment;
  dataDir: string;
  log: Log;
}): Promise<Identity> {
  const { store, environment, dataDir, log } = place;
  const given = serverSecrets(environment, dataDir);
  log.secrets.add([given.current, given.previous]);
  const secrets = new SecretRing(store, given);
  const { digest, isDue } = await secrets.start();
  if (isDue) log.warn('The previous secret is still in force in the database: run "npm start -- secret rotate".');
  const directory = new KeyDirectory(digest);
  const rules = new StoredRules();
  const vault = new CredentialVault(secrets, (opened) => log.secrets.add(opened));
  const shelf = new ModelShelf();
  const follow = new FollowStore(store.records, { directory, rules, vault, shelf }, (error) =>
    log.warn('Changes of keys cannot be read from the database; those known stay in force.', {
      error: error instanceof Error ? error : String(error),
    }),
  );
  await follow.start();
  return { digest, secrets, directory, follow, rules, vault, shelf };
}
