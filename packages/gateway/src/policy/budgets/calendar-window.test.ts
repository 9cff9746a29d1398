import { describe, expect, test } from 'bun:test';
import type { CalendarUnit } from '../../config/budget-rule.ts';
import { calendarWindow } from './calendar-window.ts';

function window(unit: CalendarUnit, zone: string, at: string): [string, string] {
  const { startMs, endMs } = calendarWindow(unit, zone, Date.parse(at));
  return [new Date(startMs).toISOString(), new Date(endMs).toISOString()];
}

describe('calendar windows', () => {
  test('months end where they end: 31 January, 29 February, November, December (peer defect B5)', () => {
    expect(window('month', 'UTC', '2027-01-31T23:59:59.999Z')).toEqual([
      '2027-01-01T00:00:00.000Z',
      '2027-02-01T00:00:00.000Z',
    ]);
    expect(window('month', 'UTC', '2028-02-29T12:00:00Z')).toEqual([
      '2028-02-01T00:00:00.000Z',
      '2028-03-01T00:00:00.000Z',
    ]);
    expect(window('month', 'UTC', '2026-11-30T00:00:00Z')[1]).toBe('2026-12-01T00:00:00.000Z');
    expect(window('month', 'UTC', '2026-12-31T23:00:00Z')[1]).toBe('2027-01-01T00:00:00.000Z');
  });

  test('a month in a zone begins at its own midnight', () => {
    expect(window('month', 'America/New_York', '2026-03-01T04:59:59Z')).toEqual([
      '2026-02-01T05:00:00.000Z',
      '2026-03-01T05:00:00.000Z',
    ]);
    // It ends in summer time.
    expect(window('month', 'America/New_York', '2026-03-01T05:00:00Z')[1]).toBe('2026-04-01T04:00:00.000Z');
  });

  test('weeks begin on Monday', () => {
    expect(window('week', 'UTC', '2026-11-22T23:59:59Z')).toEqual([
      '2026-11-16T00:00:00.000Z',
      '2026-11-23T00:00:00.000Z',
    ]);
    expect(window('week', 'UTC', '2026-11-23T00:00:00Z')[0]).toBe('2026-11-23T00:00:00.000Z');
  });

  test('a day is 23 hours in spring and 25 in autumn', () => {
    expect(window('day', 'Europe/Berlin', '2026-03-29T10:00:00Z')).toEqual([
      '2026-03-28T23:00:00.000Z',
      '2026-03-29T22:00:00.000Z',
    ]);
    expect(window('day', 'Europe/Berlin', '2026-10-25T10:00:00Z')).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
  });

  test('a midnight that does not exist is the instant of the leap; one that comes twice is the first', () => {
    // Beirut leaps from 00:00 to 01:00 on 29 March 2026.
    expect(window('day', 'Asia/Beirut', '2026-03-29T12:00:00Z')).toEqual([
      '2026-03-28T22:00:00.000Z',
      '2026-03-29T21:00:00.000Z',
    ]);
    // Havana goes back from 01:00 to 00:00 on 1 November 2026.
    expect(window('day', 'America/Havana', '2026-11-01T12:00:00Z')[0]).toBe('2026-11-01T04:00:00.000Z');
  });

  test('an hour on a clock that is set by half an hour', () => {
    // Lord Howe goes from 02:00 to 02:30 on 4 October 2026, at 15:30 UTC of the day before.
    expect(window('hour', 'Australia/Lord_Howe', '2026-10-03T15:45:00Z')).toEqual([
      '2026-10-03T15:30:00.000Z',
      '2026-10-03T16:00:00.000Z',
    ]);
  });

  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'America/Havana',
    'Asia/Beirut',
    'Asia/Kathmandu',
    'Australia/Lord_Howe',
    'Pacific/Apia',
    'Pacific/Chatham',
  ];
  test.each(zones)('windows follow each other without gap or overlap: %s', (zone) => {
    for (const unit of ['hour', 'day', 'week', 'month'] as const) {
      const fromMs = Date.parse(unit === 'hour' ? '2026-03-27T00:00:00Z' : '2025-12-20T00:00:00Z');
      const untilMs = fromMs + (unit === 'hour' ? 9 : 430) * 86_400_000;
      let last = calendarWindow(unit, zone, fromMs);
      while (last.endMs < untilMs) {
        const next = calendarWindow(unit, zone, last.endMs);
        expect(next.startMs).toBe(last.endMs);
        expect(next.endMs).toBeGreaterThan(next.startMs);
        // The last instant belongs to the same window as the first.
        expect(calendarWindow(unit, zone, next.endMs - 1)).toEqual(next);
        last = next;
      }
    }
  });
});
