import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { type Database, insert, type Steps } from './database.ts';
import { exchangeColumns, exchangeValues, readExchange } from './exchange-columns.ts';
import type { ExchangeFilter } from './store.ts';

/** Adds rows to the log. One whose id is there already is left as it is. */
export function* addExchanges(rows: readonly ExchangeRow[]): Steps<void> {
  yield* insert({
    table: 'exchange_log',
    columns: exchangeColumns,
    rows: rows.toSorted(byId).map(exchangeValues),
    tail: 'ON CONFLICT DO NOTHING',
  });
}

/** The latest first, at most `limit`, older than the id `before` when given. */
export async function recentExchanges(
  database: Database,
  { limit, before, filter = {} }: { limit: number; before?: string; filter?: ExchangeFilter },
): Promise<ExchangeRow[]> {
  return database.compose(async (db) => {
    let query = db.selectFrom('exchange_log').select(exchangeColumns).orderBy('id', 'desc').limit(limit);
    if (before !== undefined) query = query.where('id', '<', before);
    const { keyName, model, provider, fault, status, sinceMs, untilMs } = filter;
    if (keyName !== undefined) query = query.where('key_name', '=', keyName);
    if (model !== undefined) query = query.where('model_asked', '=', model);
    if (provider !== undefined) query = query.where('provider', '=', provider);
    if (fault !== undefined) query = query.where('fault', '=', fault);
    if (status !== undefined) query = query.where('status', '=', status);
    if (sinceMs !== undefined) query = query.where('started_at_ms', '>=', sinceMs);
    if (untilMs !== undefined) query = query.where('started_at_ms', '<', untilMs);
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

/** The latest whose answer had the id: providers' ids are theirs, and may come twice. */
export async function exchangeAnswered(
  database: Database,
  responseId: string,
  keyName: string | undefined,
): Promise<ExchangeRow | undefined> {
  return database.compose(async (db) => {
    let query = db.selectFrom('exchange_log').select(exchangeColumns).where('response_id', '=', responseId);
    if (keyName !== undefined) query = query.where('key_name', '=', keyName);
    const found = await query.orderBy('id', 'desc').limit(1).executeTakeFirst();
    return found === undefined ? undefined : readExchange(found);
  });
}

/** Writers that share rows take them in one order, so that none waits for another that waits for it. */
function byId(a: ExchangeRow, b: ExchangeRow): number {
  return a.id < b.id ? -1 : 1;
}
