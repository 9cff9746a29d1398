import type { RuleSubject } from '../rule-scope.ts';
import type { Admission, Standing } from './admission.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { TokenCost } from './token-cost.ts';

/** What the limits know of one exchange. Made when the first limit concerns it. */
export interface ExchangeLimits {
  readonly subject: RuleSubject;
  /** Estimated when the first rule asks. Undefined for what takes no tokens. */
  readonly cost: () => TokenCost | undefined;
  /** Milliseconds of the clock that its standings go by. */
  readonly now: () => number;
  /** The caller's rules about providers: asked for each attempt. */
  attemptRules: readonly CompiledRule[];
  /** The rules of the exchange itself, for what the client is told. */
  standings: readonly Standing[];
  /** Its own place. */
  admission?: Admission;
  /** Since when it waits, or waited, in a queue; monotonic. */
  queuedFromMs?: number;
  /** How long it waited there. */
  queuedMs?: number;
  /** The running attempt's place at its endpoint. */
  seat?: Admission | undefined;
}
