import { AdminFault } from '../../admin/admin-fault.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { scopeKey } from '../../policy/scope.ts';
import { nowMs } from '../../runtime/clock.ts';
import { entriesOf } from '../ledger-sums.ts';
import { managedScope } from '../standing.ts';
import type { FaceContext } from './operation.ts';

const DAY_MS = 86_400_000;
const DAYS_MAX = 366;
/** LiteLLM's figures are of the last so many days when nothing else is said. */
const DAYS = 30;

/** A stretch of whole days. */
export interface Days {
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
}

/** `start_date` and `end_date`, both days included, in UTC. @throws AdminFault `body_invalid` */
export function daysOf({ query }: FaceContext): Days {
  const { start_date, end_date } = query;
  const fromMs = dayOf('start_date', start_date);
  const toMs = dayOf('end_date', end_date) + DAY_MS;
  if (toMs > fromMs && toMs - fromMs <= DAYS_MAX * DAY_MS) return { fromMs, toMs };
  throw new AdminFault('body_invalid', {
    param: 'end_date',
    message: `end_date must be start_date or a later day, and the two at most ${DAYS_MAX} days apart.`,
  });
}

/** As {@link daysOf}; of the last thirty days when neither is given. */
export function daysOrLast(context: FaceContext): Days {
  const { start_date, end_date } = context.query;
  return start_date || end_date ? daysOf(context) : lastDays();
}

export function lastDays(): Days {
  const toMs = (Math.floor(nowMs() / DAY_MS) + 1) * DAY_MS;
  return { fromMs: toMs - DAYS * DAY_MS, toMs };
}

function dayOf(field: string, text: string | undefined): number {
  const atMs = /^\d{4}-\d\d-\d\d$/.test(text ?? '') ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  if (!Number.isNaN(atMs)) return atMs;
  throw new AdminFault('body_invalid', { param: field, message: `${field} must be a day such as 2026-01-31.` });
}

/** `2026-01-31` */
export function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10);
}

/**
 * What the ledger says of these days under all of the scopes, and under what the caller may see: a key without rights its own user, or
 * itself when it has none; one bound to a team or an organisation that; others everything.
 *
 * @param scopes As the ledger names them: `key:…`, `user:…`.
 */
export async function* entriesAsked(
  context: FaceContext,
  days: Days,
  scopes: readonly string[],
): AsyncGenerator<LedgerEntry> {
  const { house } = context;
  await house.flushLogs();
  const [scope, ...others] = [...scopes, ...boundScopes(context)];
  for await (const entry of entriesOf(house.store, { scope, ...days })) {
    if (entry.kind !== 'top-up' && entry.kind !== 'grant' && others.every((other) => entry.scopes.includes(other))) {
      yield entry;
    }
  }
}

function boundScopes({ house, rights, isOwn, caller }: FaceContext): string[] {
  const bound = isOwn
    ? (caller.scopes.find(({ type }) => type === 'user') ?? caller.scopes[0])
    : managedScope({ house, rights });
  return bound === undefined ? [] : [scopeKey(bound)];
}

/** The name an entry has of a kind: of its key, its team. */
export function nameIn({ scopes }: LedgerEntry, type: string): string | undefined {
  return scopes.find((scope) => scope.startsWith(`${type}:`))?.slice(type.length + 1);
}

export function namesIn({ scopes }: LedgerEntry, type: string): string[] {
  return scopes.filter((scope) => scope.startsWith(`${type}:`)).map((scope) => scope.slice(type.length + 1));
}
