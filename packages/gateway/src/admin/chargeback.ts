import * as z from 'zod/mini';
import { usd } from '../catalog/decimal.ts';
import { calendarWindow, type Stretch } from '../policy/budgets/calendar-window.ts';
import type { ChargeQuery, LedgerCharge } from '../store/store.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { pageQuery } from './entity-operations.ts';
import type { AdminOperation } from './operation.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const figures = {
  entries: z.int(),
  unpriced: z.int().check(z.describe('Entries whose cost is not known; it is missing in the sums.')),
  costUsd: z.string().check(z.describe('What the providers cost.')),
  upliftUsd: z.string().check(z.describe('What markups add.')),
  chargeUsd: z.string().check(z.describe('Cost and uplift: what is charged.')),
  costNanoUsd: z.string(),
  upliftNanoUsd: z.string(),
  chargeNanoUsd: z.string(),
};

export const chargebackOperation: AdminOperation = {
  id: 'getChargeback',
  method: 'GET',
  path: '/ledger/chargeback',
  scope: 'ledger:read',
  isGlobal: true,
  summary:
    'Show what each team (or key, project and so on) is charged in a month, with what the providers cost beside it.',
  query: z.strictObject({
    ...pageQuery,
    cursor: z.optional(z.string().check(z.maxLength(1_024), z.describe('`nextCursor` of the page before.'))),
    month: z
      .string()
      .check(
        z.regex(/^[0-9]{4}-(0[1-9]|1[0-2])$/),
        z.describe('2026-11. A month under way holds what there is so far.'),
      ),
    zone: z
      ._default(z.string().check(z.maxLength(100)), 'UTC')
      .check(z.describe('Whose month, by the IANA name of a time zone.')),
    by: z
      ._default(z.enum(['team', 'organisation', 'project', 'key', 'user', 'service-account']), 'team')
      .check(z.describe('One line for each.')),
  }),
  status: 200,
  answer: z.object({
    fromMs: z.int(),
    toMs: z.int(),
    by: z.string(),
    data: z.array(z.object({ name: z.string(), ...figures })),
    unassigned: z.object(figures).check(z.describe('What counts against none of the kind.')),
    total: z.object(figures).check(z.describe('All lines and what is unassigned, to the nano-dollar.')),
    nextCursor: z.nullable(z.string()),
  }),
  run: chargeback,
};

async function chargeback({ house, query }: AdminContext): Promise<AdminAnswer> {
  const { by, limit, month, zone, cursor } = query as {
    by: string;
    limit: number;
    month: string;
    zone: string;
    cursor?: string;
  };
  const { startMs: fromMs, endMs: toMs } = monthOf(month, zone);
  const isDays = fromMs % DAY_MS === 0 && toMs % DAY_MS === 0;
  const within = { fromMs, toMs, period: isDays ? 'day' : 'hour' } satisfies Partial<ChargeQuery>;
  await house.flushLogs();
  const { store } = house;
  const lines = await store.ledgerCharges({ ...within, by, limit: limit + 1, after: cursor });
  const assigned = await store.ledgerChargeTotal({ ...within, by });
  const total = await store.ledgerChargeTotal({ ...within, by: 'all' });
  const page = lines.slice(0, limit);
  return {
    status: 200,
    body: {
      fromMs,
      toMs,
      by,
      data: page.map((line) => ({ name: line.scope.slice(by.length + 1), ...figuresOf(line) })),
      unassigned: figuresOf(without(total, assigned)),
      total: figuresOf(total),
      nextCursor: lines.length > limit ? (page.at(-1)?.scope ?? null) : null,
    },
  };
}

/** @throws AdminFault `body_invalid` */
function monthOf(month: string, zone: string): Stretch {
  const wrong = (message: string, hint: string) => new AdminFault('body_invalid', { param: 'zone', message, hint });
  let found: Stretch;
  try {
    // The middle of the month lies in it, whatever the zone.
    found = calendarWindow('month', zone, Date.parse(`${month}-15T00:00:00Z`));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw wrong(`There is no time zone "${zone}".`, 'Write an IANA name such as Europe/Berlin.');
  }
  if (found.startMs % HOUR_MS === 0 && found.endMs % HOUR_MS === 0) return found;
  throw wrong(
    `Months of ${zone} do not begin with an hour of UTC, and the ledger keeps its sums by those.`,
    'Use UTC, or sum up the entries of an export.',
  );
}

function without(total: LedgerCharge, part: LedgerCharge): LedgerCharge {
  return {
    scope: '',
    entries: total.entries - part.entries,
    unpriced: total.unpriced - part.unpriced,
    costNanoUsd: total.costNanoUsd - part.costNanoUsd,
    upliftNanoUsd: total.upliftNanoUsd - part.upliftNanoUsd,
  };
}

function figuresOf({ entries, unpriced, costNanoUsd, upliftNanoUsd }: LedgerCharge): Record<string, unknown> {
  const chargeNanoUsd = costNanoUsd + upliftNanoUsd;
  return {
    entries,
    unpriced,
    costUsd: usd(costNanoUsd),
    upliftUsd: usd(upliftNanoUsd),
    chargeUsd: usd(chargeNanoUsd),
    costNanoUsd: String(costNanoUsd),
    upliftNanoUsd: String(upliftNanoUsd),
    chargeNanoUsd: String(chargeNanoUsd),
  };
}
