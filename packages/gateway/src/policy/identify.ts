import { Fault } from '@turnpike/wire/fault.ts';
import type { ByokMode } from '../config/byok.ts';
import type { GroupedPolicy, Policy } from '../config/policy.ts';
import type { BudgetFallbacks } from '../config/snapshot.ts';
import { everyRight } from '../identity/admin-scope.ts';
import { type GroupSource, withGroups } from '../identity/build-caller.ts';
import {
  allowsAddress,
  type EffectivePolicy,
  effectivePolicy,
  isExpired,
  meetOf,
  missingTags,
} from '../identity/effective-policy.ts';
import type { FoundKey } from '../identity/key-directory.ts';
import type { TokenVerifier } from '../identity/token-verifier.ts';
import { nowMs } from '../runtime/clock.ts';
import { type Caller, refusalOfTags, tagsOfKey } from './caller.ts';
import type { Scope } from './scope.ts';

/** A key as it is put into the table. */
export interface KeyEntry {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly fallbackModels?: BudgetFallbacks | undefined;
  readonly models?: readonly string[] | undefined;
  readonly modelGroups?: readonly string[] | undefined;
  readonly byok?: ByokMode | undefined;
  readonly allowRequestCredentials?: boolean | undefined;
  readonly policy?: GroupedPolicy | undefined;
  /** Beyond the key itself: user, team, organisation, project, tags. */
  readonly scopes?: readonly Scope[] | undefined;
}

/** Keys that are not of the configuration, by lower-case hex SHA-256, and groups of models. */
export interface KeySource extends GroupSource {
  /** Another after every change of what callers follow from. */
  readonly revision: number;
  find(sha256: string): FoundKey | undefined;
}

/** Longest key looked at, in characters; longer ones are unknown without hashing them. */
const KEY_CHARS_MAX = 512;
/** Tokens are longer: they carry claims. */
const TOKEN_CHARS_MAX = 16_384;
/** The store is looked at more often than that. */
const STALE_RETRY_MS = 1_000;
/** Three parts in base64url, the first a JSON object; an unsigned one lacks the last. */
const TOKEN = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/;

/** The keys in force, by digest. Plain keys are never held. */
export class KeyTable {
  readonly #callers = new Map<string, Caller>();
  /** Those keys that name groups of models, and the revision their callers were made at. */
  readonly #grouped = new Map<string, { readonly key: KeyEntry; madeAt: number | undefined }>();
  readonly #stored: KeySource | undefined;
  readonly #tokens: TokenVerifier | undefined;
  readonly #isStale: () => boolean;
  #house: EffectivePolicy | undefined;
  /** Callers as the policy of the house leaves them. */
  readonly #narrowed = new WeakMap<Caller, Caller>();

  /**
   * @param stored Keys beside those that are added here, which come first.
   * @param tokens Tokens that stand for keys.
   * @param isStale True when neither may be relied on any more.
   */
  constructor(stored?: KeySource, tokens?: TokenVerifier, isStale: () => boolean = () => false) {
    this.#stored = stored;
    this.#tokens = tokens;
    this.#isStale = isStale;
  }

