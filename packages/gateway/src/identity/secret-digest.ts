/** What is digested with: a key for each purpose, so that no digest of one is of use for the other. */
export interface DigestKeys {
  readonly keys: Uint8Array;
  readonly audit: Uint8Array;
}

/** @param secret At least 32 bytes or characters of chance. */
export function digestKeysOf(secret: string): DigestKeys {
  return { keys: derived(secret, 'virtual keys'), audit: derived(secret, 'audit log') };
}

/**
 * Digests under the server's secret, by which stored keys are found and audit entries chained: of no use to whoever has
 * the database alone. What is digested of a key is its SHA-256, so that a key can be brought along as a hash.
 */
export class SecretDigest {
  readonly #keys: InstanceType<typeof Bun.CryptoHasher>;
  readonly #audit: InstanceType<typeof Bun.CryptoHasher>;

  constructor({ keys, audit }: DigestKeys) {
    // Keyed once and copied for each digest: half the time of keying anew.
    this.#keys = new Bun.CryptoHasher('sha256', keys);
    this.#audit = new Bun.CryptoHasher('sha256', audit);
  }

  /** @param sha256 Lower-case hex SHA-256 of a key. @returns Lower-case hex HMAC-SHA256. */
  ofKey(sha256: string): string {
    return this.#keys.copy().update(sha256).digest('hex');
  }

  ofAuditEntry(text: string): string {
    return this.#audit.copy().update(text).digest('hex');
  }

  /** Tells this secret from another, and nothing about it. */
  get fingerprint(): string {
    return this.ofKey('fingerprint').slice(0, 16);
  }
}

function derived(secret: string, purpose: string): Uint8Array {
  return new Bun.CryptoHasher('sha256', secret).update(`turnpike ${purpose}`).digest();
}
