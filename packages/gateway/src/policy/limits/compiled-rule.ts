import type { LimitRule } from '../../config/limit-rule.ts';
import type { ScopeType } from '../../config/scope-type.ts';
import { compileWildcard } from '../../config/wildcard.ts';
import type { Caller } from '../caller.ts';
import { scopeKey } from '../scope.ts';
import type { Meter, Meters } from './meters.ts';

/** What a rule may ask about an exchange, and about an attempt of it. */
export interface LimitSubject {
  readonly caller: Caller;
  readonly model: string;
  readonly endUser: string | undefined;
  /** Beside those of the key. */
  readonly tags: readonly string[];
  /** Known for attempts only. */
  readonly provider?: string;
}

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly rule: LimitRule;
  /** For people: `10 requests per minute (team web)`. */
  readonly label: string;
  readonly meters: Meters;
  /** Scopes that only the exchange tells; the caller's own are answered once per caller. */
  readonly conditions: readonly Condition[];
  readonly each: readonly ScopeType[];
  /** Set for limits of one endpoint: what they count. */
  readonly instance?: string;
}

export interface Condition {
  readonly type: ScopeType;
  readonly matches: (id: string) => boolean;
}

const callerTypes: ReadonlySet<ScopeType> = new Set(['key', 'user', 'team', 'organisation', 'project']);

/** Does this caller ever count under the rule? */
export function concerns(rule: LimitRule, caller: Caller): boolean {
  const known = (type: ScopeType) => caller.scopes.filter((scope) => scope.type === type);
  for (const condition of conditionsOf(rule, true)) {
    if (!known(condition.type).some(({ id }) => condition.matches(id))) return false;
  }
  return rule.each.every((type) => !callerTypes.has(type) || known(type).length > 0);
}

/** The rule's scopes that are the caller's, or those that only the exchange tells. */
export function conditionsOf(rule: LimitRule, ofCaller: boolean): Condition[] {
  return (Object.entries(rule.scope) as [ScopeType, string][])
    .filter(([type]) => callerTypes.has(type) === ofCaller)
    .map(([type, pattern]) => ({ type, matches: matcher(type, pattern) }));
}

function matcher(type: ScopeType, pattern: string): (id: string) => boolean {
  const wildcard = compileWildcard(pattern);
  const fits = (id: string) => wildcard.match(id) !== undefined;
  if (type !== 'model') return fits;
  // A model is known by its own name and as provider/model.
  return (id) => fits(id) || (id.includes('/') && fits(id.slice(id.indexOf('/') + 1)));
}

/** Where the subject counts under the rule: nowhere when a scope does not fit, else one meter, or one for each tag. */
export function metersOf(compiled: CompiledRule, subject: LimitSubject): readonly Meter[] {
  const { conditions, each, meters } = compiled;
  for (const { type, matches } of conditions) if (!idsOf(type, subject).some(matches)) return NONE;
  if (compiled.instance !== undefined) return [meters.of(compiled.instance)];
  if (each.length === 0) return [meters.of('')];
  let instances = [''];
  for (const type of each) {
    const wanted = conditions.find((condition) => condition.type === type);
    const ids = idsOf(type, subject).filter((id) => wanted?.matches(id) ?? true);
    instances = instances.flatMap((instance) => ids.map((id) => `${instance}\n${scopeKey({ type, id })}`));
  }
  return instances.map((instance) => meters.of(instance));
}

const NONE: readonly Meter[] = [];

function idsOf(type: ScopeType, subject: LimitSubject): readonly string[] {
  switch (type) {
    case 'model':
      return [subject.model];
    case 'end-user':
      return subject.endUser === undefined ? [] : [subject.endUser];
    case 'provider':
      return subject.provider === undefined ? [] : [subject.provider];
    case 'tag':
      return [...new Set([...callerIds(type, subject.caller), ...subject.tags])];
    default:
      return callerIds(type, subject.caller);
  }
}

function callerIds(type: ScopeType, caller: Caller): string[] {
  const ids: string[] = [];
  for (const scope of caller.scopes) if (scope.type === type) ids.push(scope.id);
  return ids;
}

const nouns = {
  requests: ['request', 'requests'],
  tokens: ['token', 'tokens'],
  inputTokens: ['input token', 'input tokens'],
  outputTokens: ['output token', 'output tokens'],
  concurrency: ['request at once', 'requests at once'],
} as const;

const windows = new Map([
  [1_000, 'second'],
  [60_000, 'minute'],
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
]);

/** `10 requests per minute (team web, each end-user)`. */
export function labelOf({ measure, amount, windowMs, scope, each }: LimitRule, endpointId?: string): string {
  const per = measure === 'concurrency' ? '' : ` per ${windows.get(windowMs) ?? `${windowMs / 1_000} s`}`;
  const about = [
    ...(endpointId === undefined ? [] : [`endpoint ${endpointId}`]),
    ...Object.entries(scope).map(([type, id]) => `${type} ${id}`),
    ...each.map((type) => `each ${type}`),
  ];
  return `${amount} ${nouns[measure][amount === 1 ? 0 : 1]}${per}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
}
