import { readLevelBudget } from '../../config/level-rules.ts';
import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';
import { calendarWindow } from '../../policy/budgets/calendar-window.ts';

/** From when on spending counts against a budget now, and when that ends; in Unix milliseconds. */
export function windowNow(
  entry: LevelBudgetEntry,
  nowMs: number,
): { readonly startMs: number; readonly endMs: number | undefined } {
  const rule = readLevelBudget({}, entry);
  if ('message' in rule) return { startMs: 0, endMs: undefined };
  const { period, countsFromMs = 0 } = rule;
  const later = (startMs: number) => Math.max(startMs, countsFromMs);
  switch (period.type) {
    case 'calendar': {
      const { startMs, endMs } = calendarWindow(period.unit, period.zone, nowMs);
      return { startMs: later(startMs), endMs };
    }
    case 'rolling':
      return { startMs: later(nowMs - period.lengthMs), endMs: undefined };
    case 'lifetime':
      return { startMs: later(0), endMs: undefined };
  }
}
