import {
  type ColumnShape,
  type Database,
  insert,
  query,
  type SessionRun,
  type SqlValue,
  type Steps,
} from '../database.ts';
import { SCHEMA_NEEDS, SCHEMA_VERSION } from '../migrate.ts';
import { migrations } from '../migrations.ts';
import { StoreError } from '../store.ts';

/** A table as both databases have it. */
export interface TableShape {
  readonly name: string;
  readonly columns: readonly ColumnShape[];
}

/** A row, its values in the order of the columns: integers as `bigint`, whichever database it is from. */
export type Row = readonly SqlValue[];

/** What a store consists of, piece by piece: each table, and after it its rows in the order of its key. */
export type Piece = { type: 'table'; table: TableShape } | { type: 'rows'; rows: readonly Row[] };

/** Rows held in memory at a time. */
const ROWS_MAX = 1_000;

/** Tables in the order in which migrations make them, as `version` of them leave them: what refers comes after what it refers to. */
export function tableNames(version: number): string[] {
  const made = migrations.slice(0, version).flatMap((statements) => statements.map(tableMade));
  return ['meta', ...made.filter((name) => name !== undefined)];
}

function tableMade(statement: string): string | undefined {
  return /^\s*CREATE TABLE (\w+)/.exec(statement)?.[1];
}

/** Everything in a store of this schema version, in the transaction of `run`. */
export async function* storePieces(database: Database, run: SessionRun, version: number): AsyncGenerator<Piece> {
  for (const name of tableNames(version)) {
    const table = { name, columns: await run(database.schema.columns(name)) };
    yield { type: 'table', table };
    let after: Row | undefined;
    do {
      const rows: readonly Row[] = await run(rowsAfter(table, after, ROWS_MAX));
      if (rows.length > 0) yield { type: 'rows', rows };
      after = rows.length < ROWS_MAX ? undefined : keyOf(table, rows.at(-1) ?? []);
    } while (after !== undefined);
  }
}

/** What is compared and copied in `meta` leaves out what says how far the schema is: each database says that for itself. */
const OWN_META = `name NOT IN ('${SCHEMA_VERSION}', '${SCHEMA_NEEDS}')`;

function* rowsAfter(table: TableShape, after: Row | undefined, limit: number): Steps<readonly Row[]> {
  const key = keyNames(table);
  const past = after === undefined ? '1 = 1' : `(${key}) > (${after.map(() => '?').join(', ')})`;
  return yield* rowsWhere(table, `${past} ORDER BY ${key} LIMIT ${limit}`, after ?? []);
}

/** The rows from one key to another, both included, in the order of their keys. */
export function* rowsBetween(table: TableShape, first: Row, last: Row): Steps<readonly Row[]> {
  const key = keyNames(table);
  const places = `(${first.map(() => '?').join(', ')})`;
  return yield* rowsWhere(table, `(${key}) >= ${places} AND (${key}) <= ${places} ORDER BY ${key}`, [
    ...first,
    ...last,
  ]);
}

function* rowsWhere(table: TableShape, condition: string, values: Row): Steps<readonly Row[]> {
  const names = table.columns.map(({ name }) => name);
  const own = table.name === 'meta' ? `${OWN_META} AND ` : '';
  const found = yield* query<Record<string, SqlValue>>(
    `SELECT ${names.join(', ')} FROM ${table.name} WHERE ${own}${condition}`,
    values,
  );
  return found.map((row) => table.columns.map((column) => plainValue(table.name, column, row[column.name] ?? null)));
}

/** Rows that are there already, by their key, are left as they are. Gives back how many were added. */
export function* addRows(table: TableShape, rows: readonly Row[]): Steps<number> {
  const columns = table.columns.map(({ name }) => name);
  const added = yield* insert({
    table: table.name,
    columns,
    rows,
    tail: 'ON CONFLICT DO NOTHING',
    returning: keyColumns(table),
  });
  return added.length;
}

export function* countRows(table: string): Steps<number> {
  const where = table === 'meta' ? ` WHERE ${OWN_META}` : '';
  const [row] = yield* query<{ n: number | bigint }>(`SELECT count(*) AS n FROM ${table}${where}`);
  return Number(row?.n ?? 0);
}

export function keyOf(table: TableShape, row: Row): Row {
  return keyPlaces(table).map((place) => row[place] ?? null);
}

function keyPlaces(table: TableShape): number[] {
  const places = table.columns.map((column, place) => ({ place, keyPlace: column.keyPlace }));
  const key = places.filter(({ keyPlace }) => keyPlace > 0).sort((a, b) => a.keyPlace - b.keyPlace);
  return key.map(({ place }) => place);
}

function keyNames(table: TableShape): string {
  return keyColumns(table).join(', ');
}

function keyColumns(table: TableShape): string[] {
  return keyPlaces(table).map((place) => table.columns[place]?.name ?? '');
}

/** The same value for the same content, whichever database it is from. SQLite holds its columns to no type. */
function plainValue(table: string, column: ColumnShape, value: SqlValue): SqlValue {
  if (value === null) return null;
  switch (column.kind) {
    case 'text':
      // The one character that PostgreSQL's text cannot hold; see postgres-database.ts.
      if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
      break;
    case 'integer':
      if (typeof value === 'bigint') return value;
      if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
      break;
    case 'real':
      if (typeof value === 'number' || typeof value === 'bigint') return Number(value);
      break;
    case 'bytes':
      if (value instanceof Uint8Array) return value;
  }
  throw new StoreError('unusable', `${table}.${column.name} holds a value that is no ${column.kind}.`);
}
