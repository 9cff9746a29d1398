import type { AdminHouse } from '../../admin/admin-context.ts';
import type { BudgetPeriod } from '../../config/budget-rule.ts';
import { calendarWindow } from '../../policy/budgets/calendar-window.ts';
import { nowMs } from '../../runtime/clock.ts';
import { dollars } from '../dollars.ts';
import { standingOf } from '../standing.ts';

const RESETS = { hour: 'hourly', day: 'daily', week: 'weekly', month: 'monthly' } as const;

/** OpenRouter's word for when a limit is full again; null for never. It has none for rolling windows: theirs are told. */
function resetOf(period: BudgetPeriod): string | null {
  if (period.type === 'lifetime') return null;
  return period.type === 'calendar' ? RESETS[period.unit] : `rolling ${period.lengthMs / 60_000}m`;
}

/** What keys spent, and what their limits leave, in OpenRouter's fields; by the name of the key. */
export async function keyFigures(
  house: AdminHouse,
  names: readonly string[],
): Promise<ReadonlyMap<string, Record<string, unknown>>> {
  await house.flushLogs();
  const atMs = nowMs();
  const starts = (['day', 'week', 'month'] as const).map((unit) => calendarWindow(unit, 'UTC', atMs).startMs);
  const scopes = names.map((name) => `key:${name}`);
  const spent = await house.store.spendByDays(scopes, [0, ...starts]);
  const billed = await house.store.spendByDays(scopes, [0, ...starts], 'own');
  const standings = await Promise.all(names.map((id) => standingOf(house.budgets, { type: 'key', id })));
  return new Map(
    names.map((name, at) => {
      const [total = 0n, daily = 0n, weekly = 0n, monthly = 0n] = spent.get(`key:${name}`) ?? [];
      const [own = 0n, ownDaily = 0n, ownWeekly = 0n, ownMonthly = 0n] = billed.get(`key:${name}`) ?? [];
      const standing = standings[at];
      return [
        name,
        {
          limit: standing === undefined ? null : dollars(standing.limitNanoUsd),
          limit_remaining: standing === undefined ? null : dollars(standing.leftNanoUsd),
          limit_reset: standing === undefined ? null : resetOf(standing.period),
          include_byok_in_limit: house.snapshot().byokCounts,
          usage: dollars(total),
          usage_daily: dollars(daily),
          usage_weekly: dollars(weekly),
          usage_monthly: dollars(monthly),
          byok_usage: dollars(own),
          byok_usage_daily: dollars(ownDaily),
          byok_usage_weekly: dollars(ownWeekly),
          byok_usage_monthly: dollars(ownMonthly),
        },
      ];
    }),
  );
}

export function isoOf(timeMs: number | undefined): string | null {
  return timeMs === undefined ? null : new Date(timeMs).toISOString();
}
