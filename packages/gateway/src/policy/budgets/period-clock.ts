import type { BudgetPeriod } from '../../config/budget-rule.ts';
import { calendarWindow, type Stretch } from './calendar-window.ts';

/** A stretch whose spending is kept in one sum, and the instant from which it no longer counts. */
export interface CountedStretch extends Stretch {
  readonly untilMs: number;
}

/** Parts of a rolling window: what is spent counts for up to one part longer than the window, never shorter. */
export const ROLLING_PARTS = 60;

/** Tells which stretch an instant belongs to. One for all accounts of a budget, since the calendar is dear to ask. */
export class PeriodClock {
  readonly period: BudgetPeriod;
  #latest: CountedStretch = { startMs: 0, endMs: 0, untilMs: 0 };

  constructor(period: BudgetPeriod) {
    this.period = period;
  }

  at(nowMs: number): CountedStretch {
    if (nowMs < this.#latest.startMs || nowMs >= this.#latest.endMs) this.#latest = stretchAt(this.period, nowMs);
    return this.#latest;
  }

  /** Those that count now, the earliest first. */
  counting(nowMs: number): CountedStretch[] {
    const now = this.at(nowMs);
    if (this.period.type !== 'rolling') return [now];
    const stretches = [now];
    for (let next = stretchAt(this.period, now.startMs - 1); next.untilMs > nowMs; ) {
      stretches.unshift(next);
      next = stretchAt(this.period, next.startMs - 1);
    }
    return stretches;
  }
}

function stretchAt(period: BudgetPeriod, nowMs: number): CountedStretch {
  switch (period.type) {
    case 'lifetime':
      return { startMs: 0, endMs: Number.POSITIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };
    case 'calendar': {
      const window = calendarWindow(period.unit, period.zone, nowMs);
      return { ...window, untilMs: window.endMs };
    }
    case 'rolling': {
      const partMs = Math.ceil(period.lengthMs / ROLLING_PARTS);
      const startMs = Math.floor(nowMs / partMs) * partMs;
      return { startMs, endMs: startMs + partMs, untilMs: startMs + partMs + period.lengthMs };
    }
  }
}
