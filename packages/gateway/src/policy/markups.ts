import { type Markup, type MarkupRule, markupLevels } from '../config/markup-rule.ts';

/** The markups in force: what teams and the like are charged beyond what providers cost. */
export class Markups {
  /** By `<type>:<id>`, empty for everybody; the latest first. */
  #rules: ReadonlyMap<string, readonly MarkupRule[]> = new Map();

  /** Holds for calls that begin from now on. Of two for the same from the same instant, the one given last. */
  apply(rules: readonly MarkupRule[]): void {
    const byScope = new Map<string, MarkupRule[]>();
    for (const rule of rules) {
      const scope = rule.level === undefined ? EVERYBODY : `${rule.level.type}:${rule.level.id}`;
      byScope.set(scope, [rule, ...(byScope.get(scope) ?? [])]);
    }
    for (const schedule of byScope.values()) schedule.sort((a, b) => b.fromMs - a.fromMs);
    this.#rules = byScope;
  }

  /**
   * What is added for a call: the markup of the innermost level that has one in force.
   *
   * @param scopes As `<type>:<id>`.
   * @returns undefined for nothing.
   */
  inForce(scopes: readonly string[], atMs: number): Markup | undefined {
    if (this.#rules.size === 0) return undefined;
    let best = this.#at(EVERYBODY, atMs);
    let bestRank: number = markupLevels.length;
    for (const scope of scopes) {
      const rank = markupLevels.findIndex((level) => scope.startsWith(`${level}:`));
      if (rank < 0 || rank >= bestRank) continue;
      const rule = this.#at(scope, atMs);
      if (rule === undefined) continue;
      best = rule;
      bestRank = rank;
    }
    return best?.percentMillionths === 0n && best.perCallNanoUsd === 0n ? undefined : best;
  }

  #at(scope: string, atMs: number): MarkupRule | undefined {
    return this.#rules.get(scope)?.find(({ fromMs }) => fromMs <= atMs);
  }
}

const EVERYBODY = '';
