import { type IpRange, isInRange, parseIpRange } from '../config/ip-range.ts';
import { type ParameterRule, type Policy, type PolicyOperation, policyOperations } from '../config/policy.ts';
import { compileWildcard, type Wildcard } from '../config/wildcard.ts';
import { demandsOfBoth, type EffectiveDemands, effectiveDemands } from '../policy/data/data-demands.ts';

/** The meet of several levels: it allows what every one of them allows. */
export interface EffectivePolicy {
  /** Every list must have a pattern that fits: what two lists of patterns have in common is no list of patterns. */
  readonly models: readonly (readonly Wildcard[])[];
  readonly providers: readonly (readonly Wildcard[])[];
  readonly endpoints: readonly (readonly Wildcard[])[];
  readonly ipAllow: readonly (readonly IpRange[])[];
  readonly operations: readonly PolicyOperation[] | undefined;
  readonly outputTokensMax: number | undefined;
  /** Requests for more than this are refused; between the two they are given `outputTokensMax`. */
  readonly outputTokensRefusedAbove: number | undefined;
  /** All hold. */
  readonly parameters: readonly ParameterRule[];
  /** Undefined where nobody demands anything. */
  readonly data: EffectiveDemands | undefined;
  readonly expiresAtMs: number | undefined;
  readonly tagsRequired: readonly string[];
  /** The credentials that may pay: the caller's own, the shared ones. */
  readonly credentials: CredentialPolicy;
  /** Each must fit a tag of the request or its key. */
  readonly requestTagsRequired: readonly Wildcard[];
}

export interface CredentialPolicy {
  readonly own: boolean;
  readonly shared: boolean;
  /** Does the shared one step in where the own one failed? Undefined: no level says anything about it, so no. */
  readonly fallsBack: boolean | undefined;
}

/**
 * The meet of the policies of all levels. Pure; the order of levels makes no difference, and a level more never allows
 * more. `docs/keys.md` has it as a table.
 */
export function effectivePolicy(levels: readonly Policy[]): EffectivePolicy {
  return {
    models: patternsOf(levels, 'models'),
    providers: patternsOf(levels, 'providers'),
    endpoints: patternsOf(levels, 'endpoints'),
    ipAllow: levels.flatMap(({ ipAllow }) => (ipAllow === undefined ? [] : [rangesOf(ipAllow)])),
    operations: common(levels.flatMap(({ operations }) => (operations === undefined ? [] : [operations]))),
    outputTokensMax: least(levels.map(({ outputTokensMax }) => outputTokensMax)),
    outputTokensRefusedAbove: least(
      levels.map(({ outputTokensMax, outputTokensAbove }) =>
        outputTokensAbove === 'clamp' ? undefined : outputTokensMax,
      ),
    ),
    parameters: levels.flatMap(({ parameters }) => parameters ?? []),
    data: effectiveDemands(levels.map(({ data }) => data)),
    expiresAtMs: least(levels.map(({ expiresAtMs }) => expiresAtMs)),
    tagsRequired: [...new Set(levels.flatMap(({ tagsRequired }) => tagsRequired ?? []))],
    credentials: {
      own: levels.every(({ byok }) => byok !== 'never'),
      shared: levels.every(({ byok }) => byok !== 'only'),
      fallsBack: agreed(levels.map(({ byok }) => (byok === undefined ? undefined : byok === 'fallback'))),
    },
    requestTagsRequired: levels.flatMap(({ requestTagsRequired }) => compiled(requestTagsRequired ?? [])),
  };
}

/** Each meet is made once: of some keys and some end users. */
const meets = new WeakMap<EffectivePolicy, WeakMap<EffectivePolicy, EffectivePolicy>>();

