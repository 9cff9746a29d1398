import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** What goes into a column and comes out of it. Integers of 64 bits come out as `bigint`, shorter ones as either. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** Rows that are all of one table, with values in the order of `columns`. */
export interface Insert {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly SqlValue[])[];
  /** What follows the values: `ON CONFLICT DO NOTHING` and the like. */
  readonly tail?: string;
  /** Of the rows that went in, these of `columns` come back, as they were given. */
  readonly returning?: readonly string[];
}

/** One thing a transaction asks of the database; the answer is the rows it gives back. */
export type Step =
  | { readonly type: 'query'; readonly sql: string; readonly values: readonly SqlValue[] }
  | { readonly type: 'insert'; readonly insert: Insert };

/**
 * The body of a transaction, written once for both databases: SQLite walks it in one go, so that nothing else in the
 * process comes between; PostgreSQL waits after each step. It may be walked anew after a failure, so it changes nothing
 * but the database.
 */
export type Steps<T> = Generator<Step, T, readonly unknown[]>;

/** One statement. Its values stand as `?`, in order. `Row` names the columns that are selected or returned, by name. */
export function* query<Row>(sql: string, values: readonly SqlValue[] = []): Steps<readonly Row[]> {
  return (yield { type: 'query', sql, values }) as readonly Row[];
}

/**
 * Any number of rows into one table. Rows that came in as one batch must not meet each other in an
 * `ON CONFLICT … DO UPDATE`: PostgreSQL refuses to change a row twice in one statement.
 */
export function* insert<Row>(what: Insert): Steps<readonly Row[]> {
  if (what.rows.length === 0) return [];
  return (yield { type: 'insert', insert: what }) as readonly Row[];
}

/** A column of a table as it stands in the database. */
export interface ColumnShape {
  name: string;
  kind: 'text' | 'integer' | 'real' | 'bytes';
  /** 1 for the first column of the primary key and so on; 0 for a column that is not in it. */
  keyPlace: number;
}

/**
 * A database with a schema of ours, as the store's own files see it. Every method throws a StoreError when the database
 * refuses or is gone.
 */
export interface Database {
  readonly kind: 'sqlite' | 'postgres';
  /** The file or address, for people: it never holds a password. */
  readonly label: string;
  /** One statement on its own, its values as `?`. Columns are named, never `*`: a later version may add some. */
  rows<Row>(sql: string, values?: readonly SqlValue[]): Promise<readonly Row[]>;
  /**
   * All steps, or none and an error. With `isPatient` it may take as long as it takes, others included: for migrations.
   */
  transact<T>(steps: () => Steps<T>, options?: { isPatient?: boolean }): Promise<T>;
  /** A query that is composed with Kysely, which is loaded by the first of them and takes some 10 MB. Reading only. */
  compose<T>(run: (db: Kysely<Tables>) => Promise<T>): Promise<T>;
  /**
   * One transaction that waits for other things in between. For the command line alone: on SQLite anything else that the
   * process asks meanwhile gets into it. With `read` it sees the moment of its beginning and changes nothing.
   */
  session<T>(mode: 'read' | 'write', work: (run: SessionRun) => Promise<T>): Promise<T>;
  readonly schema: SchemaWords;
  /** To be called once; nothing may be called afterwards. */
  close(): Promise<void>;
}

export type SessionRun = <T>(steps: Steps<T>) => Promise<T>;

/** Where the databases differ in speaking of their own schema. */
export interface SchemaWords {
  /** Keeps others from changing the schema until the transaction ends. */
  lock(): Steps<void>;
  /** Tables of ours or of anyone else's, in the place where ours would be. */
  tables(): Steps<readonly string[]>;
  /** In the order in which they were made. */
  columns(table: string): Steps<readonly ColumnShape[]>;
  /** A statement of `migrations.ts` as this database wants it. */
  statement(sql: string): string;
}
