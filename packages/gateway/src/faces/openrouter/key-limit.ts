import * as z from 'zod/mini';
import type { AdminContext } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { nanoUsdOfUsd } from '../../catalog/decimal.ts';
import type { LevelBudgetEntry } from '../../config/rule-schemas.ts';

const PERIODS = { daily: 'day', weekly: 'week', monthly: 'month' } as const;

/** What OpenRouter says of a limit, when a key is made or changed. */
export const limitFields = {
  limit: z.nullish(z.number()),
  limit_reset: z.nullish(z.enum(['daily', 'weekly', 'monthly'])),
  include_byok_in_limit: z.optional(z.boolean()),
};

/**
 * Whether limits count calls with credentials of the caller's own is set for all keys at once.
 *
 * @throws AdminFault `body_invalid`
 */
export function requireByokAsSet({ house, body }: AdminContext): void {
  const { byokCounts } = house.snapshot();
  if (body.include_byok_in_limit === undefined || body.include_byok_in_limit === byokCounts) return;
  throw new AdminFault('body_invalid', {
    param: 'include_byok_in_limit',
    message: `include_byok_in_limit must be ${byokCounts}: that is set for all keys at once.`,
    hint: 'Change byok.counts in the configuration.',
  });
}

/** What a budget may hold to be one OpenRouter has words for. */
const PLAIN = new Set(['amount', 'per', 'zone', 'unpriced', 'countsFromMs']);
const PLAIN_PERIODS: ReadonlySet<string> = new Set(['day', 'week', 'month', 'lifetime']);

/**
 * The budgets of a key once a limit is set, changed or (`null`) taken away. What is not given stays.
 *
 * @throws AdminFault `body_invalid`; `record_conflict` for budgets that OpenRouter's fields cannot tell.
 */
export function changedBudgets(
  before: readonly LevelBudgetEntry[],
  { limit, limit_reset }: Readonly<Record<string, unknown>>,
): readonly LevelBudgetEntry[] {
  const [present, ...others] = before;
  if (others.length > 0 || (present !== undefined && !isPlain(present))) {
    throw new AdminFault('record_conflict', {
      param: 'limit',
      message: 'This key has budgets that a limit and its reset cannot tell.',
      hint: 'Change them in the admin API.',
    });
  }
  const amount = limit === undefined ? present?.amount : limit;
  if (amount === undefined || amount === null) {
    if (typeof limit_reset !== 'string') return [];
    throw new AdminFault('body_invalid', {
      param: 'limit_reset',
      message: 'limit_reset means nothing without a limit.',
    });
  }
  if (nanoUsdOfUsd(amount as number | string) === undefined) {
    throw new AdminFault('body_invalid', {
      param: 'limit',
      message: 'limit must be an amount in US dollars, 0 or more, with at most nine decimals.',
    });
  }
  const per =
    limit_reset === undefined
      ? (present?.per ?? 'lifetime')
      : limit_reset === null
        ? 'lifetime'
        : PERIODS[limit_reset as keyof typeof PERIODS];
  const { zone: _, ...kept } = present ?? {};
  const zone = per === present?.per ? present.zone : undefined;
  return [{ ...kept, amount: amount as number | string, per, ...(zone !== undefined && { zone }) }];
}

function isPlain(budget: LevelBudgetEntry): boolean {
  const isKnown = Object.entries(budget).every(([field, value]) => value === undefined || PLAIN.has(field));
  return isKnown && PLAIN_PERIODS.has(budget.per);
}
