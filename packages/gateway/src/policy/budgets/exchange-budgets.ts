import type { BudgetHold, Shortage } from './budget-hold.ts';
import type { RequestBound } from './request-bound.ts';

/** What the budgets know of one exchange. Made when the first budget concerns it. */
export interface ExchangeBudgets {
  readonly hold: BudgetHold;
  /** Unix milliseconds, as the budgets count them. */
  readonly now: () => number;
  /** Made when the first price is asked for. */
  readonly bound: () => RequestBound;
  /** What the running attempt is to ask for at most, for each answer, where the request asks for no bound. */
  outputCap?: number | undefined;
  /** Why it was refused, for what the client is told. */
  shortage?: Shortage;
  /** The budget that kept the model asked for out, so that a cheaper one serves. */
  gaveWay?: string;
}
