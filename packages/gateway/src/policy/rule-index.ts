import { isWildcard } from '../config/wildcard.ts';
import type { Caller } from './caller.ts';
import { concerns, type RuleScope } from './rule-scope.ts';
import { scopeKey } from './scope.ts';

interface Entry<T> {
  readonly position: number;
  readonly rule: T;
}

/**
 * Finds the rules that may concern a caller without a look at all others: those about one thing of the caller's (a key, a
 * team) by its name, the rest, about patterns or about what only a request tells, one by one.
 */
export class RuleIndex<T extends { readonly rule: RuleScope }> {
  readonly #byScope = new Map<string, Entry<T>[]>();
  readonly #others: Entry<T>[] = [];

  constructor(rules: Iterable<T>) {
    let position = 0;
    for (const rule of rules) {
      const entry = { position: position++, rule };
      const key = indexKeyOf(rule.rule);
      if (key === undefined) this.#others.push(entry);
      else {
        const list = this.#byScope.get(key);
        if (list === undefined) this.#byScope.set(key, [entry]);
        else list.push(entry);
      }
    }
  }

  /** In the order in which they were given. */
  of(caller: Caller): T[] {
    const found = [...this.#others];
    for (const key of new Set(caller.scopes.map(scopeKey))) found.push(...(this.#byScope.get(key) ?? []));
    return found
      .filter(({ rule }) => concerns(rule.rule, caller))
      .sort((a, b) => a.position - b.position)
      .map(({ rule }) => rule);
  }
}

/** The name that a caller must have among its own for the rule to concern it; of several, that of the fewest callers. */
function indexKeyOf(rule: RuleScope): string | undefined {
  for (const type of ['key', 'user', 'project', 'team', 'organisation'] as const) {
    const id = rule.scope[type];
    if (id !== undefined && !isWildcard(id)) return scopeKey({ type, id });
  }
  return undefined;
}
