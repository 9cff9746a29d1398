import type { Database } from 'bun:sqlite';
import { Kysely } from 'kysely';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { bunSqliteDialect } from './bun-sqlite-dialect.ts';
import { readExchange } from './exchange-columns.ts';
import type { Tables } from './tables.ts';

/** The reading side of the log. Apart from the writing side because Kysely is loaded with it; see open-store.ts. */
export class ExchangeReader {
  readonly #db: Kysely<Tables>;

  /** The database stays the caller's to close. */
  constructor(database: Database) {
    this.#db = new Kysely<Tables>({ dialect: bunSqliteDialect(database) });
  }

  /** The latest first, at most `limit`, older than the id `before` when given. */
  async recent({ limit, before }: { limit: number; before?: string }): Promise<ExchangeRow[]> {
    let query = this.#db.selectFrom('exchange_log').selectAll().orderBy('id', 'desc').limit(limit);
    if (before !== undefined) query = query.where('id', '<', before);
    return (await query.execute()).map(readExchange);
  }

  async one(id: string): Promise<ExchangeRow | undefined> {
    const found = await this.#db.selectFrom('exchange_log').selectAll().where('id', '=', id).executeTakeFirst();
    return found === undefined ? undefined : readExchange(found);
  }
}
