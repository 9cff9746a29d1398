import type { Entity } from '../identity/entity.ts';
import { writeEntityRow } from '../identity/entity.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { nowMs } from '../runtime/clock.ts';
import type { AuditRow, RecordChange } from '../store/store.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { chained } from './audit-chain.ts';
import { viewOf } from './entity-view.ts';

/** Tries at a change while others keep changing things. Each of those got through, so this ends. */
const TRIES_MAX = 100;
/** How long an answer is kept for a request that comes again. */
const ANSWER_KEPT_MS = 24 * 3_600_000;

/** What is to happen to one entity. */
export interface EntityChange {
  /** `keys.rotate` and so on. */
  readonly action: string;
  readonly before: Entity | undefined;
  /** Undefined when it is deleted. */
  readonly after: Entity | undefined;
}

/** What is to happen to entities, all together or not at all, and what is answered. */
export interface Changes {
  /** Each about another entity; none changes nothing. */
  readonly entities: readonly EntityChange[];
  readonly status: number;
  /** Remembered when the request may come again: without secrets. */
  readonly body: object | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** Added to the answer of this one time, and neither stored nor logged. */
  readonly shownOnce?: Readonly<Record<string, unknown>>;
}

/** What is to happen to one entity, and what is answered. */
export interface Change extends EntityChange {
  readonly status: number;
  /** Added to the answer of this one time, and neither stored nor logged. */
  readonly shownOnce?: Readonly<Record<string, string>>;
}

/** What is done to one thing, as the audit log keeps it. */
export interface Audited {
  readonly action: string;
  /** What the audit log calls what it is about. */
  readonly kind: string;
  readonly entityId: string;
  readonly before: object | undefined;
  readonly after: object | undefined;
}

/** What is to be done, to whatever it is about. */
export interface AuditedChange extends Audited {
  /** What is done besides, each with an entry of its own. */
  readonly further?: readonly Audited[];
  readonly puts: readonly Entity[];
  readonly deletes: readonly string[];
  readonly entries: readonly LedgerEntry[];
  /** Facts about the installation to be written with it. */
  readonly meta?: RecordChange['meta'];
  readonly status: number;
  readonly body: object | null;
  readonly shownOnce?: Readonly<Record<string, unknown>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Makes a change of an entity. When it resolves, the change is in force in this process, and in those that share its port.
 *
 * @param decide As for {@link commitAudited}.
 * @throws AdminFault as {@link commitAudited}
 */
export function makeChange(context: AdminContext, decide: () => Promise<Change>): Promise<AdminAnswer> {
  return makeChanges(context, async () => {
    const { status, shownOnce = {}, ...entity } = await decide();
    const { after } = entity;
    return { entities: [entity], status, body: after ? viewOf(after) : null, headers: tagOf(after), shownOnce };
  });
}

/**
 * Makes several changes of entities in one: all of them are stored, or none.
 *
 * @param decide As for {@link commitAudited}.
 * @throws AdminFault as {@link commitAudited}
 */
export function makeChanges(context: AdminContext, decide: () => Promise<Changes>): Promise<AdminAnswer> {
  return commitAudited(context, async () => {
    const { entities, ...answered } = await decide();
    const [first, ...further] = entities.map(auditedOf);
    const { status, body, headers = {}, shownOnce } = answered;
    if (first === undefined) return { answer: { status, body: { ...body, ...shownOnce }, headers } };
    return {
      ...answered,
      ...first,
      further,
      puts: entities.flatMap(({ after }) => after ?? []),
      deletes: entities.flatMap(({ before, after }) =>
        after === undefined && before !== undefined ? [before.id] : [],
      ),
      entries: [],
    };
  });
}

function auditedOf({ action, before, after }: EntityChange): Audited {
  const subject = after ?? before;
  if (subject === undefined) throw new Error('A change of nothing.');
  return {
    action,
    kind: subject.kind,
    entityId: subject.id,
    before: before && viewOf(before),
    after: after && viewOf(after),
  };
}

/**
 * Makes a change: entities and ledger entries, what the audit log says of it and the answer to remember go into the store
 * together. When it resolves, all of it is in force in this process.
 *
 * @param decide Checks and works out the change from what is stored, or answers without one. Called again when something
 *   else was changed meanwhile, so that what it found still holds at the end.
 * @throws AdminFault whatever `decide` throws; `idempotency_mismatch`
 */
export async function commitAudited(
  context: AdminContext,
  decide: () => Promise<AuditedChange | { readonly answer: AdminAnswer }>,
): Promise<AdminAnswer> {
  const { house, idempotency, caller } = context;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    // Before anything else is read: what is committed after this makes our own commit fail.
    const head = await house.store.records.head();
    const repeated = await earlierAnswer(context);
    if (repeated !== undefined) return repeated;
    const change = await decide();
    if ('answer' in change) return change.answer;
    const { body, status } = change;
    const atMs = nowMs();
    const isDone = await house.store.records.commit({
      puts: change.puts.map(writeEntityRow),
      deletes: change.deletes,
      audit: auditRows(context, head, atMs, [change, ...(change.further ?? [])]),
      entries: change.entries,
      meta: change.meta,
      answer: idempotency && {
        actorId: caller.id,
        idempotencyKey: idempotency.key,
        requestHash: idempotency.requestHash,
        status,
        body: JSON.stringify(body),
        atMs,
      },
      answersBeforeMs: atMs - ANSWER_KEPT_MS,
    });
    if (!isDone) continue;
    await house.follow.catchUp();
    await house.announce();
    return { status, body: body === null ? null : { ...body, ...change.shownOnce }, headers: change.headers ?? {} };
  }
  throw new AdminFault('store_unavailable', { message: 'Others are changing things without a pause. Try again.' });
}

/** Entries that follow the head, each the one before. */
function auditRows(
  { house, caller, origin }: AdminContext,
  head: { seq: number; hash: string },
  atMs: number,
  audited: readonly Audited[],
): AuditRow[] {
  const rows: AuditRow[] = [];
  for (const { action, kind, entityId, before, after } of audited) {
    const last = rows.at(-1) ?? head;
    const entry = {
      seq: last.seq + 1,
      atMs,
      actorId: caller.id,
      actorName: caller.name,
      origin,
      action,
      kind,
      entityId,
      before: before && JSON.stringify(before),
      after: after && JSON.stringify(after),
      previousHash: last.hash,
    };
    rows.push(chained(house.digest, entry));
  }
  return rows;
}

/** The version as `ETag`. */
export function tagOf(entity: { version: number } | undefined): Record<string, string> {
  return entity === undefined ? {} : { etag: `"${entity.version}"` };
}

async function earlierAnswer({ house, caller, idempotency }: AdminContext): Promise<AdminAnswer | undefined> {
  if (idempotency === undefined) return undefined;
  const found = await house.store.records.answerOf(caller.id, idempotency.key);
  if (found === undefined || found.atMs < nowMs() - ANSWER_KEPT_MS) return undefined;
  if (found.requestHash !== idempotency.requestHash) {
    throw new AdminFault('idempotency_mismatch', {
      message: 'This Idempotency-Key came with another request before.',
      hint: 'Use a new one for each request.',
    });
  }
  return { status: found.status, body: JSON.parse(found.body), headers: { 'idempotent-replayed': 'true' } };
}
