import type { ScopeType } from './scope-type.ts';

/** When a budget is full again. */
export type BudgetPeriod =
  /** From one turn of the calendar to the next, in an IANA time zone. Weeks begin on Monday. */
  | { readonly type: 'calendar'; readonly unit: CalendarUnit; readonly zone: string }
  /** Always the last so many milliseconds. */
  | { readonly type: 'rolling'; readonly lengthMs: number }
  | { readonly type: 'lifetime' };

export type CalendarUnit = 'hour' | 'day' | 'week' | 'month';

/** One budget, wherever it was written. At least one of its lines is there. */
export interface BudgetRule {
  /** The hard line, in nano-USD: what may cross it is refused. */
  readonly limitNanoUsd: bigint | undefined;
  /** The soft line, in nano-USD: crossing it is told, and nothing else. */
  readonly softNanoUsd: bigint | undefined;
  readonly period: BudgetPeriod;
  /** What it is about: by kind, an id or a pattern with `*`. An exchange counts when all of them fit; none: every one. */
  readonly scope: Readonly<Partial<Record<ScopeType, string>>>;
  /** Kinds of which each id has a budget of its own. What does not know such an id does not count. */
  readonly each: readonly ScopeType[];
  /** Only for end users whom no budget names. */
  readonly isDefault?: boolean | undefined;
  /** What happens under a hard line to a call whose price is not known. */
  readonly unpriced: 'refuse' | 'allow';
  /** What happens under a hard line to a call of which nobody knows the most it can cost. `estimate` holds a usual one. Absent: refuse. */
  readonly unbounded?: 'refuse' | 'estimate' | undefined;
  /** The same, when it is only the length of the answer that nobody bounds: absent, `estimate`. */
  readonly unboundedOutput?: 'refuse' | 'estimate' | undefined;
  /** Added to the hard line before an instant, in Unix milliseconds. */
  readonly increase?: { readonly nanoUsd: bigint; readonly untilMs: number } | undefined;
  /** What was spent before this instant, in Unix milliseconds, does not count. */
  readonly countsFromMs?: number | undefined;
  /** Its line is what was paid in; there are top-ups in place of windows. */
  readonly isPrepaid?: true;
}
