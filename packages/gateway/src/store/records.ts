import type { LedgerEntry } from '../ledger/entry.ts';
import type { AuditRow, EntityFilter, EntityRow, RecordChange, Records, StoredAnswer } from './store.ts';
import { LEDGER_ENTRY_KIND, StoreError } from './store.ts';

export type SqlValue = string | number | bigint | null;

export interface SqlStatement {
  /** Takes its values by `?`, in order; both databases understand the rest as it stands. */
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** The few things the records ask of a database. */
export interface SqlRunner {
  rows(statement: SqlStatement): Promise<Record<string, SqlValue>[]>;
  /**
   * Runs all in one transaction, or none, ledger entries last.
   *
   * @throws StoreError `taken` when a key is there already.
   */
  atomically(statements: readonly SqlStatement[], entries: readonly LedgerEntry[]): Promise<void>;
}

const BUSY_TRIES = 40;
const BUSY_WAIT_MS = 25;
const ENTITY =
  'id, kind, name, organisation_id, team_id, user_id, project_id, version, created_at_ms, updated_at_ms, digest, previous_digest, body';
const AUDIT =
  'seq, at_ms, actor_id, actor_name, origin, action, kind, entity_id, before_state, after_state, previous_hash, hash';

/** Entities and the audit log as plain SQL: few statements, none composed but for filters, and no Kysely to load for them. */
export class SqlRecords implements Records {
  readonly #sql: SqlRunner;

  constructor(sql: SqlRunner) {
    this.#sql = sql;
  }

  async head(): Promise<{ seq: number; hash: string }> {
    const [row] = await this.#rows('SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1');
    return row === undefined ? { seq: 0, hash: '' } : { seq: Number(row.seq), hash: String(row.hash) };
  }

  async entities(): Promise<EntityRow[]> {
    return (await this.#rows(`SELECT ${ENTITY} FROM entity ORDER BY id`)).map(readEntity);
  }

  async changedSince(seq: number): Promise<{ seq: number; ids: string[]; entryIds: string[] }> {
    const rows = await this.#rows('SELECT seq, kind, entity_id FROM audit_log WHERE seq > ? ORDER BY seq', [seq]);
    const last = rows.at(-1);
    const idsOf = (isEntry: boolean) =>
      rows.filter(({ kind }) => (kind === LEDGER_ENTRY_KIND) === isEntry).map((row) => String(row.entity_id));
    return {
      seq: last === undefined ? seq : Number(last.seq),
      ids: [...new Set(idsOf(false))],
      entryIds: idsOf(true),
    };
  }

  async entity(id: string): Promise<EntityRow | undefined> {
    const [row] = await this.#rows(`SELECT ${ENTITY} FROM entity WHERE id = ?`, [id]);
    return row === undefined ? undefined : readEntity(row);
  }

  async entityNamed(kind: string, name: string): Promise<EntityRow | undefined> {
    const [row] = await this.#rows(`SELECT ${ENTITY} FROM entity WHERE kind = ? AND name = ?`, [kind, name]);
    return row === undefined ? undefined : readEntity(row);
  }

  async entityWithDigest(digest: string): Promise<EntityRow | undefined> {
    const [row] = await this.#rows(`SELECT ${ENTITY} FROM entity WHERE digest = ? OR previous_digest = ?`, [
      digest,
      digest,
    ]);
    return row === undefined ? undefined : readEntity(row);
  }

