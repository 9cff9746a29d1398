import { type ReservedSQL, SQL } from 'bun';
import type { Kysely } from 'kysely';
import type { Database, Insert, SessionRun, SqlValue, Step, Steps } from './database.ts';
import type { PostgresAddress } from './postgres-address.ts';
import { postgresError } from './postgres-error.ts';
import { postgresSchema } from './postgres-schema.ts';
import { StoreError } from './store.ts';
import type { Tables } from './tables.ts';

/** Connections of one gateway. Several gateways share a server whose usual bound is 100. */
const POOL_MAX = 5;
const CONNECT_MS = 5_000;
/** The server ends a statement after this. */
const STATEMENT_MS = 10_000;
/** The server ends a transaction whose client has gone silent, so that its locks do not stay. */
const IDLE_IN_TRANSACTION_MS = 60_000;
/** We give up on a step after this: longer than the server takes, since it is for servers that no longer answer. */
const SILENCE_MS = 15_000;
/** The same for migrations and copies, which may rewrite large tables. */
const PATIENT_SILENCE_MS = 3_600_000;

/** Rows of one INSERT: the largest power of two whose values fit PostgreSQL's 65535 for tables of up to 1000 columns. */
const INSERT_ROWS_MAX = 64;

/** A PostgreSQL server through Bun's own client. Lost connections are made anew by whoever asks next. */
export class PostgresDatabase implements Database {
  readonly kind = 'postgres';
  readonly label: string;
  readonly schema = postgresSchema;
  readonly #url: string;
  /** How long the server may be silent before its connections are given up. */
  readonly #silenceMs: number;
  /** Undefined after the server fell silent, until the next query. */
  #pool: SQL | undefined;
  #kysely: Promise<Kysely<Tables>> | undefined;

  /** Connects when first asked for something. */
  constructor(address: PostgresAddress, options: { silenceMs?: number } = {}) {
    this.#url = address.url;
    this.label = address.label;
    this.#silenceMs = options.silenceMs ?? SILENCE_MS;
  }

  async rows<Row>(sql: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.#single(numbered(sql), values)) as readonly Row[];
  }

  async compose<T>(run: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
    this.#kysely ??= loadKysely((sql, values) => this.#single(sql, values as readonly SqlValue[]));
    return run(await this.#kysely);
  }

  async transact<T>(steps: () => Steps<T>, options: { isPatient?: boolean } = {}): Promise<T> {
    const { isPatient = false } = options;
    return this.#within('BEGIN', isPatient, (run) => run(steps()));
  }

  async session<T>(mode: 'read' | 'write', work: (run: SessionRun) => Promise<T>): Promise<T> {
    return this.#within(mode === 'read' ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' : 'BEGIN', true, work);
  }

  async close(): Promise<void> {
    await this.#pool?.close({ timeout: 5 });
  }

  async #single(sql: string, values: readonly SqlValue[]): Promise<readonly unknown[]> {
    try {
      const pool = this.#connections();
      return Array.from(await this.#bounded(pool, pool.unsafe<unknown[]>(sql, values.map(storable)), this.#silenceMs));
    } catch (error) {
      throw postgresError(error, this.label);
    }
  }

  async #within<T>(begin: string, isPatient: boolean, work: (run: SessionRun) => Promise<T>): Promise<T> {
    const silenceMs = isPatient ? PATIENT_SILENCE_MS : this.#silenceMs;
    try {
      const pool = this.#connections();
      // Waiting for one of the five to be free says nothing about the server: those that work go on working.
      const connection = await pool.reserve({ signal: AbortSignal.timeout(silenceMs) });
      const ask = <A>(answer: PromiseLike<A>) => this.#bounded(pool, answer, silenceMs);
      try {
        await ask(connection.unsafe(begin));
        if (isPatient) await ask(connection.unsafe('SET LOCAL statement_timeout = 0'));
        const result = await work((steps) => walk(steps, (step) => ask(answerOf(connection, step))));
        await ask(connection.unsafe('COMMIT'));
        return result;
      } catch (error) {
        // A lost connection has no transaction any more; it is not worth a second error.
        if (this.#pool === pool) await ask(connection.unsafe('ROLLBACK')).catch(() => undefined);
        throw error;
      } finally {
        connection.release();
      }
    } catch (error) {
      throw postgresError(error, this.label);
    }
  }

  #connections(): SQL {
    this.#pool ??= new SQL(this.#url, {
      adapter: 'postgres',
      max: POOL_MAX,
      bigint: true,
      connectionTimeout: CONNECT_MS / 1_000,
      // For as long as the gateway lives: its own deadlines, below and at the server, guard what hangs.
      idleTimeout: 0,
      maxLifetime: 0,
      connection: {
        application_name: 'turnpike',
        statement_timeout: String(STATEMENT_MS),
        idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
        // Text and keys compare as bytes by their collation; numbers and times are ours. Nothing else may depend on a locale.
        client_encoding: 'UTF8',
      },
    });
    return this.#pool;
  }

  /** The driver waits forever for a server that no longer answers. We do not, and trust none of its connections then. */
  async #bounded<T>(pool: SQL, answer: PromiseLike<T>, silenceMs: number): Promise<T> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (this.#pool === pool) this.#pool = undefined;
        reject(new StoreError('busy', `${this.label} did not answer within ${silenceMs} ms.`));
        // Its other queries fail with a lost connection, which is what has happened.
        void pool.close({ timeout: 0 }).catch(() => undefined);
      }, silenceMs);
    });
    try {
      return await Promise.race([answer, silence]);
    } finally {
      clearTimeout(timer);
    }
  }
}

