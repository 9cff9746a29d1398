import type { Entity } from '../identity/entity.ts';
import { writeEntityRow } from '../identity/entity.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import { nowMs } from '../runtime/clock.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { chained } from './audit-chain.ts';
import { viewOf } from './entity-view.ts';

/** Tries at a change while others keep changing things. Each of those got through, so this ends. */
const TRIES_MAX = 100;
/** How long an answer is kept for a request that comes again. */
const ANSWER_KEPT_MS = 24 * 3_600_000;

/** What is to happen to one entity, and what is answered. */
export interface Change {
  /** `keys.rotate` and so on. */
  readonly action: string;
  readonly before: Entity | undefined;
  /** Undefined when it is deleted. */
  readonly after: Entity | undefined;
  readonly status: number;
  /** Added to the answer of this one time, and neither stored nor logged. */
  readonly shownOnce?: Readonly<Record<string, string>>;
}

/** What is to be done, to whatever it is about. */
export interface AuditedChange {
  readonly action: string;
  /** What the audit log calls what it is about. */
  readonly kind: string;
  readonly entityId: string;
  readonly before: object | undefined;
  readonly after: object | undefined;
  readonly puts: readonly Entity[];
  readonly deletes: readonly string[];
  readonly entries: readonly LedgerEntry[];
  readonly status: number;
  readonly body: object | null;
  readonly shownOnce?: Readonly<Record<string, string>> | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/**
 * Makes a change of an entity. When it resolves, the change is in force in this process.
 *
 * @param decide As for {@link commitAudited}.
 * @throws AdminFault as {@link commitAudited}
 */
export function makeChange(context: AdminContext, decide: () => Promise<Change>): Promise<AdminAnswer> {
  return commitAudited(context, async () => {
    const { action, before, after, status, shownOnce } = await decide();
    const subject = after ?? before;
    if (subject === undefined) throw new Error('A change of nothing.');
    const view = after && viewOf(after);
    return {
      action,
      kind: subject.kind,
      entityId: subject.id,
      before: before && viewOf(before),
      after: view,
      puts: after === undefined ? [] : [after],
      deletes: after === undefined ? [subject.id] : [],
      entries: [],
      status,
      body: view ?? null,
      shownOnce,
      headers: tagOf(after),
    };
  });
}

/**
 * Makes a change: entities and ledger entries, the entry in the audit log and the answer to remember go into the store
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
    const { before, after, body, status } = change;
    const atMs = nowMs();
    const entry = chained(house.digest, {
      seq: head.seq + 1,
      atMs,
      actorId: caller.id,
      actorName: caller.name,
      origin: context.origin,
      action: change.action,
      kind: change.kind,
      entityId: change.entityId,
      before: before && JSON.stringify(before),
      after: after && JSON.stringify(after),
      previousHash: head.hash,
    });
    const isDone = await house.store.records.commit({
      puts: change.puts.map(writeEntityRow),
      deletes: change.deletes,
      audit: [entry],
      entries: change.entries,
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
    return { status, body: body === null ? null : { ...body, ...change.shownOnce }, headers: change.headers ?? {} };
  }
  throw new AdminFault('store_unavailable', { message: 'Others are changing things without a pause. Try again.' });
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
