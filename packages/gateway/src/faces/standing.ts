import type { AdminContext } from '../admin/admin-context.ts';
import type { BudgetPeriod } from '../config/budget-rule.ts';
import { hasScope } from '../identity/admin-scope.ts';
import type { Budgets } from '../policy/budgets/budgets.ts';
import type { CompiledBudget } from '../policy/budgets/compiled-budget.ts';
import { creditsOf } from '../policy/budgets/credits.ts';
import { type Scope, scopeKey } from '../policy/scope.ts';

/** How a hard budget stands in its present window. Nano-USD. */
export interface Standing {
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  /** The line less what is spent and what calls under way hold; never below 0. */
  readonly leftNanoUsd: bigint;
  readonly period: BudgetPeriod;
}

/** What someone was given, and what of that is used. Nano-USD. */
export interface Purse {
  readonly givenNanoUsd: bigint;
  readonly usedNanoUsd: bigint;
}

/**
 * The hard budget of just this scope, all that it does being counted; of several, the one with the least left.
 *
 * @param scope Undefined: the budget of everything that goes through this gateway.
 */
export async function standingOf(budgets: Budgets, scope: Scope | undefined): Promise<Standing | undefined> {
  const concerned = budgets.inForce.filter((budget) => isOfJust(budget, scope));
  await budgets.refresh(concerned);
  const nowMs = budgets.now();
  const standings = concerned.flatMap((budget) => {
    const { limitNanoUsd, period } = budget.rule;
    if (limitNanoUsd === undefined) return [];
    const account = budget.accounts.of('');
    account.roll(nowMs);
    const { spentNanoUsd, heldNanoUsd } = account;
    const left = limitNanoUsd - spentNanoUsd - heldNanoUsd;
    return [{ limitNanoUsd, spentNanoUsd, leftNanoUsd: left < 0n ? 0n : left, period }];
  });
  return standings.toSorted((a, b) => (a.leftNanoUsd < b.leftNanoUsd ? -1 : 1))[0];
}

function isOfJust({ rule, each }: CompiledBudget, scope: Scope | undefined): boolean {
  if (each.length > 0) return false;
  const named = Object.entries(rule.scope).filter(([, id]) => id !== undefined);
  if (scope === undefined) return named.length === 0;
  const [first, ...more] = named;
  return first !== undefined && more.length === 0 && first[0] === scope.type && first[1] === scope.id;
}

/**
 * What the caller can be said to own: the innermost prepaid credits, else the innermost hard budget of key, user, team, organisation and project; for a key
 * that may read the ledger, that of all it manages. Without one, nothing is given, and all that was ever spent is used.
 */
export async function purseOf({ house, caller, rights }: AdminContext): Promise<Purse> {
  const isManaging = hasScope(rights, 'ledger:read');
  const scopes = isManaging ? [managedScope({ house, rights })] : caller.scopes.filter(({ type }) => type !== 'tag');
  const credits = await creditsOf(
    house.budgets,
    scopes.filter((scope) => scope !== undefined),
  );
  if (credits !== undefined) return { givenNanoUsd: credits.paidNanoUsd, usedNanoUsd: credits.spentNanoUsd };
  for (const scope of scopes) {
    const standing = await standingOf(house.budgets, scope);
    if (standing !== undefined) return { givenNanoUsd: standing.limitNanoUsd, usedNanoUsd: standing.spentNanoUsd };
  }
  await house.flushLogs();
  const [scope] = scopes;
  const name = scope === undefined ? 'all' : scopeKey(scope);
  const [usedNanoUsd = 0n] = (await house.store.spendByDays([name], [0])).get(name) ?? [];
  return { givenNanoUsd: 0n, usedNanoUsd };
}

/** What a management key is bound to; undefined for the whole gateway. */
export function managedScope({ house, rights }: Pick<AdminContext, 'house' | 'rights'>): Scope | undefined {
  const { teamId, organisationId } = rights;
  const boundId = teamId ?? organisationId;
  if (boundId === undefined) return undefined;
  return { type: teamId === undefined ? 'organisation' : 'team', id: house.directory.byId(boundId)?.name ?? '' };
}
