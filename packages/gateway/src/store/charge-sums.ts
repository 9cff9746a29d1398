import type { Database } from './database.ts';
import { scopesOfKind } from './ledger-table.ts';
import type { ChargeQuery, LedgerCharge } from './store.ts';

interface ChargeColumns {
  scope: string;
  entries: bigint | number | string;
  unpriced: bigint | number | string;
  cost: bigint | number | string;
  uplift: bigint | number | string;
}

/** Nothing there sums up to NULL, and sums of PostgreSQL are no integers by themselves. */
const SUMS = ['entries', 'unpriced', 'cost_nano_usd AS cost', 'uplift_nano_usd AS uplift']
  .map((sum) => sum.split(' AS '))
  .map(([column = '', name = column]) => `CAST(COALESCE(SUM(${column}), 0) AS bigint) AS ${name}`)
  .join(', ');
const WITHIN = 'scope >= ? AND scope < ? AND period = ? AND start_ms >= ? AND start_ms < ?';

/** What each scope of a kind cost and is charged, from the sums alone. */
export async function ledgerCharges(
  database: Database,
  ask: ChargeQuery & { limit: number; after?: string | undefined },
): Promise<LedgerCharge[]> {
  const rows = await database.rows<ChargeColumns>(
    `SELECT scope, ${SUMS} FROM ledger_rollup WHERE ${WITHIN} AND scope > ? GROUP BY scope ORDER BY scope LIMIT ${ask.limit}`,
    [...within(ask), ask.after ?? ''],
  );
  return rows.map(chargeOf);
}

export async function ledgerChargeTotal(database: Database, ask: ChargeQuery): Promise<LedgerCharge> {
  const [row] = await database.rows<ChargeColumns>(
    `SELECT '' AS scope, ${SUMS} FROM ledger_rollup WHERE ${WITHIN}`,
    within(ask),
  );
  if (row === undefined) throw new Error('A sum without a row.');
  return chargeOf(row);
}

function within({ by, period, fromMs, toMs }: ChargeQuery): (string | number)[] {
  return [...scopesOfKind(by), period, fromMs, toMs];
}

function chargeOf({ scope, entries, unpriced, cost, uplift }: ChargeColumns): LedgerCharge {
  return {
    scope,
    entries: Number(entries),
    unpriced: Number(unpriced),
    costNanoUsd: BigInt(cost),
    upliftNanoUsd: BigInt(uplift),
  };
}
