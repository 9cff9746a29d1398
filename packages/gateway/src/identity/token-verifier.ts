import { Fault } from '@turnpike/wire/fault.ts';
import type { JwtIssuer } from '../config/jwt-issuer.ts';
import type { Caller } from '../policy/caller.ts';
import { nowMs } from '../runtime/clock.ts';
import { buildTokenCaller, type Claims } from './build-token-caller.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { KeyDirectory } from './key-directory.ts';

/** Tokens kept once verified; beyond, the one unused for longest goes. */
const KEPT_MAX = 10_000;
/** Verifications under way at once. */
const UNDER_WAY_MAX = 256;

interface Kept {
  readonly issuer: JwtIssuer;
  readonly claims: Claims;
  readonly untilMs: number;
  caller: Caller;
  revision: number;
}

/**
 * Tokens of outside issuers in place of keys. A token is verified once; until it expires, a request costs one look-up by
 * its SHA-256. Who it stands for follows every change of the directory.
 */
export class TokenVerifier {
  readonly #issuers = new Map<string, { readonly issuer: JwtIssuer; readonly keys: IssuerKeys }>();
  readonly #directory: KeyDirectory;
  /** By SHA-256 of the token, the one used last at the end. */
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(
    readonly issuers: readonly JwtIssuer[],
    directory: KeyDirectory,
    coolDownMs?: number,
  ) {
    this.#directory = directory;
    for (const issuer of issuers) {
      this.#issuers.set(issuer.issuer, { issuer, keys: new IssuerKeys(issuer, coolDownMs) });
    }
  }

  /**
   * The caller of a token that was verified and has not expired.
   *
   * @throws Fault `token_invalid` when what it names is no longer there.
   */
  find(sha256: string): Caller | undefined {
    const kept = this.#kept.get(sha256);
    if (kept === undefined) return undefined;
    this.#kept.delete(sha256);
    if (nowMs() >= kept.untilMs) return undefined;
    if (kept.revision !== this.#directory.revision) {
      kept.caller = buildTokenCaller(kept.issuer, kept.claims, this.#directory);
      kept.revision = this.#directory.revision;
    }
    this.#kept.set(sha256, kept);
    return kept.caller;
  }

  /**
   * Verifies a token, so that {@link find} finds it.
   *
   * @throws Fault `token_invalid` (says what is wrong, and nothing of the token), `token_unverified`, `overloaded`.
   */
  verify(token: string, sha256: string): Promise<void> {
    const running = this.#underWay.get(sha256);
    if (running !== undefined) return running;
    if (this.#underWay.size >= UNDER_WAY_MAX) return Promise.reject(new Fault('overloaded', { retryAfterMs: 1_000 }));
    const started = this.#verify(token, sha256).finally(() => this.#underWay.delete(sha256));
    this.#underWay.set(sha256, started);
    return started;
  }

  async #verify(token: string, sha256: string): Promise<void> {
    // Loaded with the first token: who has keys only does without.
    const jose = await import('jose');
    const { issuer, keys } = this.#issuerOf(token, jose);
    try {
      const { payload } = await jose.jwtVerify(token, keys.find, {
        issuer: issuer.issuer,
        audience: [...issuer.audience],
        algorithms: [...issuer.algorithms],
        clockTolerance: issuer.clockSkewSec,
        currentDate: new Date(nowMs()),
        requiredClaims: ['exp', 'sub'],
      });
      const untilMs = ((payload.exp ?? 0) + issuer.clockSkewSec) * 1_000;
      const caller = buildTokenCaller(issuer, payload, this.#directory);
      const kept = { issuer, claims: payload, untilMs, caller, revision: this.#directory.revision };
      this.#kept.set(sha256, kept);
      const [oldest] = this.#kept.keys();
      if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest);
    } catch (error) {
      throw error instanceof Fault ? error : refused(error, issuer, jose);
    }
  }

  #issuerOf(token: string, jose: typeof import('jose')) {
    let issuer: unknown;
    let keyId: unknown;
    try {
      issuer = jose.decodeJwt(token).iss;
      keyId = jose.decodeProtectedHeader(token).kid;
    } catch {
      throw new Fault('token_invalid', { message: 'The token cannot be read: it is no JSON web token.' });
    }
    const found = typeof issuer === 'string' ? this.#issuers.get(issuer) : undefined;
    if (found === undefined) {
      throw new Fault('token_invalid', { message: 'The issuer ("iss") of the token is none of those accepted here.' });
    }
    if (typeof keyId !== 'string' || keyId === '') {
      throw new Fault('token_invalid', { message: 'The token does not say which key it is signed with ("kid").' });
    }
    return found;
  }
}

function refused(error: unknown, issuer: JwtIssuer, jose: typeof import('jose')): Fault {
  const { errors } = jose;
  return new Fault('token_invalid', { message: `The token is not accepted: ${reason()}`, cause: error });

  function reason(): string {
    if (error instanceof errors.JWTExpired) return 'it has expired ("exp").';
    if (error instanceof errors.JWTClaimValidationFailed) {
      if (error.reason === 'missing') return `the claim "${error.claim}" is missing.`;
      if (error.claim === 'nbf') return 'it is not valid yet ("nbf").';
      if (error.claim === 'aud') return 'it is meant for somebody else ("aud").';
      return `the claim "${error.claim}" is wrong.`;
    }
    if (error instanceof errors.JOSEAlgNotAllowed) {
      return `its algorithm ("alg") is none of ${issuer.algorithms.join(', ')}.`;
    }
    if (error instanceof errors.JWKSNoMatchingKey) return 'its issuer has no such key ("kid") for that algorithm.';
    if (error instanceof errors.JWSSignatureVerificationFailed) return 'its signature is wrong.';
    return 'it is not well-formed.';
  }
}
