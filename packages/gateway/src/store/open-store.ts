import type { Database, SQLQueryBindings, Statement } from 'bun:sqlite';
import { join } from 'node:path';
import { type Compilable, Kysely } from 'kysely';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { bunSqliteDialect } from './bun-sqlite-dialect.ts';
import { exchangeColumns, exchangeValues, readExchange } from './exchange-columns.ts';
import { migrate } from './migrate.ts';
import { closeSqliteFile, openSqliteFile, stopWaiting, storeError } from './sqlite-file.ts';
import type { Store } from './store.ts';
import type { Tables } from './tables.ts';

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

  async recentExchanges(page: { limit: number; before?: string }): Promise<ExchangeRow[]> {
    const limit = Math.min(Math.max(Math.trunc(page.limit), 1), 1_000);
    let query = this.#db.selectFrom('exchange_log').selectAll().orderBy('id', 'desc').limit(limit);
    if (page.before !== undefined) query = query.where('id', '<', page.before);
    return (await query.execute()).map(readExchange);
  }

  async exchange(id: string): Promise<ExchangeRow | undefined> {
    const found = await this.#db.selectFrom('exchange_log').selectAll().where('id', '=', id).executeTakeFirst();
    return found === undefined ? undefined : readExchange(found);
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
}

/**
 * The writing side, compiled once: building and compiling a query of five hundred rows anew for each batch would cost
 * more than SQLite takes to write it.
 */
function exchangeWriter(database: Database, db: Kysely<Tables>): (rows: readonly ExchangeRow[]) => void {
  const exchange = cachedInsert(database, insertInto(db));
  const writeAll = database.transaction((rows: readonly ExchangeRow[]) => {
    for (const row of rows) exchange.run(...exchangeValues(row));
  });
  return (rows) => writeAll.immediate(rows);
}

function insertInto(db: Kysely<Tables>): Compilable {
  const placeholders = Object.fromEntries(exchangeColumns.map((column) => [column, '']));
  // The values here only name the columns: the statement is run with others.
  return db
    .insertInto('exchange_log')
    .values(placeholders as never)
    .onConflict((conflict) => conflict.doNothing());
}

function cachedInsert(database: Database, insert: Compilable): Statement<unknown, SQLQueryBindings[]> {
  return database.query<unknown, SQLQueryBindings[]>(insert.compile().sql);
}
