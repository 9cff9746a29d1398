import type { BudgetRule } from '../config/budget-rule.ts';
import { type LevelScope, readLevelBudget, readLevelLimit } from '../config/level-rules.ts';
import type { LimitRule } from '../config/limit-rule.ts';
import { type MarkupRule, markupLevels, readMarkup } from '../config/markup-rule.ts';
import type { LevelBudgetEntry, LevelLimitEntry } from '../config/rule-schemas.ts';
import { prepaidRule } from './credits.ts';
import type { Entity } from './entity.ts';

interface RulesOfEntity {
  /** What they were read from. */
  readonly source: string;
  readonly budgets: readonly BudgetRule[];
  readonly limits: readonly LimitRule[];
  readonly markups: readonly MarkupRule[];
}

type Lookup = (id: string | undefined) => Entity | undefined;

/**
 * The limits and budgets that hold for stored entities: those they carry, and those of the reusable budgets they refer to. A
 * rule whose entry did not change stays the same object.
 */
export class StoredRules {
  readonly #ofEntity = new Map<string, RulesOfEntity>();
  /** Who refers to a reusable budget, by its id. */
  readonly #referring = new Map<string, Set<string>>();
  readonly #refersTo = new Map<string, readonly string[]>();
  #listener: () => Promise<void> = () => Promise.resolve();
  #isDue = false;

  get budgets(): BudgetRule[] {
    return [...this.#ofEntity.values()].flatMap(({ budgets }) => budgets);
  }

  get limits(): LimitRule[] {
    return [...this.#ofEntity.values()].flatMap(({ limits }) => limits);
  }

  get markups(): MarkupRule[] {
    return [...this.#ofEntity.values()].flatMap(({ markups }) => markups);
  }

  /** @param listener Puts the rules in force; asked when they differ from those before. */
  onChange(listener: () => Promise<void>): void {
    this.#listener = listener;
  }

  /**
   * Takes changes over and has them put in force. When that fails, the next call tries again.
   *
   * @param known Entities that did not change, by id.
   */
  async apply(
    changed: readonly Entity[],
    gone: readonly string[],
    known: (id: string) => Entity | undefined,
  ): Promise<void> {
    const without = new Set(gone);
    const fresh = new Map(changed.map((entity) => [entity.id, entity]));
    const byId: Lookup = (id) => {
      if (id === undefined || without.has(id)) return undefined;
      return fresh.get(id) ?? known(id);
    };
    for (const id of gone) {
      this.#refer(id, []);
      if (this.#ofEntity.delete(id)) this.#isDue = true;
    }
    const touched = new Set(changed);
    for (const { kind, id } of changed) {
      if (kind !== 'budget') continue;
      for (const referring of this.#referring.get(id) ?? []) {
        const entity = byId(referring);
        if (entity !== undefined) touched.add(entity);
      }
    }
    for (const entity of touched) this.#take(entity, byId);
    if (!this.#isDue) return;
    await this.#listener();
    this.#isDue = false;
  }

  #take(entity: Entity, byId: Lookup): void {
    const { budgetIds = [] } = entity.body;
    this.#refer(entity.id, budgetIds);
    const { budgets, limits } = entriesOf(entity, byId);
    const { credits, markups = [] } = entity.body;
    const hasRules = budgets.length + limits.length + markups.length > 0 || credits !== undefined;
    const level = hasRules ? levelOf(entity, byId) : undefined;
    if (level === undefined) {
      if (this.#ofEntity.delete(entity.id)) this.#isDue = true;
      return;
    }
    const source = JSON.stringify([level, budgets, limits, credits, markups]);
    if (this.#ofEntity.get(entity.id)?.source === source) return;
    this.#isDue = true;
    // What was stored was readable when it was; what a later version cannot read any more is left out.
    this.#ofEntity.set(entity.id, {
      source,
      budgets: [
        ...budgets.map((entry) => readLevelBudget(level, entry)).flatMap((rule) => ('message' in rule ? [] : [rule])),
        ...(credits === undefined ? [] : [prepaidRule(level, credits)]),
      ],
      limits: limits.map((entry) => readLevelLimit(level, entry)).flatMap((rules) => ('message' in rules ? [] : rules)),
      markups: markups
        .map((entry) => readMarkup(markupLevelOf(entity), entry))
        .flatMap((rule) => ('message' in rule ? [] : [rule])),
    });
  }

  #refer(id: string, budgetIds: readonly string[]): void {
    for (const before of this.#refersTo.get(id) ?? []) {
      const referring = this.#referring.get(before);
      referring?.delete(id);
      if (referring?.size === 0) this.#referring.delete(before);
    }
    if (budgetIds.length === 0) {
      this.#refersTo.delete(id);
      return;
    }
    this.#refersTo.set(id, budgetIds);
    for (const budgetId of budgetIds) {
      const referring = this.#referring.get(budgetId);
      if (referring === undefined) this.#referring.set(budgetId, new Set([id]));
      else referring.add(id);
    }
  }
}

/** What the markups of an entity are of. */
export function markupLevelOf({ kind, name }: Pick<Entity, 'kind' | 'name'>): MarkupRule['level'] {
  const type = markupLevels.find((level) => level === kind);
  return type && { type, id: name };
}

/** The entries that hold for an entity: its own, then those of the reusable budgets it refers to. */
function entriesOf(
  entity: Entity,
  byId: Lookup,
): { budgets: readonly LevelBudgetEntry[]; limits: readonly LevelLimitEntry[] } {
  const { budgets = [], limits = [], budgetIds = [], budgetsCountFromMs = 0 } = entity.body;
  const shared = budgetIds.map(byId).filter((budget) => budget !== undefined);
  if (shared.length === 0 && budgetsCountFromMs === 0) return { budgets, limits };
  const countedFrom = (entry: LevelBudgetEntry): LevelBudgetEntry => {
    const countsFromMs = Math.max(entry.countsFromMs ?? 0, budgetsCountFromMs);
    return countsFromMs === 0 ? entry : { ...entry, countsFromMs };
  };
  return {
    budgets: [...budgets, ...shared.flatMap(({ body }) => body.budgets ?? [])].map(countedFrom),
    limits: [...limits, ...shared.flatMap(({ body }) => body.limits ?? [])],
  };
}

/** What the rules of an entity are about; undefined for kinds that have none of their own. */
export function levelOf({ kind, name, userId, teamId, organisationId }: Entity, byId: Lookup): LevelScope | undefined {
  switch (kind) {
    case 'key':
    case 'user':
    case 'team':
    case 'organisation':
    case 'project':
    case 'tag':
      return { [kind]: name };
    case 'service-account':
      return { serviceAccount: name };
    case 'end-user':
      return { endUser: name };
    case 'membership': {
      const user = byId(userId)?.name;
      const place = byId(teamId ?? organisationId);
      if (user === undefined || place === undefined) return undefined;
      return { user, [teamId === undefined ? 'organisation' : 'team']: place.name };
    }
    default:
      return undefined;
  }
}
