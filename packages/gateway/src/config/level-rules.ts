import { readBudgetEntry } from './budget-entry.ts';
import type { BudgetRule } from './budget-rule.ts';
import { readLimitEntry } from './limit-entry.ts';
import type { LimitRule } from './limit-rule.ts';
import type { LevelBudgetEntry, LevelLimitEntry } from './schema.ts';

/** What the rules of a level are about: a key of this name, a user within a team. In the words of the file. */
export type LevelScope = Readonly<Partial<Record<'key' | 'user' | 'team' | 'organisation' | 'project', string>>>;

/** The rule an entry of a level's `budgets` stands for, or what is wrong with it. */
export function readLevelBudget(
  level: LevelScope,
  { endUser, model, provider, tag, ...entry }: LevelBudgetEntry,
): BudgetRule | { message: string; hint: string } {
  return readBudgetEntry({ ...entry, scope: { ...level, endUser, model, provider, tag } });
}

/** The rules an entry of a level's `limits` stands for, or what is wrong with it. */
export function readLevelLimit(
  level: LevelScope,
  { endUser, model, provider, tag, ...entry }: LevelLimitEntry,
): readonly LimitRule[] | { message: string; hint: string } {
  return readLimitEntry({ ...entry, scope: { ...level, endUser, model, provider, tag } });
}
