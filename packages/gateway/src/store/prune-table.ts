import { firstExchangeIdAt } from '../runtime/exchange-id.ts';
import { type Database, query } from './database.ts';
import type { PrunedDetail } from './store.ts';

const PRUNED = 'ledger_pruned';

/**
 * Deletes the earliest attempts within [fromMs, toMs), at most `limit`. What was entered by hand stays.
 *
 * @returns how many, and when the last of them began.
 */
export async function pruneLedger(
  database: Database,
  fromMs: number,
  toMs: number,
  limit: number,
): Promise<{ deleted: number; lastMs: number }> {
  const rows = await database.rows<{ at_ms: number | bigint }>(
    `DELETE FROM ledger_entry WHERE id IN (
      SELECT id FROM ledger_entry WHERE kind = 'attempt' AND at_ms >= ? AND at_ms < ? ORDER BY at_ms, id LIMIT ${limit}
    ) RETURNING at_ms`,
    [fromMs, toMs],
  );
  return { deleted: rows.length, lastMs: rows.reduce((last, { at_ms: atMs }) => Math.max(last, Number(atMs)), fromMs) };
}

/** How many attempts {@link pruneLedger} would delete within [fromMs, toMs). */
export async function countAttempts(database: Database, fromMs: number, toMs: number): Promise<number> {
  const [row] = await database.rows<{ count: number | bigint | string }>(
    "SELECT COUNT(*) AS count FROM ledger_entry WHERE kind = 'attempt' AND at_ms >= ? AND at_ms < ?",
    [fromMs, toMs],
  );
  return Number(row?.count ?? 0);
}

/** Deletes the earliest exchanges of the log that started before an instant, at most `limit`. @returns how many. */
export async function pruneExchanges(database: Database, beforeMs: number, limit: number): Promise<number> {
  const rows = await database.rows(
    `DELETE FROM exchange_log WHERE id IN (SELECT id FROM exchange_log WHERE id < ? ORDER BY id LIMIT ${limit}) RETURNING id`,
    [firstExchangeIdAt(beforeMs)],
  );
  return rows.length;
}

export async function countExchanges(database: Database, fromMs: number, toMs: number): Promise<number> {
  const [row] = await database.rows<{ count: number | bigint | string }>(
    'SELECT COUNT(*) AS count FROM exchange_log WHERE id >= ? AND id < ?',
    [firstExchangeIdAt(fromMs), firstExchangeIdAt(toMs)],
  );
  return Number(row?.count ?? 0);
}

/** When the first attempt of the ledger began, and the first exchange of the log; undefined where there is none. */
export async function oldestDetail(
  database: Database,
): Promise<{ attemptMs: number | undefined; exchangeMs: number | undefined }> {
  const [entry] = await database.rows<{ at_ms: number | bigint }>(
    "SELECT at_ms FROM ledger_entry WHERE kind = 'attempt' ORDER BY at_ms, id LIMIT 1",
  );
  const [exchange] = await database.rows<{ started_at_ms: number | bigint }>(
    'SELECT started_at_ms FROM exchange_log ORDER BY id LIMIT 1',
  );
  return {
    attemptMs: entry && Number(entry.at_ms),
    exchangeMs: exchange && Number(exchange.started_at_ms),
  };
}

export async function prunedDetail(database: Database): Promise<PrunedDetail | undefined> {
  const [row] = await database.rows<{ value: string }>('SELECT value FROM meta WHERE name = ?', [PRUNED]);
  return row === undefined ? undefined : (JSON.parse(row.value) as PrunedDetail);
}

/** Notes what is about to be deleted, beside what was before: an hour that was not kept once is not whole again. */
export async function notePruned(database: Database, { beforeMs, keptHoursMs }: PrunedDetail): Promise<void> {
  await database.transact(function* () {
    const [row] = yield* query<{ value: string }>('SELECT value FROM meta WHERE name = ?', [PRUNED]);
    const earlier = row === undefined ? undefined : (JSON.parse(row.value) as PrunedDetail);
    const isWhole = (hourMs: number) =>
      earlier === undefined || hourMs >= earlier.beforeMs || earlier.keptHoursMs.includes(hourMs);
    const value: PrunedDetail = {
      beforeMs: Math.max(beforeMs, earlier?.beforeMs ?? 0),
      keptHoursMs: keptHoursMs.filter(isWhole),
    };
    yield* query(
      'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      [PRUNED, JSON.stringify(value)],
    );
  });
}
