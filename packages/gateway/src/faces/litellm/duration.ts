import { AdminFault } from '../../admin/admin-fault.ts';

const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;
const unitsMs: Readonly<Record<string, number>> = {
  s: SECOND_MS,
  m: 60 * SECOND_MS,
  min: 60 * SECOND_MS,
  h: 3_600 * SECOND_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
  mo: 30 * DAY_MS,
};
const form = /^([1-9][0-9]{0,7})(s|m|min|h|d|w|mo)$/;

/** Lengths at whose end LiteLLM's budgets turn with the calendar. */
const calendar: Readonly<Record<string, string>> = {
  '1h': 'hour',
  '60m': 'hour',
  '1d': 'day',
  '24h': 'day',
  '7d': 'week',
  '1w': 'week',
  '30d': 'month',
  '1mo': 'month',
};
const written: Readonly<Record<string, string>> = { hour: '1h', day: '1d', week: '7d', month: '30d' };

/** `30s`, `20m`, `30d`, `2w`, `1mo` (of 30 days) in milliseconds. @throws AdminFault `body_invalid` */
export function durationMs(field: string, text: string): number {
  const [, amount, unit = ''] = form.exec(text) ?? [];
  const unitMs = unitsMs[unit];
  if (amount === undefined || unitMs === undefined) throw badDuration(field);
  return Number(amount) * unitMs;
}

/**
 * When a budget of this duration is full again, in the words of our budgets: turns of the calendar where LiteLLM's own are
 * such, always the last so much for lengths between.
 *
 * @throws AdminFault `body_invalid`
 */
export function periodOfDuration(field: string, text: string): string {
  const turn = calendar[text];
  if (turn !== undefined) return turn;
  const [, amount, unit = ''] = form.exec(text) ?? [];
  if (amount === undefined) throw badDuration(field);
  if (unit === 'mo') {
    throw new AdminFault('body_invalid', {
      param: field,
      message: `${field} is not supported here with several months: 1mo turns on the first, other lengths are days such as 60d.`,
    });
  }
  if (unit === 'w') return `${Number(amount) * 7}d`;
  return `${amount}${unit === 'min' ? 'm' : unit}`;
}

/** As LiteLLM writes the period of a budget; null for one that is never full again. */
export function durationOfPeriod(per: string): string | null {
  return per === 'lifetime' ? null : (written[per] ?? per);
}

function badDuration(field: string): AdminFault {
  return new AdminFault('body_invalid', {
    param: field,
    message: `${field} must be a length such as 30s, 30m, 30h, 30d, 1w or 1mo.`,
  });
}
