import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { type Database, insert, type Steps } from './database.ts';
import { exchangeColumns, exchangeValues, readExchange } from './exchange-columns.ts';

/** Adds rows to the log. One whose id is there already is left as it is. */
export function* addExchanges(rows: readonly ExchangeRow[]): Steps<void> {
  yield* insert({
    table: 'exchange_log',
    columns: exchangeColumns,
    rows: rows.map(exchangeValues),
    tail: 'ON CONFLICT DO NOTHING',
  });
}

/** The latest first, at most `limit`, older than the id `before` when given. */
export async function recentExchanges(
  database: Database,
  { limit, before }: { limit: number; before?: string },
): Promise<ExchangeRow[]> {
  return database.compose(async (db) => {
    let query = db.selectFrom('exchange_log').select(exchangeColumns).orderBy('id', 'desc').limit(limit);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()).map(readExchange);
  });
}

export async function exchangeOf(database: Database, id: string): Promise<ExchangeRow | undefined> {
  return database.compose(async (db) => {
    const query = db.selectFrom('exchange_log').select(exchangeColumns).where('id', '=', id);
    const found = await query.executeTakeFirst();
    return found === undefined ? undefined : readExchange(found);
  });
}
