import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite';
import { join } from 'node:path';
import { type Compilable, Kysely } from 'kysely';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { bunSqliteDialect } from './bun-sqlite-dialect.ts';
import { attemptColumns, attemptValues, exchangeColumns, exchangeValues, readExchange } from './exchange-columns.ts';
import { migrate } from './migrate.ts';
import { closeSqliteFile, openSqliteFile, stopWaiting, storeError } from './sqlite-file.ts';
import type { ExchangeCursor, Store } from './store.ts';
import type { AttemptColumns, ExchangeColumns, Tables } from './tables.ts';

/**
 * Opens the store in `dataDir`, making it when it is not there, and brings its schema up to date.
 *
 * @throws StoreError saying what is wrong with the file or the directory.
 */
export async function openStore(options: { dataDir: string }): Promise<Store> {
  const path = join(options.dataDir, 'turnpike.db');
  const database = await openSqliteFile(options.dataDir);
  try {
    const db = new Kysely<Tables>({ dialect: bunSqliteDialect(database) });
    migrate(database, db, path);
    stopWaiting(database);
    return new SqliteStore(database, db, path);
  } catch (error) {
    database.close();
    throw storeError(error, path);
  }
}

class SqliteStore implements Store {
  readonly #database: Database;
  readonly #db: Kysely<Tables>;
  readonly #path: string;
  readonly #writeAll: (rows: readonly ExchangeRow[]) => void;

  constructor(database: Database, db: Kysely<Tables>, path: string) {
    this.#database = database;
    this.#db = db;
    this.#path = path;
    this.#writeAll = exchangeWriter(database, db);
  }

  async writeExchanges(rows: readonly ExchangeRow[]): Promise<void> {
    if (rows.length === 0) return;
    try {
      this.#writeAll(rows);
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  async recentExchanges(page: { limit: number; before?: ExchangeCursor }): Promise<ExchangeRow[]> {
    const limit = Math.min(Math.max(Math.trunc(page.limit), 1), 1_000);
    let query = this.#db
      .selectFrom('exchange_log')
      .selectAll()
      .orderBy('started_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    const { before } = page;
    if (before !== undefined) {
      query = query.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('started_at_ms', 'id'), '<', tuple(before.startedAtMs, before.id)),
      );
    }
    return this.#withAttempts(await query.execute());
  }

  async exchange(id: string): Promise<ExchangeRow | undefined> {
    const found = await this.#db.selectFrom('exchange_log').selectAll().where('id', '=', id).execute();
    const [row] = await this.#withAttempts(found);
    return row;
  }

  async readMeta(name: string): Promise<string | undefined> {
    const row = await this.#db.selectFrom('meta').select('value').where('name', '=', name).executeTakeFirst();
    return row?.value;
  }

  async writeMeta(name: string, value: string): Promise<void> {
    try {
      await this.#db
        .insertInto('meta')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
        .execute();
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  async close(): Promise<void> {
    closeSqliteFile(this.#database);
  }

  async #withAttempts(exchanges: readonly ExchangeColumns[]): Promise<ExchangeRow[]> {
    if (exchanges.length === 0) return [];
    const ids = exchanges.map((exchange) => exchange.id);
    const found = await this.#db
      .selectFrom('attempt_log')
      .selectAll()
      .where('exchange_id', 'in', ids)
      .orderBy('number')
      .execute();
    const byExchange = new Map<string, AttemptColumns[]>();
    for (const attempt of found) {
      const list = byExchange.get(attempt.exchange_id);
      if (list === undefined) byExchange.set(attempt.exchange_id, [attempt]);
      else list.push(attempt);
    }
    return exchanges.map((exchange) => readExchange(exchange, byExchange.get(exchange.id) ?? []));
  }
}

/**
 * The writing side, compiled once: building and compiling a query of five hundred rows anew for each batch would cost
 * more than SQLite takes to write it.
 */
function exchangeWriter(database: Database, db: Kysely<Tables>): (rows: readonly ExchangeRow[]) => void {
  const exchange = cachedInsert(database, insertOf(db, 'exchange_log', exchangeColumns));
  const attempt = cachedInsert(database, insertOf(db, 'attempt_log', attemptColumns));
  const writeAll = database.transaction((rows: readonly ExchangeRow[]) => {
    for (const row of rows) {
      exchange.run(...exchangeValues(row));
      for (const one of row.attempts) attempt.run(...attemptValues(row, one));
    }
  });
  return (rows) => writeAll.immediate(rows);
}

function insertOf(db: Kysely<Tables>, table: 'exchange_log' | 'attempt_log', columns: readonly string[]): Compilable {
  const placeholders = Object.fromEntries(columns.map((column) => [column, '']));
  // The values here only name the columns: the statement is run with others.
  return db
    .insertInto(table)
    .values(placeholders as never)
    .onConflict((conflict) => conflict.doNothing());
}

function cachedInsert(database: Database, insert: Compilable): Statement<unknown, SQLQueryBindings[]> {
  return database.query<unknown, SQLQueryBindings[]>(insert.compile().sql);
}
