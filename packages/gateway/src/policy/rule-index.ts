import { isWildcard } from '../config/wildcard.ts';
import type { Caller } from './caller.ts';
import { concerns, type RuleScope } from './rule-scope.ts';
import { scopeKey } from './scope.ts';

interface Entry<T> {
  readonly position: number;
  readonly rule: T;
}

type Lists<T> = Map<string, Entry<T>[]>;

/** The rules that may concern a caller's requests whatever they say, and what else is to be asked of each request. */
export interface RulesOfCaller<T> {
  readonly rules: readonly T[];
  readonly needsEndUser: boolean;
  readonly needsTags: boolean;
}

/**
 * Finds the rules that may concern a request without a look at all others: those about one thing (a key, a team, an end
 * user, a tag) by its name, the rest, about patterns or about other things that only a request tells, one by one.
 */
export class RuleIndex<T extends { readonly rule: RuleScope }> {
  readonly #byCaller: Lists<T> = new Map();
  readonly #byEndUser: Lists<T> = new Map();
  readonly #byTag: Lists<T> = new Map();
  readonly #others: Entry<T>[] = [];

  constructor(rules: Iterable<T>) {
    let position = 0;
    for (const rule of rules) this.#listFor(rule.rule).push({ position: position++, rule });
  }

  /** In the order in which they were given. Those that {@link ofRequest} adds are not among them. */
  of(caller: Caller): RulesOfCaller<T> {
    const found = [...this.#others];
    for (const key of new Set(caller.scopes.map(scopeKey))) found.push(...(this.#byCaller.get(key) ?? []));
    const rules = found
      .filter(({ rule }) => concerns(rule.rule, caller))
      .sort((a, b) => a.position - b.position)
      .map(({ rule }) => rule);
    const asks = (type: 'end-user' | 'tag') =>
      rules.some(({ rule }) => rule.each.includes(type) || rule.scope[type] !== undefined);
    return {
      rules,
      needsEndUser: this.#byEndUser.size > 0 || asks('end-user'),
      needsTags: this.#byTag.size > 0 || asks('tag'),
    };
  }

  /**
   * The rules of a request: those of its caller, and those that name its end user or one of its tags. Where a rule names the
   * end user, those for all others by default are left out.
   */
  ofRequest(caller: Caller, rules: readonly T[], endUser: string | undefined, tags: readonly string[]): readonly T[] {
    if (this.#byEndUser.size + this.#byTag.size === 0) return rules;
    const named = endUser === undefined ? undefined : this.#byEndUser.get(endUser);
    const added = [...(named ?? [])];
    if (this.#byTag.size > 0) for (const tag of tagsOf(caller, tags)) added.push(...(this.#byTag.get(tag) ?? []));
    if (added.length === 0) return rules;
    const general = named === undefined ? rules : rules.filter(({ rule }) => rule.isDefault !== true);
    return [...general, ...added.map(({ rule }) => rule).filter(({ rule }) => concerns(rule, caller))];
  }

  /** By the name that the fewest requests have. */
  #listFor(rule: RuleScope): Entry<T>[] {
    const endUser = rule.scope['end-user'];
    if (endUser !== undefined && !isWildcard(endUser)) return listAt(this.#byEndUser, endUser);
    for (const type of ['key', 'user', 'service-account', 'project', 'team', 'organisation'] as const) {
      const id = rule.scope[type];
      if (id !== undefined && !isWildcard(id)) return listAt(this.#byCaller, scopeKey({ type, id }));
    }
    const { tag } = rule.scope;
    return tag !== undefined && !isWildcard(tag) ? listAt(this.#byTag, tag) : this.#others;
  }
}

function listAt<T>(lists: Lists<T>, key: string): Entry<T>[] {
  const known = lists.get(key);
  if (known !== undefined) return known;
  const list: Entry<T>[] = [];
  lists.set(key, list);
  return list;
}

function tagsOf(caller: Caller, tags: readonly string[]): Set<string> {
  const all = new Set(tags);
  for (const { type, id } of caller.scopes) if (type === 'tag') all.add(id);
  return all;
}
