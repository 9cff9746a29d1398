import { StartError } from '../start-error.ts';
import type { Store } from '../store/store.ts';
import { CREDENTIAL_PURPOSE } from './credential-entity.ts';
import { type DigestKeys, digestKeysOf, SecretDigest } from './secret-digest.ts';
import { SealError, SecretSeal } from './secret-seal.ts';
import type { ServerSecrets } from './server-secret.ts';

/** Under these names `meta` tells which secret is in force, and, once it was rotated, keeps what keys are digested with. */
const FINGERPRINT = 'secret_fingerprint';
const DIGEST_KEYS = 'digest_keys';

type MetaStore = Pick<Store, 'readMeta' | 'writeMeta'> & { readonly records: Pick<Store['records'], 'head'> };

interface Held {
  readonly secret: string;
  readonly fingerprint: string;
  /** For credentials of providers. */
  readonly seal: SecretSeal;
}

/** What a rotation puts in force. */
export interface SecretRotation {
  readonly fingerprint: string;
  readonly seal: SecretSeal;
  /** To be written together with what is sealed anew. Empty when the secret is in force already. */
  readonly meta: readonly { readonly name: string; readonly value: string }[];
}

/**
 * The server's secrets: the one in force, by which the database goes, and, around a rotation, the one before or after it.
 * What either sealed can be opened. Keys stay digested as they were: only the keys themselves could be digested anew.
 */
export class SecretRing {
  readonly #store: MetaStore;
  /** The current one first. */
  readonly #held: readonly Held[];

  constructor(store: MetaStore, { current, previous }: ServerSecrets) {
    this.#store = store;
    this.#held = [current, ...(previous === undefined ? [] : [previous])].map((secret) => ({
      secret,
      fingerprint: new SecretDigest(digestKeysOf(secret)).fingerprint,
      seal: new SecretSeal(secret, CREDENTIAL_PURPOSE),
    }));
  }

  /**
   * Finds the one in force, or puts the current one in force in a database that knows no key yet.
   *
   * @returns what keys are digested with, and whether a rotation is due.
   * @throws StartError when none of them is in force.
   */
  async start(): Promise<{ digest: SecretDigest; isDue: boolean }> {
    const known = await this.#store.readMeta(FINGERPRINT);
    const inForce = this.#held.find(({ fingerprint }) => fingerprint === known);
    if (inForce !== undefined) {
      return { digest: new SecretDigest(await this.#digestKeys(inForce)), isDue: inForce !== this.#held[0] };
    }
    if (known !== undefined && (await this.#store.records.head()).seq > 0) {
      throw new StartError(
        'The secret is not the one the keys in the database were stored with. Set TURNPIKE_SECRET, or put secret.key back into the data directory.',
      );
    }
    const [current] = this.#held;
    if (current === undefined) throw new StartError('There is no secret.');
    await this.#store.writeMeta(FINGERPRINT, current.fingerprint);
    return { digest: new SecretDigest(digestKeysOf(current.secret)), isDue: false };
  }

  /** Opens what any of them sealed. @throws SealError */
  open(sealed: string, about: string): string {
    let failure: unknown;
    for (const { seal } of this.#held) {
      try {
        return seal.open(sealed, about);
      } catch (error) {
        if (!(error instanceof SealError)) throw error;
        failure = error;
      }
    }
    throw failure;
  }

  /**
   * What seals now. The database is asked: another process may have rotated the secret.
   *
   * @throws SealError when it was rotated to one that is not known here.
   */
  async sealInForce(): Promise<SecretSeal> {
    return (await this.#inForce()).seal;
  }

  /** @throws SealError as {@link sealInForce} */
  async rotation(): Promise<SecretRotation> {
    const before = await this.#inForce();
    const [current = before] = this.#held;
    const { fingerprint, seal } = current;
    if (current === before) return { fingerprint, seal, meta: [] };
    const keys = await this.#digestKeys(before);
    return {
      fingerprint,
      seal,
      meta: [
        { name: DIGEST_KEYS, value: sealOfKeys(current).seal(writeKeys(keys), DIGEST_KEYS) },
        { name: FINGERPRINT, value: fingerprint },
      ],
    };
  }

  async #inForce(): Promise<Held> {
    const known = await this.#store.readMeta(FINGERPRINT);
    const inForce = this.#held.find(({ fingerprint }) => fingerprint === known);
    if (inForce === undefined) throw new SealError('The secret in force is not known here.');
    return inForce;
  }

  /** Those of the secret, until it was rotated. */
  async #digestKeys(inForce: Held): Promise<DigestKeys> {
    const sealed = await this.#store.readMeta(DIGEST_KEYS);
    if (sealed === undefined) return digestKeysOf(inForce.secret);
    return readKeys(sealOfKeys(inForce).open(sealed, DIGEST_KEYS));
  }
}

function sealOfKeys({ secret }: Held): SecretSeal {
  return new SecretSeal(secret, 'digest keys');
}

function writeKeys({ keys, audit }: DigestKeys): string {
  return JSON.stringify({ keys: keys.toHex(), audit: audit.toHex() });
}

function readKeys(text: string): DigestKeys {
  const { keys, audit } = JSON.parse(text) as { keys: string; audit: string };
  return { keys: Uint8Array.fromHex(keys), audit: Uint8Array.fromHex(audit) };
}
