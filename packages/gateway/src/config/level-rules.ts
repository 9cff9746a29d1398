import { readBudgetEntry } from './budget-entry.ts';
import type { BudgetRule } from './budget-rule.ts';
import { readLimitEntry } from './limit-entry.ts';
import type { LimitRule } from './limit-rule.ts';
import type { LevelBudgetEntry, LevelLimitEntry } from './rule-schemas.ts';

type LevelType = 'key' | 'user' | 'serviceAccount' | 'team' | 'organisation' | 'project' | 'endUser' | 'tag';

/** What the rules of a level are about: a key of this name, a user within a team. In the words of the file. */
export type LevelScope = Readonly<Partial<Record<LevelType, string>>>;

/** What an entry names beside its level. */
type Narrowing = Readonly<Record<'endUser' | 'model' | 'provider' | 'tag', string | undefined>>;

/** The rule an entry of a level's `budgets` stands for, or what is wrong with it. */
export function readLevelBudget(
  level: LevelScope,
  { endUser, model, provider, tag, ...entry }: LevelBudgetEntry,
): BudgetRule | { message: string; hint: string } {
  return (
    namedTwice(level, { endUser, tag }) ??
    readBudgetEntry({ ...entry, scope: scopeOf(level, { endUser, model, provider, tag }) })
  );
}

/** The rules an entry of a level's `limits` stands for, or what is wrong with it. */
export function readLevelLimit(
  level: LevelScope,
  { endUser, model, provider, tag, ...entry }: LevelLimitEntry,
): readonly LimitRule[] | { message: string; hint: string } {
  return (
    namedTwice(level, { endUser, tag }) ??
    readLimitEntry({ ...entry, scope: scopeOf(level, { endUser, model, provider, tag }) })
  );
}

function scopeOf(level: LevelScope, { endUser = level.endUser, tag = level.tag, ...others }: Narrowing) {
  return { ...level, endUser, ...others, tag };
}

/** A rule is about one end user and one tag at most: those of an end user or a tag name that one already. */
function namedTwice(
  level: LevelScope,
  named: Pick<Narrowing, 'endUser' | 'tag'>,
): { message: string; hint: string } | undefined {
  for (const field of ['endUser', 'tag'] as const) {
    if (level[field] === undefined || named[field] === undefined) continue;
    const what = field === 'tag' ? 'a tag' : 'an end user';
    return { message: `names ${what}, and belongs to ${what}`, hint: `Take ${field} out.` };
  }
  return undefined;
}