  async entityReferringTo(id: string): Promise<EntityRow | undefined> {
    const [row] = await this.#rows(
      `SELECT ${ENTITY} FROM entity WHERE organisation_id = ? OR team_id = ? OR user_id = ? OR project_id = ? LIMIT 1`,
      [id, id, id, id],
    );
    return row === undefined ? undefined : readEntity(row);
  }

  async listEntities(filter: EntityFilter): Promise<EntityRow[]> {
    const where: [string, SqlValue | undefined][] = [
      ['kind = ?', filter.kind],
      ['id > ?', filter.after],
      ['name = ?', filter.name],
      ['organisation_id = ?', filter.organisationId],
      ['team_id = ?', filter.teamId],
      ['user_id = ?', filter.userId],
      ['project_id = ?', filter.projectId],
    ];
    return (await this.#filtered(`SELECT ${ENTITY} FROM entity`, where, 'id', filter.limit)).map(readEntity);
  }

  async commit(change: RecordChange): Promise<boolean> {
    const statements = statementsOf(change);
    for (let tries = 1; ; tries++) {
      try {
        await this.#sql.atomically(statements, change.entries ?? []);
        return true;
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (error.code === 'taken') return false;
        if (error.code !== 'busy' || tries === BUSY_TRIES) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
    }
  }

  async audit(filter: Parameters<Records['audit']>[0]): Promise<AuditRow[]> {
    const where: [string, SqlValue | undefined][] = [
      ['seq < ?', filter.before],
      ['seq > ?', filter.after],
      ['kind = ?', filter.kind],
      ['entity_id = ?', filter.entityId],
      ['actor_id = ?', filter.actorId],
      ['action = ?', filter.action],
      ['at_ms >= ?', filter.sinceMs],
      ['at_ms < ?', filter.untilMs],
    ];
    const order = filter.after === undefined ? 'seq DESC' : 'seq';
    return (await this.#filtered(`SELECT ${AUDIT} FROM audit_log`, where, order, filter.limit)).map(readAudit);
  }

  async answerOf(actorId: string, idempotencyKey: string): Promise<StoredAnswer | undefined> {
    const [row] = await this.#rows(
      'SELECT actor_id, idempotency_key, request_hash, status, body, at_ms FROM idempotent_answer WHERE actor_id = ? AND idempotency_key = ?',
      [actorId, idempotencyKey],
    );
    if (row === undefined) return undefined;
    return {
      actorId: String(row.actor_id),
      idempotencyKey: String(row.idempotency_key),
      requestHash: String(row.request_hash),
      status: Number(row.status),
      body: String(row.body),
      atMs: Number(row.at_ms),
    };
  }

  #rows(sql: string, values: readonly SqlValue[] = []): Promise<Record<string, SqlValue>[]> {
    return this.#sql.rows({ sql, values });
  }

  #filtered(select: string, conditions: readonly [string, SqlValue | undefined][], order: string, limit: number) {
    const given = conditions.flatMap(([condition, value]) => (value === undefined ? [] : [{ condition, value }]));
    const where = given.length === 0 ? '' : ` WHERE ${given.map(({ condition }) => condition).join(' AND ')}`;
    return this.#rows(`${select}${where} ORDER BY ${order} LIMIT ?`, [...given.map(({ value }) => value), limit]);
  }
}

function statementsOf({ puts, deletes, audit, answer, meta = [], answersBeforeMs }: RecordChange): SqlStatement[] {
  // First, because of two changes on the same footing only one can add the entry with the next number.
  const statements: SqlStatement[] = audit.map((row) => ({
    sql: `INSERT INTO audit_log (${AUDIT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    values: auditValues(row),
  }));
  const last = audit.at(-1);
  const head = last === undefined ? [] : [{ name: AUDIT_HEAD, value: `${last.seq} ${last.hash}` }];
  for (const { name, value } of [...head, ...meta]) {
    statements.push({
      sql: 'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      values: [name, value],
    });
  }
  for (const row of puts) {
    statements.push({ sql: 'DELETE FROM entity WHERE id = ?', values: [row.id] });
    statements.push({
      sql: `INSERT INTO entity (${ENTITY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      values: entityValues(row),
    });
  }
  for (const id of deletes) statements.push({ sql: 'DELETE FROM entity WHERE id = ?', values: [id] });
  if (answer !== undefined) {
    statements.push({ sql: 'DELETE FROM idempotent_answer WHERE at_ms < ?', values: [answersBeforeMs] });
    statements.push({
      sql: 'INSERT INTO idempotent_answer (actor_id, idempotency_key, request_hash, status, body, at_ms) VALUES (?, ?, ?, ?, ?, ?)',
      values: [answer.actorId, answer.idempotencyKey, answer.requestHash, answer.status, answer.body, answer.atMs],
    });
  }
  return statements;
}

/** Under this name `meta` says which entry of the audit log is the last, so that cutting off its end is seen. */
const AUDIT_HEAD = 'audit_head';

function entityValues(row: EntityRow): SqlValue[] {
  return [
    row.id,
    row.kind,
    row.name,
    row.organisationId ?? null,
    row.teamId ?? null,
    row.userId ?? null,
    row.projectId ?? null,
    row.version,
    row.createdAtMs,
    row.updatedAtMs,
    row.digest ?? null,
    row.previousDigest ?? null,
    row.body,
  ];
}

function auditValues(row: AuditRow): SqlValue[] {
  return [
    row.seq,
    row.atMs,
    row.actorId,
    row.actorName,
    row.origin,
    row.action,
    row.kind,
    row.entityId,
    row.before ?? null,
    row.after ?? null,
    row.previousHash,
    row.hash,
  ];
}

function readEntity(row: Record<string, SqlValue>): EntityRow {
  return {
    id: String(row.id),
    kind: String(row.kind),
    name: String(row.name),
    organisationId: optional(row.organisation_id),
    teamId: optional(row.team_id),
    userId: optional(row.user_id),
    projectId: optional(row.project_id),
    version: Number(row.version),
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
    digest: optional(row.digest),
    previousDigest: optional(row.previous_digest),
    body: String(row.body),
  };
}

function readAudit(row: Record<string, SqlValue>): AuditRow {
  return {
    seq: Number(row.seq),
    atMs: Number(row.at_ms),
    actorId: String(row.actor_id),
    actorName: String(row.actor_name),
    origin: String(row.origin),
    action: String(row.action),
    kind: String(row.kind),
    entityId: String(row.entity_id),
    before: optional(row.before_state),
    after: optional(row.after_state),
    previousHash: String(row.previous_hash),
    hash: String(row.hash),
  };
}

function optional(value: SqlValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}
