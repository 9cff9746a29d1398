import type { ScopeType } from '../config/scope-type.ts';
import { compileWildcard } from '../config/wildcard.ts';
import type { Caller } from './caller.ts';
import { scopeKey } from './scope.ts';

/** What a rule is about, as it was written. */
export interface RuleScope {
  /** By kind, an id or a pattern with `*`. An exchange counts when all of them fit; none: every one. */
  readonly scope: Readonly<Partial<Record<ScopeType, string>>>;
  /** Kinds of which each id is counted on its own. What does not know such an id does not count. */
  readonly each: readonly ScopeType[];
  /** Only for end users whom no rule of this kind names. */
  readonly isDefault?: boolean | undefined;
}

/** What a rule may ask about an exchange, and about an attempt of it. */
export interface RuleSubject {
  readonly caller: Caller;
  readonly model: string;
  readonly endUser: string | undefined;
  /** Beside those of the key. */
  readonly tags: readonly string[];
  /** Known for attempts only. */
  readonly provider?: string;
}

export interface Condition {
  readonly type: ScopeType;
  readonly matches: (id: string) => boolean;
}

const callerTypes: ReadonlySet<ScopeType> = new Set([
  'key',
  'user',
  'service-account',
  'team',
  'organisation',
  'project',
]);

/** Does this caller ever count under the rule? */
export function concerns(rule: RuleScope, caller: Caller): boolean {
  const known = (type: ScopeType) => caller.scopes.filter((scope) => scope.type === type);
  for (const condition of conditionsOf(rule, true)) {
    if (!known(condition.type).some(({ id }) => condition.matches(id))) return false;
  }
  return rule.each.every((type) => !callerTypes.has(type) || known(type).length > 0);
}

/** The rule's scopes that are the caller's, or those that only the exchange tells. */
export function conditionsOf(rule: RuleScope, ofCaller: boolean): Condition[] {
  return (Object.entries(rule.scope) as [ScopeType, string][])
    .filter(([type]) => callerTypes.has(type) === ofCaller)
    .map(([type, pattern]) => ({ type, matches: matcher(type, pattern) }));
}

function matcher(type: ScopeType, pattern: string): (id: string) => boolean {
  if (pattern === '*') return () => true;
  const wildcard = compileWildcard(pattern);
  const fits = (id: string) => wildcard.match(id) !== undefined;
  if (type !== 'model') return fits;
  // A model is known by its own name and as provider/model.
  return (id) => fits(id) || (id.includes('/') && fits(id.slice(id.indexOf('/') + 1)));
}

/**
 * What the subject counts as under a rule: nothing when a scope does not fit; one empty text when the rule tells nothing
 * apart; else one text for each thing told apart (several for tags).
 */
export function instancesOf(
  { conditions, each }: { readonly conditions: readonly Condition[]; readonly each: readonly ScopeType[] },
  subject: RuleSubject,
): readonly string[] {
  for (const { type, matches } of conditions) {
    const ids = idsOf(type, subject);
    if (!(ids.length === 1 ? matches(ids[0] as string) : ids.some(matches))) return NONE;
  }
  if (each.length === 0) return ONE;
  let instances: readonly string[] = ONE;
  for (const type of each) {
    const ids = idsOf(type, subject);
    const [only] = ids;
    // One of a kind is the usual case. What its condition says of it was asked above.
    if (only !== undefined && ids.length === 1 && instances.length === 1) {
      instances = [`${instances[0]}\n${type}:${only}`];
      continue;
    }
    const wanted = conditions.find((condition) => condition.type === type);
    const known = ids.filter((id) => wanted?.matches(id) ?? true);
    instances = instances.flatMap((instance) => known.map((id) => `${instance}\n${scopeKey({ type, id })}`));
  }
  return instances;
}

const NONE: readonly string[] = [];
const ONE: readonly string[] = [''];

function idsOf(type: ScopeType, subject: RuleSubject): readonly string[] {
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