/** What both allow. */
export function meetOf(a: EffectivePolicy, b: EffectivePolicy): EffectivePolicy {
  let ofOne = meets.get(b);
  if (ofOne === undefined) {
    ofOne = new WeakMap();
    meets.set(b, ofOne);
  }
  let meet = ofOne.get(a);
  if (meet === undefined) {
    const lists = [a.operations, b.operations].filter((list) => list !== undefined);
    meet = {
      models: [...a.models, ...b.models],
      providers: [...a.providers, ...b.providers],
      endpoints: [...a.endpoints, ...b.endpoints],
      ipAllow: [...a.ipAllow, ...b.ipAllow],
      operations: common(lists),
      outputTokensMax: least([a.outputTokensMax, b.outputTokensMax]),
      outputTokensRefusedAbove: least([a.outputTokensRefusedAbove, b.outputTokensRefusedAbove]),
      parameters: [...a.parameters, ...b.parameters],
      data: demandsOfBoth(a.data, b.data),
      expiresAtMs: least([a.expiresAtMs, b.expiresAtMs]),
      tagsRequired: [...new Set([...a.tagsRequired, ...b.tagsRequired])],
      credentials: {
        own: a.credentials.own && b.credentials.own,
        shared: a.credentials.shared && b.credentials.shared,
        fallsBack: agreed([a.credentials.fallsBack, b.credentials.fallsBack]),
      },
      requestTagsRequired: [...a.requestTagsRequired, ...b.requestTagsRequired],
    };
    ofOne.set(a, meet);
  }
  return meet;
}

export function allowsName(lists: readonly (readonly Wildcard[])[], name: string): boolean {
  return lists.every((patterns) => patterns.some((pattern) => pattern.match(name) !== undefined));
}

export function allowsOperation(policy: EffectivePolicy, operation: PolicyOperation): boolean {
  return policy.operations === undefined || policy.operations.includes(operation);
}

/** An address that is not known is allowed only where addresses do not matter. */
export function allowsAddress(policy: EffectivePolicy, address: string | undefined): boolean {
  if (policy.ipAllow.length === 0) return true;
  return address !== undefined && policy.ipAllow.every((ranges) => ranges.some((range) => isInRange(range, address)));
}

export function isExpired(policy: EffectivePolicy, nowMs: number): boolean {
  return policy.expiresAtMs !== undefined && nowMs >= policy.expiresAtMs;
}

/** Tags a key must carry and does not. */
export function missingTags(policy: EffectivePolicy, tags: readonly string[]): string[] {
  return policy.tagsRequired.filter((tag) => !tags.includes(tag));
}

/** Patterns that no tag of a request, or of its key, fits. */
export function missingRequestTags({ requestTagsRequired }: EffectivePolicy, tags: readonly string[]): string[] {
  return requestTagsRequired
    .filter((wanted) => !tags.some((tag) => wanted.match(tag) !== undefined))
    .map(({ pattern }) => pattern);
}

function patternsOf(levels: readonly Policy[], field: 'models' | 'providers' | 'endpoints'): (readonly Wildcard[])[] {
  const lists: (readonly Wildcard[])[] = [];
  for (const level of levels) {
    const patterns = level[field];
    if (patterns !== undefined) lists.push(compiled(patterns));
  }
  return lists;
}

/** By the list it was made of: thousands of keys share the lists of the levels above them. */
const compiledLists = new WeakMap<readonly string[], readonly Wildcard[]>();

function compiled(patterns: readonly string[]): readonly Wildcard[] {
  let found = compiledLists.get(patterns);
  if (found === undefined) {
    found = patterns.map((pattern) => compileWildcard(pattern));
    compiledLists.set(patterns, found);
  }
  return found;
}

/** A range that cannot be read allows nobody. */
function rangesOf(texts: readonly string[]): IpRange[] {
  return texts.map(parseIpRange).filter((range) => range !== undefined);
}

function common(lists: readonly (readonly PolicyOperation[])[]): readonly PolicyOperation[] | undefined {
  if (lists.length === 0) return undefined;
  return policyOperations.filter((operation) => lists.every((list) => list.includes(operation)));
}

/** True when somebody says so and nobody denies it; undefined when nobody says anything. */
function agreed(said: readonly (boolean | undefined)[]): boolean | undefined {
  return said.includes(false) ? false : said.includes(true) || undefined;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  let found: number | undefined;
  for (const value of values) if (value !== undefined && (found === undefined || value < found)) found = value;
  return found;
}
