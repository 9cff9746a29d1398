import { createHash } from 'node:crypto';
import type { SqlValue } from '../database.ts';
import { StoreError } from '../store.ts';
import type { Piece, Row, TableShape } from './table-rows.ts';

/**
 * The portable backup: JSON, one value a line.
 *
 *     {"turnpike":"backup","format":1,"schema":3,"madeAtMs":1760000000000}
 *     {"table":"meta","columns":[["name","text",1],["value","text",0]]}
 *     ["installation","…"]
 *     {"end":true,"rows":1,"sha256":"…"}
 *
 * Integers are text, since JSON's numbers end at 2^53; bytes are base64. The digest is of all lines before the last, ends
 * of lines included, so that a file that was cut or damaged is not taken for a whole one.
 */
const FORMAT = 1;

export interface BackupHeader {
  /** Migrations its rows have seen. */
  schema: number;
  madeAtMs: number;
}

/** The lines of a backup, each with its end. */
export async function* writeBackup(header: BackupHeader, pieces: AsyncIterable<Piece>): AsyncGenerator<string> {
  const digest = createHash('sha256');
  const counted = (text: string) => {
    digest.update(text);
    return text;
  };
  let rows = 0;
  yield counted(`${JSON.stringify({ turnpike: 'backup', format: FORMAT, ...header })}\n`);
  for await (const piece of pieces) {
    if (piece.type === 'table') {
      const columns = piece.table.columns.map(({ name, kind, keyPlace }) => [name, kind, keyPlace]);
      yield counted(`${JSON.stringify({ table: piece.table.name, columns })}\n`);
    } else {
      rows += piece.rows.length;
      yield counted(piece.rows.map((row) => `${JSON.stringify(row.map(written))}\n`).join(''));
    }
  }
  yield `${JSON.stringify({ end: true, rows, sha256: digest.digest('hex') })}\n`;
}

function written(value: SqlValue): string | number | null {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** Rows are handed on in batches of so many. */
const ROWS_MAX = 1_000;

/** @throws StoreError `foreign` when it is no backup, or one of a format this version does not know. */
export async function readBackupHeader(path: string): Promise<BackupHeader> {
  for await (const line of linesOf(path)) {
    const header = line.startsWith('{"turnpike":') ? parsed(path, line) : undefined;
    if (!isRecord(header) || header.turnpike !== 'backup') break;
    if (header.format !== FORMAT) {
      throw new StoreError('newer', `${path} is a backup in a format of a newer Turnpike (${String(header.format)}).`);
    }
    const { schema, madeAtMs } = header;
    if (typeof schema !== 'number' || !Number.isInteger(schema) || schema < 1 || typeof madeAtMs !== 'number') break;
    return { schema, madeAtMs };
  }
  throw new StoreError('foreign', `${path} is no backup of Turnpike.`);
}

/** What a backup holds. @throws StoreError `foreign`, at the latest after the last piece, when the file is cut or damaged. */
export async function* readBackup(path: string): AsyncGenerator<Piece> {
  const digest = createHash('sha256');
  let table: TableShape | undefined;
  let rows: Row[] = [];
  let count = 0;
  let end: Record<string, unknown> | undefined;
  for await (const line of linesOf(path)) {
    if (end !== undefined) throw damaged(path, 'there is something after its end');
    const value = parsed(path, line);
    if (Array.isArray(value)) {
      if (table === undefined) throw damaged(path, 'a row comes before its table');
      rows.push(readRow(path, table, value));
      count += 1;
    } else if (isRecord(value) && value.end === true) {
      end = value;
    } else if (isRecord(value) && value.table !== undefined) {
      if (rows.length > 0) yield { type: 'rows', rows };
      rows = [];
      table = readTable(path, value);
      yield { type: 'table', table };
    }
    if (end === undefined) digest.update(`${line}\n`);
    if (rows.length < ROWS_MAX) continue;
    yield { type: 'rows', rows };
    rows = [];
  }
  if (end === undefined) throw damaged(path, 'it is cut off');
  if (end.rows !== count || end.sha256 !== digest.digest('hex')) throw damaged(path, 'it is not as it was written');
  if (rows.length > 0) yield { type: 'rows', rows };
}

/** Lines without their end. Only a line feed ends one: JSON leaves other separators of lines inside its strings. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of Bun.file(path).stream()) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreError(
      'unusable',
      `${path} cannot be read: ${error instanceof Error ? error.message : error}.`,
      error,
    );
  }
  if (rest !== '') yield rest;
}

function damaged(path: string, why: string): StoreError {
  return new StoreError('foreign', `${path} is damaged: ${why}.`);
}

function parsed(path: string, line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged(path, 'a line is not whole');
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const KINDS = ['text', 'integer', 'real', 'bytes'] as const;

function readTable(path: string, record: Record<string, unknown>): TableShape {
  const { table: name, columns } = record;
  if (typeof name !== 'string' || !Array.isArray(columns)) throw damaged(path, 'a table is not whole');
  return {
    name,
    columns: columns.map((column: unknown) => {
      const [columnName, kindName, keyPlace] = Array.isArray(column) ? (column as unknown[]) : [];
      const kind = KINDS.find((known) => known === kindName);
      // A name becomes part of a statement.
      if (
        typeof columnName !== 'string' ||
        !/^\w+$/.test(columnName) ||
        kind === undefined ||
        typeof keyPlace !== 'number'
      ) {
        throw damaged(path, 'a column is not whole');
      }
      return { name: columnName, kind, keyPlace };
    }),
  };
}

function readRow(path: string, table: TableShape, values: readonly unknown[]): Row {
  if (values.length !== table.columns.length) throw damaged(path, `a row of ${table.name} is not whole`);
  return table.columns.map(({ name, kind }, at): SqlValue => {
    const value = values[at];
    if (value === null) return null;
    if (kind === 'real' && typeof value === 'number') return value;
    if (kind === 'real' && (value === 'Infinity' || value === '-Infinity')) return Number(value);
    if (kind === 'text' && typeof value === 'string') return value;
    if (kind === 'integer' && typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
    if (kind === 'bytes' && typeof value === 'string') return new Uint8Array(Buffer.from(value, 'base64'));
    throw damaged(path, `${table.name}.${name} holds a value that is no ${kind}`);
  });
}
