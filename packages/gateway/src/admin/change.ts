import type { Entity } from '../identity/entity.ts';
import { writeEntityRow } from '../identity/entity.ts';
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

/**
 * Makes a change: the entity, its entry in the audit log and the answer to remember go into the store together. When it
 * resolves, the change is in force in this process.
 *
 * @param decide Checks and works out the change from what is stored. Called again when something else was changed
 *   meanwhile, so that what it found still holds at the end.
 * @throws AdminFault whatever `decide` throws; `idempotency_mismatch`
 */
export async function makeChange(context: AdminContext, decide: () => Promise<Change>): Promise<AdminAnswer> {
  const { house, idempotency, caller } = context;
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    // Before anything else is read: what is committed after this makes our own commit fail.
    const head = await house.store.records.head();
    const repeated = await earlierAnswer(context);
    if (repeated !== undefined) return repeated;
    const change = await decide();
    const { before, after, status } = change;
    const subject = after ?? before;
    if (subject === undefined) throw new Error('A change of nothing.');
    const atMs = nowMs();
    const body = after === undefined ? null : viewOf(after);
    const entry = chained(house.digest, {
      seq: head.seq + 1,
      atMs,
      actorId: caller.id,
      actorName: caller.name,
      origin: context.origin,
      action: change.action,
      kind: subject.kind,
      entityId: subject.id,
      before: before === undefined ? undefined : JSON.stringify(viewOf(before)),
      after: body === null ? undefined : JSON.stringify(body),
      previousHash: head.hash,
    });
    const isDone = await house.store.records.commit({
      puts: after === undefined ? [] : [writeEntityRow(after)],
      deletes: after === undefined ? [subject.id] : [],
      audit: [entry],
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
    return { status, body: body === null ? null : { ...body, ...change.shownOnce }, headers: tagOf(after) };
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
