import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';
import type { EntityBody } from '../../identity/entity.ts';

/** The budgets of an entity by what LiteLLM calls them. */
export interface BudgetParts {
  /** `max_budget`, `soft_budget` and `budget_duration`. */
  main: LevelBudgetEntry | undefined;
  /** `budget_limits`. */
  windows: LevelBudgetEntry[];
  /** `model_max_budget`. */
  models: Map<string, LevelBudgetEntry>;
  /** What LiteLLM has no word for; kept as it is. */
  others: LevelBudgetEntry[];
}

export function budgetPartsOf({ budgets = [], litellm }: EntityBody): BudgetParts {
  const parts: BudgetParts = { main: undefined, windows: [], models: new Map(), others: [] };
  const plain = budgets.filter((entry) => isAbout(entry, undefined));
  const windowCount = litellm?.budgetLimitDurations?.length ?? 0;
  for (const entry of budgets) {
    const { model } = entry;
    if (isAbout(entry, undefined)) {
      if (parts.main === undefined && plain.length > windowCount) parts.main = entry;
      else parts.windows.push(entry);
    } else if (model !== undefined && isAbout(entry, model) && !parts.models.has(model)) parts.models.set(model, entry);
    else parts.others.push(entry);
  }
  return parts;
}

export function budgetsOf({ main, windows, models, others }: BudgetParts): LevelBudgetEntry[] {
  return [...(main === undefined ? [] : [main]), ...windows, ...models.values(), ...others];
}

/** Is it about the entity as a whole, or about that and one model? */
function isAbout({ endUser, model, provider, tag, each = [] }: LevelBudgetEntry, asked: string | undefined): boolean {
  return model === asked && endUser === undefined && provider === undefined && tag === undefined && each.length === 0;
}