  /**
   * To be waited for before {@link identify}: verifies a token that was not met yet. Undefined when there is nothing to
   * wait for, as for every key.
   *
   * @throws Fault as `TokenVerifier.find`; rejects as `TokenVerifier.verify`.
   */
  verifying(headers: Headers): Promise<void> | undefined {
    if (this.#tokens === undefined) return undefined;
    const token = presentedKey(headers);
    if (token === undefined || !isToken(token)) return undefined;
    const sha256 = sha256Hex(token);
    if (this.#callers.has(sha256) || this.#stored?.find(sha256) !== undefined) return undefined;
    return this.#tokens.find(sha256) === undefined ? this.#tokens.verify(token, sha256) : undefined;
  }

  /** @param sha256 Lower-case hex SHA-256 of the key. */
  add(sha256: string, key: KeyEntry): void {
    this.#callers.set(sha256, callerOf(key, this.#stored));
    const named = key.modelGroups ?? key.policy?.modelGroups;
    if (named !== undefined) this.#grouped.set(sha256, { key, madeAt: this.#stored?.revision });
  }

  /** Holds every caller to a policy besides their own, but for the admin key. To be called before anybody calls. */
  holdTo(policy: Policy | undefined): void {
    this.#house = policy === undefined ? undefined : effectivePolicy([policy]);
  }

  /** Is there such a key among those that were added here? */
  hasOwn(sha256: string): boolean {
    return this.#callers.has(sha256);
  }

  /**
   * The caller whose key the request carries. Looking up a digest leaks nothing about keys through timing.
   *
   * @param address The client's address; asked for only when the key may be used from some places only.
   * @throws Fault `key_missing`, `key_unknown`, `key_expired`, `key_blocked`, `tags_missing`, `address_forbidden`
   * or `keys_stale`.
   */
  identify(headers: Headers, address: () => string | undefined): Caller {
    const key = presentedKey(headers);
    if (key === undefined) {
      throw new Fault('key_missing', {
        message: 'No API key was sent. Send it as "Authorization: Bearer KEY" or in the x-api-key header.',
      });
    }
    const mayBeToken = this.#tokens !== undefined && isToken(key);
    const sha256 = key.length <= KEY_CHARS_MAX || mayBeToken ? sha256Hex(key) : '';
    const configured = this.#configured(sha256);
    if (configured !== undefined) return this.#admit(configured, undefined, address);
    if (this.#isStale()) throw new Fault('keys_stale', { retryAfterMs: STALE_RETRY_MS });
    const found = this.#stored?.find(sha256);
    if (found === undefined) {
      const caller = mayBeToken ? this.#tokens?.find(sha256) : undefined;
      if (caller !== undefined) return this.#admit(caller, undefined, address);
      throw new Fault('key_unknown', { message: `The API key ${masked(key)} is not known here.` });
    }
    return this.#admit(found.caller, found.untilMs, address);
  }

  /** @param untilMs Until when the key is accepted. */
  #admit(known: Caller, untilMs: number | undefined, address: () => string | undefined): Caller {
    const caller = this.#house === undefined || known.isAdmin ? known : this.#narrow(known, this.#house);
    requireValid(caller, untilMs, address);
    return caller;
  }

  /** Once for each caller: much is remembered by the caller it is about. */
  #narrow(caller: Caller, house: EffectivePolicy): Caller {
    let narrowed = this.#narrowed.get(caller);
    if (narrowed === undefined) {
      const policy = meetOf(caller.policy, house);
      const refusal = caller.refusal ?? refusalOfTags(caller.name, missingTags(house, tagsOfKey(caller)));
      narrowed = { ...caller, policy, refusal };
      this.#narrowed.set(caller, narrowed);
    }
    return narrowed;
  }

  #configured(sha256: string): Caller | undefined {
    const grouped = this.#grouped.size === 0 ? undefined : this.#grouped.get(sha256);
    if (grouped !== undefined && grouped.madeAt !== this.#stored?.revision) {
      grouped.madeAt = this.#stored?.revision;
      this.#callers.set(sha256, callerOf(grouped.key, this.#stored));
    }
    return this.#callers.get(sha256);
  }
}

const noGroups: GroupSource = { modelsOfGroup: () => undefined };

/** The caller with a key of the configuration. */
function callerOf(key: KeyEntry, groups: GroupSource = noGroups): Caller {
  const { name, isAdmin, models, modelGroups, byok, scopes = [] } = key;
  const levels = [{ models, modelGroups, byok }, key.policy];
  const policy = effectivePolicy(levels.map((level) => withGroups(level, groups)));
  return {
    id: name,
    name,
    isAdmin,
    scopes: [{ type: 'key', id: name }, ...scopes],
    policy,
    ownerIds: [],
    mayBringCredentials: key.allowRequestCredentials ?? isAdmin,
    fallbackModels: key.fallbackModels,
    refusal: refusalOfTags(name, missingTags(policy, tagsOfKey({ scopes }))),
    admin: isAdmin ? everyRight : undefined,
  };
}

function requireValid(
  { policy, refusal, name }: Caller,
  untilMs: number | undefined,
  address: () => string | undefined,
): void {
  if (untilMs !== undefined && nowMs() >= untilMs) {
    throw new Fault('key_expired', { message: `This key was replaced by a new one of "${name}".` });
  }
  if (policy.expiresAtMs !== undefined && isExpired(policy, nowMs())) {
    const since = new Date(policy.expiresAtMs).toISOString();
    throw new Fault('key_expired', { message: `The key "${name}" expired at ${since}.` });
  }
  if (refusal !== undefined) throw new Fault(refusal.code, { message: refusal.message });
  if (policy.ipAllow.length > 0 && !allowsAddress(policy, address())) {
    throw new Fault('address_forbidden', { message: `The key "${name}" may not be used from this address.` });
  }
}

export function sha256Hex(text: string): string {
  return Bun.SHA256.hash(text, 'hex');
}

function isToken(text: string): boolean {
  return text.length <= TOKEN_CHARS_MAX && TOKEN.test(text);
}

function presentedKey(headers: Headers): string | undefined {
  const authorization = headers.get('authorization');
  if (authorization !== null) {
    const space = authorization.indexOf(' ');
    if (space > 0 && authorization.slice(0, space).toLowerCase() === 'bearer') {
      const token = authorization.slice(space + 1).trim();
      if (token !== '') return token;
    }
  }
  return headers.get('x-api-key')?.trim() || undefined;
}

/** Enough of a key to recognise one's own, too little to use it. */
function masked(key: string): string {
  return key.length < 12 ? '(not shown)' : `${key.slice(0, 3)}…${key.slice(-4)}`.replace(/[^\x21-\x7e…]/g, '?');
}
