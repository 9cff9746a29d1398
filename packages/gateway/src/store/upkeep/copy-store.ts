import { type Database, query, type SessionRun } from '../database.ts';
import { migrateWithin, schemaStateWithin } from '../migrate.ts';
import { StoreError } from '../store.ts';
import {
  addRows,
  countRows,
  keyOf,
  type Piece,
  type Row,
  rowsBetween,
  type TableShape,
  tableNames,
} from './table-rows.ts';

/** Where rows come from. Read twice: once to copy, once to compare. */
export interface CopySource {
  /** For people. */
  readonly label: string;
  /** Migrations its rows have seen. */
  readonly schema: number;
  pieces(): AsyncIterable<Piece>;
}

/** What was copied of a table, and found again in the target. */
export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
  /** Of them, those that were not there before. */
  readonly added: number;
  /** Sums of its columns of money in nano-USD, by name. */
  readonly totals: ReadonlyMap<string, bigint>;
}

export interface CopyOptions {
  /** Demand a target without rows, or take one that holds some of the same. */
  target: 'empty' | 'any';
  /** Rows copied so far, every now and then and at the end of each table. */
  onProgress?: (table: string, rows: number) => void;
}

/**
 * Copies a whole store in one transaction: the schema as the source has it, then all rows, then each row read back and
 * compared with the source's, then the schema brought up to date. Whatever goes wrong leaves the target as it was.
 *
 * @throws StoreError
 */
export function copyStore(source: CopySource, target: Database, options: CopyOptions): Promise<CopiedTable[]> {
  return target.session('write', async (run) => {
    await run(target.schema.lock());
    const state = await run(schemaStateWithin(target));
    if (source.schema > state.known) {
      throw new StoreError(
        'newer',
        `${source.label} was written by a newer Turnpike (schema ${source.schema}; this one knows ${state.known}).`,
      );
    }
    if (state.version > state.known) {
      throw new StoreError('newer', `${target.label} is in use by a newer Turnpike (schema ${state.version}).`);
    }
    const isBehind = source.schema < state.version;
    if (state.version > 0 && (options.target === 'empty' || isBehind)) await demandEmpty(target, run, state.version);
    // Rows of an older version go through the same migrations as they would have gone through where they were.
    if (isBehind) for (const name of tableNames(state.version).reverse()) await run(query(`DROP TABLE ${name}`));
    await run(migrateWithin(target, source.schema));
    const added = await addAll(source, target, run, options.onProgress);
    const copied = await compareAll(source, target, run, added);
    await run(migrateWithin(target, state.known));
    return copied;
  });
}

async function demandEmpty(target: Database, run: SessionRun, version: number): Promise<void> {
  for (const name of tableNames(version)) {
    const rows = await run(countRows(name));
    if (rows === 0) continue;
    throw new StoreError('unusable', `${target.label} is not empty: ${name} has ${rows} row${rows === 1 ? '' : 's'}.`);
  }
}

/** Gives back how many rows of each table were not there before. */
async function addAll(
  source: CopySource,
  target: Database,
  run: SessionRun,
  onProgress: CopyOptions['onProgress'],
): Promise<Map<string, number>> {
  const added = new Map<string, number>();
  let table: TableShape | undefined;
  let seen = 0;
  for await (const piece of source.pieces()) {
    if (piece.type === 'table') {
      if (table !== undefined && seen > 0) onProgress?.(table.name, seen);
      table = await sameTable(source, target, run, piece.table);
      seen = 0;
      added.set(table.name, 0);
      continue;
    }
    if (table === undefined) throw new StoreError('foreign', `${source.label} has rows of no table.`);
    added.set(table.name, (added.get(table.name) ?? 0) + (await run(addRows(table, piece.rows))));
    seen += piece.rows.length;
    if (seen % PROGRESS_ROWS === 0) onProgress?.(table.name, seen);
  }
  if (table !== undefined && seen > 0) onProgress?.(table.name, seen);
  return added;
}

const PROGRESS_ROWS = 50_000;

/** The source's table, when the target has the same one. Columns may stand in another order. */
async function sameTable(
  source: CopySource,
  target: Database,
  run: SessionRun,
  table: TableShape,
): Promise<TableShape> {
  const theirs = tableNames(source.schema).includes(table.name) ? await run(target.schema.columns(table.name)) : [];
  const wordsOf = (columns: TableShape['columns']) =>
    columns.map(({ name, kind, keyPlace }) => `${name} ${kind} ${keyPlace}`).sort();
  if (JSON.stringify(wordsOf(theirs)) === JSON.stringify(wordsOf(table.columns))) return table;
  throw new StoreError(
    'foreign',
    `${source.label} has a table ${table.name} that is not as Turnpike makes it (schema ${source.schema}).`,
  );
}

/** Reads every row back. @throws StoreError when one is missing or has other contents. */
async function compareAll(
  source: CopySource,
  target: Database,
  run: SessionRun,
  added: ReadonlyMap<string, number>,
): Promise<CopiedTable[]> {
  const copied: CopiedTable[] = [];
  let current: Comparison | undefined;
  for await (const piece of source.pieces()) {
    if (piece.type === 'table') {
      current = new Comparison(piece.table, added.get(piece.table.name) ?? 0);
      copied.push(current);
    } else if (current !== undefined) {
      await current.add(piece.rows, target, run);
    }
  }
  return copied;
}

/** One table's rows as the target gives them back. */
class Comparison implements CopiedTable {
  readonly totals = new Map<string, bigint>();
  rows = 0;
  readonly #shape: TableShape;

  constructor(
    shape: TableShape,
    readonly added: number,
  ) {
    this.#shape = shape;
    for (const { name } of this.#money()) this.totals.set(name, 0n);
  }

  get table(): string {
    return this.#shape.name;
  }

  async add(rows: readonly Row[], target: Database, run: SessionRun): Promise<void> {
    const keys = rows.map((row) => keyOf(this.#shape, row));
    const found = new Map<string, Row>();
    for (const row of await run(rowsBetween(this.#shape, keys.at(0) ?? [], keys.at(-1) ?? []))) {
      found.set(textOf(keyOf(this.#shape, row)), row);
    }
    for (const [at, row] of rows.entries()) {
      const key = textOf(keys[at] ?? []);
      const copy = found.get(key);
      if (copy === undefined || textOf(copy) !== textOf(row)) {
        throw new StoreError(
          'unusable',
          `${target.label} has ${copy === undefined ? 'not' : 'other contents for'} the row ${key} of ${this.table}. Nothing was changed there; an empty database takes everything.`,
        );
      }
      this.#count(copy);
    }
  }

  #count(row: Row): void {
    this.rows += 1;
    for (const { name, place } of this.#money()) {
      const value = row[place];
      if (typeof value === 'bigint') this.totals.set(name, (this.totals.get(name) ?? 0n) + value);
    }
  }

  #money(): { name: string; place: number }[] {
    const places = this.#shape.columns.map(({ name }, place) => ({ name, place }));
    return places.filter(({ name }) => name.endsWith('_nano_usd'));
  }
}

/** Equal for rows of equal content. */
function textOf(row: Row): string {
  return row.map(fieldText).join(' ');
}

function fieldText(value: Row[number]): string {
  if (value instanceof Uint8Array) return `x${Buffer.from(value).toString('hex')}`;
  // Text that was cut inside a pair of surrogates is stored as its UTF-8, by both databases.
  return typeof value === 'string' ? JSON.stringify(value.toWellFormed()) : String(value);
}
