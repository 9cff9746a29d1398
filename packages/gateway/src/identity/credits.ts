import type { BudgetRule } from '../config/budget-rule.ts';
import type { LevelScope } from '../config/level-rules.ts';
import { readRuleAbout } from '../config/rule-about.ts';

/** What was paid in for a level. The sums of its ledger entries, with which they change together. Nano-USD as text. */
export interface Credits {
  /** What was spent before does not count, Unix milliseconds. */
  readonly sinceMs: number;
  readonly toppedUpNanoUsd: string;
  readonly grantedNanoUsd: string;
}

export function paidNanoUsd({ toppedUpNanoUsd, grantedNanoUsd }: Credits): bigint {
  return BigInt(toppedUpNanoUsd) + BigInt(grantedNanoUsd);
}

/** A budget that is filled by paying in, and in no other way. */
export function prepaidRule(level: LevelScope, credits: Credits): BudgetRule {
  return {
    limitNanoUsd: paidNanoUsd(credits),
    softNanoUsd: undefined,
    period: { type: 'lifetime' },
    ...readRuleAbout({ scope: level }),
    unpriced: 'refuse',
    countsFromMs: credits.sinceMs,
    isPrepaid: true,
  };
}
