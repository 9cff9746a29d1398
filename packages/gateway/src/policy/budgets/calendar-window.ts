import type { CalendarUnit } from '../../config/budget-rule.ts';

/** A stretch of time, [startMs, endMs), in Unix milliseconds. */
export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * The hour, day, week (from Monday) or month around an instant, as clocks in the zone show it. Stretches of one unit
 * follow each other without gap or overlap, whatever the clocks do: a day may last 23 or 25 hours. A midnight that
 * clocks leap over is the instant of the leap; one that comes twice is the first.
 *
 * @param zone An IANA name.
 */
export function calendarWindow(unit: CalendarUnit, zone: string, atMs: number): Stretch {
  if (unit === 'hour') return hourAround(zone, atMs);
  const { year, month, day } = dateAt(zone, atMs);
  const [first, next] = datesOf(unit, year, month, day);
  return { startMs: midnight(zone, first), endMs: midnight(zone, next) };
}

/** First day of the unit and of the one after it, as the UTC instants of their dates. */
function datesOf(unit: Exclude<CalendarUnit, 'hour'>, year: number, month: number, day: number): [number, number] {
  const date = Date.UTC(year, month, day);
  switch (unit) {
    case 'day':
      return [date, date + DAY_MS];
    case 'week': {
      const monday = date - ((new Date(date).getUTCDay() + 6) % 7) * DAY_MS;
      return [monday, monday + 7 * DAY_MS];
    }
    case 'month':
      return [Date.UTC(year, month, 1), Date.UTC(year, month + 1, 1)];
  }
}

/** When a date begins in the zone. @param date Midnight of the date in UTC. */
function midnight(zone: string, date: number): number {
  const before = offsetAt(zone, date - DAY_MS);
  const after = offsetAt(zone, date + DAY_MS);
  const early = date - Math.max(before, after);
  const late = date - Math.min(before, after);
  if (early + offsetAt(zone, early) === date) return early;
  if (late + offsetAt(zone, late) === date) return late;
  return leapWithin(zone, early, late);
}

/** Hours are whole on the zone's own clock; where that is set by less than an hour, the hours beside are shorter. */
function hourAround(zone: string, atMs: number): Stretch {
  const offset = offsetAt(zone, atMs);
  const startMs = Math.floor((atMs + offset) / HOUR_MS) * HOUR_MS - offset;
  const endMs = startMs + HOUR_MS;
  return {
    startMs: offsetAt(zone, startMs) === offset ? startMs : leapWithin(zone, startMs, atMs),
    endMs: offsetAt(zone, endMs - 1) === offset ? endMs : leapWithin(zone, atMs, endMs - 1),
  };
}

/** The first instant with the later offset, in (fromMs, toMs], when the clocks are set once in between. */
function leapWithin(zone: string, fromMs: number, toMs: number): number {
  const before = offsetAt(zone, fromMs);
  let [low, high] = [fromMs, toMs];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(zone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

/** What clocks in the zone are ahead of UTC, in milliseconds. */
function offsetAt(zone: string, atMs: number): number {
  const { year, month, day, hour, minute, second } = dateAt(zone, atMs);
  return Date.UTC(year, month, day, hour, minute, second) - Math.floor(atMs / 1000) * 1000;
}

interface LocalTime {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
}

function dateAt(zone: string, atMs: number): LocalTime {
  const figures = new Map(
    formatOf(zone)
      .formatToParts(atMs)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const figure = (type: Intl.DateTimeFormatPartTypes) => figures.get(type) ?? 0;
  return {
    year: figure('year'),
    month: figure('month') - 1,
    day: figure('day'),
    hour: figure('hour'),
    minute: figure('minute'),
    second: figure('second'),
  };
}

/** Formats are dear to make; there are as many as zones in the configuration. */
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    formats.set(zone, format);
  }
  return format;
}
