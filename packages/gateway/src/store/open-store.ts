import type { Database, SQLQueryBindings } from 'bun:sqlite';
import { join } from 'node:path';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';
import { exchangeColumns, exchangeValues } from './exchange-columns.ts';
import type { ExchangeReader } from './exchange-reader.ts';
import { migrate } from './migrate.ts';
import { SqlRecords, type SqlRunner, type SqlValue } from './records.ts';
import { closeSqliteFile, openSqliteFile, stopWaiting, storeError } from './sqlite-file.ts';
import type { Store } from './store.ts';

/**
 * Opens the store in `dataDir`, making it when it is not there, and brings its schema up to date.
 *
 * @throws StoreError saying what is wrong with the file or the directory.
 */
export async function openStore(options: { dataDir: string }): Promise<Store> {
  const path = join(options.dataDir, 'turnpike.db');
  const database = await openSqliteFile(options.dataDir);
  try {
    migrate(database, path);
    stopWaiting(database);
    return new SqliteStore(database, path);
  } catch (error) {
    database.close();
    throw storeError(error, path);
  }
}

class SqliteStore implements Store {
  readonly records: SqlRecords;
  readonly #database: Database;
  readonly #path: string;
  readonly #writeAll: (rows: readonly ExchangeRow[]) => void;
  #exchangeReader: Promise<ExchangeReader> | undefined;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#writeAll = exchangeWriter(database);
    this.records = new SqlRecords(sqlRunner(database, path));
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
    return (await this.#reader()).recent({ ...page, limit });
  }

  async exchange(id: string): Promise<ExchangeRow | undefined> {
    return (await this.#reader()).one(id);
  }

  async readMeta(name: string): Promise<string | undefined> {
    const query = this.#database.query<{ value: string }, [string]>('SELECT value FROM meta WHERE name = ?');
    return query.get(name)?.value;
  }

  async writeMeta(name: string, value: string): Promise<void> {
    try {
      this.#database
        .query('INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2')
        .run(name, value);
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  async close(): Promise<void> {
    closeSqliteFile(this.#database);
  }

  /** Loaded by the first who reads: Kysely's three hundred modules take 10 MB, which mere traffic does without. */
  #reader(): Promise<ExchangeReader> {
    this.#exchangeReader ??= import('./exchange-reader.ts').then(
      ({ ExchangeReader }) => new ExchangeReader(this.#database),
    );
    return this.#exchangeReader;
  }
}

/** The writing side: one statement, prepared once, for each row of a batch. */
function exchangeWriter(database: Database): (rows: readonly ExchangeRow[]) => void {
  const columns = exchangeColumns.join(', ');
  const places = exchangeColumns.map(() => '?').join(', ');
  const exchange = database.query<unknown, SQLQueryBindings[]>(
    `INSERT INTO exchange_log (${columns}) VALUES (${places}) ON CONFLICT DO NOTHING`,
  );
  const writeAll = database.transaction((rows: readonly ExchangeRow[]) => {
    for (const row of rows) exchange.run(...exchangeValues(row));
  });
  return (rows) => writeAll.immediate(rows);
}

/** Each transaction runs in one go, so that no row of the log can get into it. */
function sqlRunner(database: Database, path: string): SqlRunner {
  const runAll = database.transaction((statements: Parameters<SqlRunner['atomically']>[0]) => {
    for (const { sql, values } of statements) database.query(sql).run(...values);
  });
  return {
    async rows({ sql, values }) {
      try {
        return database.query<Record<string, SqlValue>, SQLQueryBindings[]>(sql).all(...values);
      } catch (error) {
        throw storeError(error, path);
      }
    },
    async atomically(statements) {
      try {
        runAll.immediate(statements);
      } catch (error) {
        throw storeError(error, path);
      }
    },
  };
}