async function loadKysely(run: (sql: string, values: readonly unknown[]) => Promise<readonly unknown[]>) {
  const [{ Kysely }, { postgresDialect }] = await Promise.all([import('kysely'), import('./postgres-dialect.ts')]);
  return new Kysely<Tables>({ dialect: postgresDialect(run) });
}

async function walk<T>(steps: Steps<T>, answer: (step: Step) => Promise<readonly unknown[]>): Promise<T> {
  let next = steps.next();
  while (next.done !== true) next = steps.next(await answer(next.value));
  return next.value;
}

async function answerOf(connection: ReservedSQL, step: Step): Promise<readonly unknown[]> {
  if (step.type === 'query') {
    return Array.from(await connection.unsafe<unknown[]>(numbered(step.sql), step.values.map(storable)));
  }
  const answers = await Promise.all(
    insertChunks(step.insert.rows).map((rows) =>
      connection.unsafe<unknown[]>(insertSql(step.insert, rows.length), rows.flat().map(storable)),
    ),
  );
  return answers.flat();
}

/** In powers of two, so that batches of all sizes share seven prepared statements. */
function insertChunks(rows: Insert['rows']): Insert['rows'][] {
  const chunks: Insert['rows'][] = [];
  for (let from = 0, size = INSERT_ROWS_MAX; from < rows.length; from += size) {
    while (size > rows.length - from) size /= 2;
    chunks.push(rows.slice(from, from + size));
  }
  return chunks;
}

function insertSql({ table, columns, tail = '', returning = [] }: Insert, rowCount: number): string {
  const places = `(${columns.map(() => '?').join(', ')})`;
  const rows = Array.from({ length: rowCount }, () => places).join(', ');
  const back = returning.length === 0 ? '' : ` RETURNING ${returning.join(', ')}`;
  return numbered(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${rows} ${tail}${back}`);
}

/** Statements with their places numbered. Few: what is not constant is a filter or one of seven sizes. */
const numberedStatements = new Map<string, string>();
const NUMBERED_MAX = 1_000;

/** `?` as `$1`, `$2` and so on, but not inside quotes. */
function numbered(sql: string): string {
  const known = numberedStatements.get(sql);
  if (known !== undefined) return known;
  let place = 0;
  const result = sql.replace(/'[^']*'|\?/g, (found) => {
    if (found !== '?') return found;
    place += 1;
    return `$${place}`;
  });
  if (numberedStatements.size >= NUMBERED_MAX) numberedStatements.clear();
  numberedStatements.set(sql, result);
  return result;
}

/** PostgreSQL's text takes every character but this one, which a client may put into a model's name. */
function storable(value: SqlValue): SqlValue {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
}
