import type { Database } from './database.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Scopes asked for in one statement. */
const SCOPES_MAX = 400;

/**
 * Nano-USD that scopes spent within [from, to), by scope; those that spent nothing are absent. Whole days and hours come
 * from the sums. An hour that the bounds cut is read entry by entry, once for all scopes: it may hold very many.
 */
export async function spendOf(
  database: Database,
  scopes: readonly string[],
  fromMs: number,
  toMs: number,
): Promise<Map<string, bigint>> {
  const spent = new Map<string, bigint>();
  const hours = within(fromMs, toMs, HOUR_MS);
  const days = within(hours.from, hours.to, DAY_MS);
  const parts = [
    { period: 'hour', from: hours.from, to: days.from },
    { period: 'day', ...days },
    { period: 'hour', from: days.to, to: hours.to },
  ].filter(({ from, to }) => from < to);
  for (let at = 0; parts.length > 0 && at < scopes.length; at += SCOPES_MAX) {
    const some = scopes.slice(at, at + SCOPES_MAX);
    const selects = parts.map(
      () => `SELECT scope, cost_nano_usd AS cost FROM ledger_rollup
             WHERE scope IN (${some.map(() => '?').join(', ')}) AND period = ? AND start_ms >= ? AND start_ms < ?`,
    );
    const rows = await database.rows<{ scope: string; spent: bigint | number | string }>(
      `SELECT scope, CAST(SUM(cost) AS bigint) AS spent FROM (${selects.join(' UNION ALL ')}) AS parts GROUP BY scope`,
      parts.flatMap(({ period, from, to }) => [...some, period, from, to]),
    );
    for (const row of rows) add(spent, row.scope, BigInt(row.spent));
  }
  for (const [from, to] of [
    [fromMs, Math.min(hours.from, toMs)],
    [Math.max(hours.to, fromMs), toMs],
  ] as const) {
    if (from < to) await addEntries(database, spent, new Set(scopes), from, to);
  }
  return spent;
}

async function addEntries(
  database: Database,
  spent: Map<string, bigint>,
  wanted: ReadonlySet<string>,
  fromMs: number,
  toMs: number,
): Promise<void> {
  const rows = await database.rows<{ scopes: string; spent: bigint | number | string | null }>(
    `SELECT scopes, CAST(SUM(cost_nano_usd) AS bigint) AS spent FROM ledger_entry
     WHERE at_ms >= ? AND at_ms < ? GROUP BY scopes`,
    [fromMs, toMs],
  );
  for (const row of rows) {
    for (const scope of JSON.parse(row.scopes) as string[]) {
      if (wanted.has(scope)) add(spent, scope, BigInt(row.spent ?? 0));
    }
  }
}

function add(spent: Map<string, bigint>, scope: string, nanoUsd: bigint): void {
  spent.set(scope, (spent.get(scope) ?? 0n) + nanoUsd);
}

/** The whole units inside [from, to); where there is none, an empty stretch at its end. */
function within(from: number, to: number, unitMs: number): { from: number; to: number } {
  const whole = { from: Math.ceil(from / unitMs) * unitMs, to: Math.floor(to / unitMs) * unitMs };
  return whole.from < whole.to ? whole : { from: to, to };
}
