import type { BudgetRule } from '../../config/budget-rule.ts';

/** Rules as they are at an instant, and the instant from which they differ; Infinity for never. */
export interface RulesNow {
  readonly rules: readonly BudgetRule[];
  readonly untilMs: number;
}

/** Budgets with the increases that hold now in their lines. @param nowMs Unix milliseconds. */
export function rulesNow(rules: readonly BudgetRule[], nowMs: number): RulesNow {
  let untilMs = Number.POSITIVE_INFINITY;
  const raised = rules.map((rule) => {
    const { increase, limitNanoUsd } = rule;
    if (increase === undefined || limitNanoUsd === undefined || increase.untilMs <= nowMs) return rule;
    untilMs = Math.min(untilMs, increase.untilMs);
    return { ...rule, limitNanoUsd: limitNanoUsd + increase.nanoUsd };
  });
  return { rules: raised, untilMs };
}
