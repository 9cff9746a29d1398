import { nanoUsdOfUsd } from '../catalog/decimal.ts';
import type { BudgetPeriod, BudgetRule, CalendarUnit } from './budget-rule.ts';
import { defaultProblem, readRuleAbout } from './rule-about.ts';
import type { BudgetEntry } from './rule-schemas.ts';

const unitsMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const calendarUnits: ReadonlySet<string> = new Set(['hour', 'day', 'week', 'month']);

/** Longest rolling window: a year. */
const ROLLING_MS_MAX = 366 * 86_400_000;
/** A thousand million dollars: what is spent up to such a line fits into the 64-bit nano-dollars of the store. */
const LINE_NANO_MAX = 1_000_000_000n * 1_000_000_000n;

/** The rule an entry of a `budgets` list stands for, or what is wrong with it. */
export function readBudgetEntry(entry: BudgetEntry): BudgetRule | { message: string; hint: string } {
  if (entry.amount === undefined && entry.soft === undefined) {
    return { message: 'has no line', hint: 'Give it an amount, or a soft line, in US dollars.' };
  }
  const limitNanoUsd = lineOf(entry.amount);
  const softNanoUsd = lineOf(entry.soft);
  if (limitNanoUsd === 'bad' || softNanoUsd === 'bad') {
    return {
      message: 'has a line that cannot be kept exactly',
      hint: 'Use at most nine decimals, up to 1000000000 dollars.',
    };
  }
  if (limitNanoUsd !== undefined && softNanoUsd !== undefined && softNanoUsd > limitNanoUsd) {
    return { message: 'has a soft line above the hard one', hint: 'Lower soft, or take it out.' };
  }
  const period = periodOf(entry);
  if ('message' in period) return period;
  const problem = defaultProblem(entry);
  if (problem !== undefined) return problem;
  const increase = increaseOf(entry, limitNanoUsd);
  if (increase !== undefined && 'message' in increase) return increase;
  return {
    limitNanoUsd,
    softNanoUsd,
    period,
    ...readRuleAbout(entry),
    ...(entry.default === true && { isDefault: true }),
    unpriced: entry.unpriced ?? 'refuse',
    ...(entry.unbounded !== undefined && { unbounded: entry.unbounded }),
    ...(entry.unboundedOutput !== undefined && { unboundedOutput: entry.unboundedOutput }),
    ...(increase !== undefined && { increase }),
    ...(entry.countsFromMs !== undefined && { countsFromMs: entry.countsFromMs }),
  };
}

function increaseOf(
  { temporaryIncrease }: BudgetEntry,
  limitNanoUsd: bigint | undefined,
): BudgetRule['increase'] | { message: string; hint: string } {
  if (temporaryIncrease === undefined) return undefined;
  if (limitNanoUsd === undefined) {
    return { message: 'has an increase of a hard line that is not there', hint: 'Give it an amount.' };
  }
  const nanoUsd = lineOf(temporaryIncrease.amount);
  if (nanoUsd === undefined || nanoUsd === 'bad' || limitNanoUsd + nanoUsd > LINE_NANO_MAX) {
    return {
      message: 'has an increase that cannot be kept exactly',
      hint: 'Use at most nine decimals, up to 1000000000 dollars together.',
    };
  }
  return { nanoUsd, untilMs: temporaryIncrease.untilMs };
}

function lineOf(usd: string | number | undefined): bigint | undefined | 'bad' {
  if (usd === undefined) return undefined;
  const nano = nanoUsdOfUsd(usd);
  return nano === undefined || nano > LINE_NANO_MAX ? 'bad' : nano;
}

function periodOf({ per, zone }: BudgetEntry): BudgetPeriod | { message: string; hint: string } {
  if (calendarUnits.has(per)) {
    if (zone !== undefined && !isZone(zone)) {
      return { message: `names no time zone: ${zone}`, hint: 'Write an IANA name such as Europe/Berlin.' };
    }
    return { type: 'calendar', unit: per as CalendarUnit, zone: zone ?? 'UTC' };
  }
  if (zone !== undefined) {
    return { message: 'has a time zone that means nothing here', hint: 'Only hour, day, week and month have one.' };
  }
  if (per === 'lifetime') return { type: 'lifetime' };
  const lengthMs = Number.parseInt(per, 10) * (unitsMs[per.slice(-1)] ?? Number.NaN);
  if (lengthMs > ROLLING_MS_MAX) return { message: 'has a window longer than a year', hint: 'Use a shorter one.' };
  return { type: 'rolling', lengthMs };
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    // The only way to ask: an unknown zone is a RangeError.
    return false;
  }
}
