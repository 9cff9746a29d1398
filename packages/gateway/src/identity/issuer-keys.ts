import { Fault } from '@turnpike/wire/fault.ts';
import type { JWTVerifyGetKey } from 'jose';
import type { JwtIssuer } from '../config/jwt-issuer.ts';
import { monotonicMs } from '../runtime/clock.ts';

/** Keys older than this are asked for anew; those known are used when there is no answer. */
const AGE_MAX_MS = 10 * 60_000;
/** Between two questions, whatever tokens come: an unknown key id is anybody's to make up. */
const COOL_DOWN_MS = 10_000;
const FETCH_MAX_MS = 5_000;
const DOCUMENT_BYTES_MAX = 1024 * 1024;

/** The public keys of one issuer, fetched when first needed and by one request at a time. */
export class IssuerKeys {
  readonly #issuer: JwtIssuer;
  readonly #coolDownMs: number;
  #keys: JWTVerifyGetKey | undefined;
  #fetchedMs = Number.NEGATIVE_INFINITY;
  #triedMs = Number.NEGATIVE_INFINITY;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(issuer: JwtIssuer, coolDownMs = COOL_DOWN_MS) {
    this.#issuer = issuer;
    this.#coolDownMs = coolDownMs;
  }

  /**
   * The key a token says it is signed with.
   *
   * @throws Fault `token_unverified` when no keys could be had so far.
   * @throws JWKSNoMatchingKey for a key id that is unknown, also to the keys as they are now.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys === undefined || monotonicMs() - this.#fetchedMs > AGE_MAX_MS) await this.#refresh();
    const before = this.#known();
    try {
      return await before(header, token);
    } catch (error) {
      await this.#refresh();
      const keys = this.#known();
      if (keys === before) throw error;
      return keys(header, token);
    }
  };

  #known(): JWTVerifyGetKey {
    if (this.#keys !== undefined) return this.#keys;
    throw new Fault('token_unverified', { retryAfterMs: this.#coolDownMs, cause: this.#failure });
  }

  async #refresh(): Promise<void> {
    if (this.#running === undefined && monotonicMs() - this.#triedMs >= this.#coolDownMs) {
      this.#triedMs = monotonicMs();
      this.#running = this.#fetch().finally(() => {
        this.#running = undefined;
      });
    }
    await this.#running;
  }

  /** Never rejects: known keys stay in use. */
  async #fetch(): Promise<void> {
    try {
      const { createLocalJWKSet } = await import('jose');
      const document = await fetchJson(await this.#address());
      if (!Array.isArray(document.keys)) throw new Error('The key set has no list of keys.');
      this.#keys = createLocalJWKSet({ keys: document.keys });
      this.#fetchedMs = monotonicMs();
    } catch (error) {
      this.#failure = error;
    }
  }

  /** @see https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig */
  async #address(): Promise<string> {
    const { issuer, jwksUrl } = this.#issuer;
    if (jwksUrl !== undefined) return jwksUrl;
    const document = await fetchJson(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (document.issuer !== issuer) throw new Error('The discovery document is of another issuer.');
    const found = document.jwks_uri;
    if (typeof found !== 'string') throw new Error('The discovery document names no keys.');
    const isKept = found.startsWith('https://') || (issuer.startsWith('http://') && found.startsWith('http://'));
    if (!isKept) throw new Error('The discovery document leads away from https.');
    return found;
  }
}

async function fetchJson(url: string): Promise<Readonly<Record<string, unknown>>> {
  const signal = AbortSignal.timeout(FETCH_MAX_MS);
  const response = await fetch(url, { signal, redirect: 'error', headers: { accept: 'application/json' } });
  if (response.status !== 200 || response.body === null) throw new Error(`The issuer answered ${response.status}.`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body) {
    size += chunk.length;
    if (size > DOCUMENT_BYTES_MAX) throw new Error('The document of the issuer is too large.');
    chunks.push(chunk);
  }
  const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
  if (typeof value !== 'object' || value === null) throw new Error('The document of the issuer is no object.');
  return { ...value };
}
