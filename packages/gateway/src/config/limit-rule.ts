import type { QueueRule } from './limit-queue.ts';
import type { ScopeType } from './scope-type.ts';

/** What a limit counts. `tokens` is input and output together. */
export type LimitMeasure = 'requests' | 'tokens' | 'inputTokens' | 'outputTokens' | 'concurrency';

/** One limit, wherever it was written. */
export interface LimitRule {
  readonly measure: LimitMeasure;
  /** At most so many. A whole number above 0. */
  readonly amount: number;
  /** In any window of this length, in milliseconds; 0 for concurrency, which has none. */
  readonly windowMs: number;
  /** What it is about: by kind, an id or a pattern with `*`. An exchange counts when all of them fit; none: every one. */
  readonly scope: Readonly<Partial<Record<ScopeType, string>>>;
  /** Kinds of which each id is counted on its own. What does not know such an id does not count. */
  readonly each: readonly ScopeType[];
  /** Only for end users whom no limit names. */
  readonly isDefault?: boolean | undefined;
  /**
   * When other processes cannot be asked what they used. `local`, as when absent: this one goes on by what it knows.
   * `refuse`: what its lease does not have is refused.
   */
  readonly unreachable?: 'local' | 'refuse';
  /** Absent: what does not fit is refused at once. */
  readonly queue?: QueueRule;
}
