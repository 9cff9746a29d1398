import type { Scope } from '../scope.ts';
import type { Budgets } from './budgets.ts';
import type { CompiledBudget } from './compiled-budget.ts';

/** How prepaid credits stand, in nano-USD. */
export interface CreditBalance {
  /** Topped up and granted, altogether. */
  readonly paidNanoUsd: bigint;
  /** Altogether, adjustments included: what is left is the difference. */
  readonly spentNanoUsd: bigint;
  /** By calls under way. */
  readonly heldNanoUsd: bigint;
}

/** The prepaid budget of just this scope. */
export function prepaidBudget({ inForce }: Budgets, { type, id }: Scope): CompiledBudget | undefined {
  return inForce.find(({ rule }) => {
    const [first, ...more] = Object.entries(rule.scope);
    return rule.isPrepaid === true && more.length === 0 && first?.[0] === type && first[1] === id;
  });
}

/**
 * The credits of the first of these scopes that has any: for a caller, of its own `scopes`, those of the key before those
 * of user, team, organisation and project. Undefined when none is prepaid.
 */
export async function creditsOf(budgets: Budgets, scopes: readonly Scope[]): Promise<CreditBalance | undefined> {
  for (const scope of scopes) {
    const budget = prepaidBudget(budgets, scope);
    if (budget === undefined) continue;
    await budgets.refresh([budget]);
    const account = budget.accounts.of('');
    const { spentNanoUsd, heldNanoUsd } = account;
    return { paidNanoUsd: budget.rule.limitNanoUsd ?? 0n, spentNanoUsd, heldNanoUsd };
  }
  return undefined;
}
