import type { BudgetRule } from '../config/budget-rule.ts';
import { type LevelScope, readLevelBudget, readLevelLimit } from '../config/level-rules.ts';
import type { LimitRule } from '../config/limit-rule.ts';
import type { Entity } from './entity.ts';

interface RulesOfEntity {
  /** What they were read from. */
  readonly source: string;
  readonly budgets: readonly BudgetRule[];
  readonly limits: readonly LimitRule[];
}

/**
 * The limits and budgets that stored entities carry. A rule whose entry did not change stays the same object.
 */
export class StoredRules {
  readonly #ofEntity = new Map<string, RulesOfEntity>();
  #listener: () => Promise<void> = () => Promise.resolve();
  #isDue = false;

  get budgets(): BudgetRule[] {
    return [...this.#ofEntity.values()].flatMap(({ budgets }) => budgets);
  }

  get limits(): LimitRule[] {
    return [...this.#ofEntity.values()].flatMap(({ limits }) => limits);
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
    for (const id of gone) if (this.#ofEntity.delete(id)) this.#isDue = true;
    const fresh = new Map(changed.map((entity) => [entity.id, entity]));
    for (const entity of changed)
      this.#take(entity, (id) => (id === undefined ? undefined : (fresh.get(id) ?? known(id))));
    if (!this.#isDue) return;
    await this.#listener();
    this.#isDue = false;
  }

  #take(entity: Entity, byId: (id: string | undefined) => Entity | undefined): void {
    const { budgets = [], limits = [] } = entity.body;
    const level = budgets.length + limits.length === 0 ? undefined : levelOf(entity, byId);
    if (level === undefined) {
      if (this.#ofEntity.delete(entity.id)) this.#isDue = true;
      return;
    }
    const source = JSON.stringify([level, budgets, limits]);
    if (this.#ofEntity.get(entity.id)?.source === source) return;
    this.#isDue = true;
    // What was stored was readable when it was; what a later version cannot read any more is left out.
    this.#ofEntity.set(entity.id, {
      source,
      budgets: budgets
        .map((entry) => readLevelBudget(level, entry))
        .flatMap((rule) => ('message' in rule ? [] : [rule])),
      limits: limits.map((entry) => readLevelLimit(level, entry)).flatMap((rules) => ('message' in rules ? [] : rules)),
    });
  }
}

/** What the rules of an entity are about; undefined for kinds that have none. */
export function levelOf(
  { kind, name, userId, teamId, organisationId }: Entity,
  byId: (id: string | undefined) => Entity | undefined,
): LevelScope | undefined {
  switch (kind) {
    case 'key':
    case 'user':
    case 'team':
    case 'organisation':
    case 'project':
      return { [kind]: name };
    case 'service-account':
      return { user: name };
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
