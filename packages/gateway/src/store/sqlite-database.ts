import type { Database as BunDatabase, SQLQueryBindings } from 'bun:sqlite';
import type { Kysely } from 'kysely';
import {
  type ColumnShape,
  type Database,
  query,
  type SchemaWords,
  type SessionRun,
  type SqlValue,
  type Step,
  type Steps,
} from './database.ts';
import { closeSqliteFile, storeError, waitingLonger } from './sqlite-file.ts';
import type { Tables } from './tables.ts';

/** The embedded database. Everything happens within the call; promises are only what the other database needs. */
export class SqliteDatabase implements Database {
  readonly kind = 'sqlite';
  readonly label: string;
  readonly schema: SchemaWords = sqliteSchema;
  readonly #database: BunDatabase;
  #kysely: Promise<Kysely<Tables>> | undefined;

  constructor(database: BunDatabase, path: string) {
    this.#database = database;
    this.label = path;
  }

  async rows<Row>(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return this.#guarded(() => this.#query(sql, values) as Row[]);
  }

  async transact<T>(steps: () => Steps<T>, { isPatient = false } = {}): Promise<T> {
    // Immediate: a transaction that begins by reading could not become a writing one when another process writes.
    const run = () => this.#database.transaction(() => this.#walk(steps())).immediate();
    return this.#guarded(() => (isPatient ? waitingLonger(this.#database, run) : run()));
  }

  async compose<T>(run: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    this.#kysely ??= loadKysely(this.#database);
    const db = await this.#kysely;
    try {
      return await run(db);
    } catch (error) {
      throw storeError(error, this.label);
    }
  }

  async session<T>(mode: 'read' | 'write', work: (run: SessionRun) => Promise<T>): Promise<T> {
    this.#guarded(() => this.#database.run(mode === 'read' ? 'BEGIN' : 'BEGIN IMMEDIATE'));
    try {
      const result = await work(async (steps) => this.#guarded(() => this.#walk(steps)));
      this.#guarded(() => this.#database.run('COMMIT'));
      return result;
    } catch (error) {
      // SQLite itself ends a transaction that ran into a full disk.
      if (this.#database.inTransaction) this.#database.run('ROLLBACK');
      throw error;
    }
  }

  async close(): Promise<void> {
    closeSqliteFile(this.#database);
  }

  #walk<T>(steps: Steps<T>): T {
    let next = steps.next();
    while (next.done !== true) next = steps.next(this.#answer(next.value));
    return next.value;
  }

  #answer(step: Step): unknown[] {
    if (step.type === 'query') return this.#query(step.sql, step.values);
    const { table, columns, rows, tail = '', returning = [] } = step.insert;
    const places = columns.map(() => '?').join(', ');
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places}) ${tail}`;
    const statement = this.#database.query<unknown, SQLQueryBindings[]>(sql);
    const returned: unknown[] = [];
    const returnedAt = returning.map((name) => [name, columns.indexOf(name)] as const);
    for (const row of rows) {
      // Whether it went in is known without asking for it back, which takes as long again.
      const { changes } = statement.run(...(row as SQLQueryBindings[]));
      if (changes > 0 && returning.length > 0) {
        returned.push(Object.fromEntries(returnedAt.map(([name, at]) => [name, row[at]])));
      }
    }
    return returned;
  }

  #query(sql: string, values: readonly SqlValue[]): unknown[] {
    return this.#database.query<unknown, SQLQueryBindings[]>(sql).all(...(values as SQLQueryBindings[]));
  }

  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw storeError(error, this.label);
    }
  }
}

async function loadKysely(database: BunDatabase): Promise<Kysely<Tables>> {
  const [{ Kysely }, { bunSqliteDialect }] = await Promise.all([import('kysely'), import('./bun-sqlite-dialect.ts')]);
  return new Kysely<Tables>({ dialect: bunSqliteDialect(database) });
}

const sqliteSchema: SchemaWords = {
  // Every transaction that is not only reading is alone.
  *lock() {},
  *tables() {
    const rows = yield* query<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
    );
    return rows.map(({ name }) => name);
  },
  *columns(table) {
    const rows = yield* query<{ name: string; type: string; pk: bigint }>(
      'SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid',
      [table],
    );
    return rows.map(({ name, type, pk }): ColumnShape => ({ name, kind: kindOf(type), keyPlace: Number(pk) }));
  },
  statement: (sql) => sql,
};

/** By SQLite's own rules of affinity, of which ours use the plain cases. */
function kindOf(type: string): ColumnShape['kind'] {
  const word = type.toLowerCase();
  if (word.includes('int')) return 'integer';
  if (word.includes('text')) return 'text';
  if (word.includes('double')) return 'real';
  return 'bytes';
}
