import * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { hasScope } from '../../identity/admin-scope.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { scopeKey } from '../../policy/scope.ts';
import { dollars } from '../dollars.ts';
import type { FaceOperation } from '../face-operation.ts';
import { type DaySums, sumEntries, sumRollups } from '../ledger-sums.ts';
import { managedScope } from '../standing.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS_MAX = 366;

const text = z.optional(z.string().check(z.minLength(1), z.maxLength(512)));
const querySchema = z.strictObject({
  start_date: z.iso.date(),
  end_date: z.iso.date(),
  group_by: z._default(
    z.enum(['day', 'hour', 'user', 'model', 'tag', 'provider', 'credential_type', 'api_key_name']),
    'day',
  ),
  date_part: z.optional(z.enum(['day', 'hour'])),
  user_id: text,
  model: text,
  provider: text,
  credential_type: z.optional(z.enum(['byok', 'system'])),
  tags: text,
  tags_match: z._default(z.enum(['any', 'all']), 'any'),
});
type Query = z.infer<typeof querySchema>;

export const reportOperation: FaceOperation = {
  method: 'GET',
  path: '/v1/report',
  access: 'caller',
  query: querySchema,
  run: report,
};

/** What the ledger calls the things a report is grouped by. */
const KINDS = {
  user: 'end-user',
  model: 'model',
  tag: 'tag',
  provider: 'provider',
  api_key_name: 'key',
  credential_type: 'credential',
} as const;

/** What was spent from the first day to the last, in UTC. A key sees its own; one that reads the ledger, what it manages. */
async function report(context: AdminContext): Promise<AdminAnswer> {
  const { house, caller, rights } = context;
  const query = context.query as Query;
  const { group_by, date_part } = query;
  if (date_part !== undefined && group_by !== 'day') {
    throw new AdminFault('body_invalid', { param: 'date_part', message: 'date_part goes with group_by=day only.' });
  }
  const isHourly = group_by === 'hour' || date_part === 'hour';
  const range = rangeOf(query);
  const scope = hasScope(rights, 'ledger:read') ? managedScope({ house, rights }) : caller.scopes[0];
  const scopeText = scope === undefined ? undefined : scopeKey(scope);
  await house.flushLogs();
  const { byokCounts } = house.snapshot();
  const period = isHourly ? 'hour' : 'day';
  const kind = group_by in KINDS ? KINDS[group_by as keyof typeof KINDS] : undefined;
  const filters = [query.user_id, query.model, query.provider, query.tags, query.credential_type];
  // The ledger keeps no sums by whose credential it was.
  const isFiltered = kind === 'credential' || filters.some((filter) => filter !== undefined);
  const sums =
    isFiltered || (kind !== undefined && scopeText !== undefined)
      ? await sumEntries(
          house.store,
          { scope: scopeText, ...range },
          (entry) => (fits(entry, query) ? (kind === undefined ? [''] : namesOf(entry, kind)) : []),
          isHourly ? HOUR_MS : DAY_MS,
        )
      : await sumRollups(house.store, { ...range, period, ...(kind === undefined ? ofOne(scopeText) : { by: kind }) });
  return {
    status: 200,
    body: { results: kind === undefined ? byTime(sums, byokCounts, isHourly) : byName(sums, byokCounts, group_by) },
  };
}

/** @throws AdminFault `body_invalid` */
function rangeOf({ start_date, end_date }: Query): { fromMs: number; toMs: number } {
  const fromMs = Date.parse(`${start_date}T00:00:00Z`);
  const toMs = Date.parse(`${end_date}T00:00:00Z`) + DAY_MS;
  if (toMs > fromMs && toMs - fromMs <= DAYS_MAX * DAY_MS) return { fromMs, toMs };
  throw new AdminFault('body_invalid', {
    param: 'end_date',
    message: `end_date must be start_date or a later day, and the two at most ${DAYS_MAX} days apart.`,
  });
}

function ofOne(scope: string | undefined): { by: string; scope: string } {
  return scope === undefined ? { by: 'all', scope: 'all' } : { by: scope.slice(0, scope.indexOf(':')), scope };
}

function fits(entry: LedgerEntry, { user_id, model, provider, tags, tags_match, credential_type }: Query): boolean {
  if (credential_type !== undefined && credential_type !== credentialOf(entry)) return false;
  if (user_id !== undefined && !entry.scopes.includes(`end-user:${user_id}`)) return false;
  if (model !== undefined && model !== entry.model && model !== `${entry.provider}/${entry.modelServed}`) return false;
  if (provider !== undefined && provider !== entry.provider) return false;
  if (tags === undefined) return true;
  const has = (tag: string) => entry.scopes.includes(`tag:${tag.trim()}`);
  return tags_match === 'all' ? tags.split(',').every(has) : tags.split(',').some(has);
}

function credentialOf({ paidBy }: LedgerEntry): 'byok' | 'system' {
  return paidBy === undefined ? 'system' : 'byok';
}

/** As the sums of the ledger are called. */
function namesOf(entry: LedgerEntry, kind: (typeof KINDS)[keyof typeof KINDS]): readonly string[] {
  if (kind === 'credential') return [`credential:${credentialOf(entry)}`];
  if (kind === 'model') return entry.model === undefined ? [] : [`model:${entry.model}`];
  if (kind === 'provider') return entry.provider === undefined ? [] : [`provider:${entry.provider}`];
  return entry.scopes.filter((scope) => scope.startsWith(`${kind}:`));
}

function byTime(sums: readonly DaySums[], counts: boolean, isHourly: boolean): unknown[] {
  return sums
    .toSorted((a, b) => a.startMs - b.startMs)
    .map((sum) => {
      const iso = new Date(sum.startMs).toISOString();
      return { ...(isHourly ? { hour: iso } : { day: iso.slice(0, 10) }), ...figures(sum, counts) };
    });
}

/** The dearest first. */
function byName(sums: readonly DaySums[], counts: boolean, field: string): unknown[] {
  return merged(sums)
    .toSorted((a, b) => (a.costNanoUsd > b.costNanoUsd ? -1 : 1))
    .map((sum) => ({ [field]: sum.scope.slice(sum.scope.indexOf(':') + 1), ...figures(sum, counts) }));
}

/** All days of a name together. */
function merged(sums: readonly DaySums[]): DaySums[] {
  const byScope = new Map<string, DaySums>();
  for (const sum of sums) {
    const before = byScope.get(sum.scope);
    byScope.set(sum.scope, before === undefined ? sum : added(before, sum));
  }
  return [...byScope.values()];
}

function added(a: DaySums, b: DaySums): DaySums {
  return {
    ...a,
    entries: a.entries + b.entries,
    costNanoUsd: a.costNanoUsd + b.costNanoUsd,
    ownCostNanoUsd: a.ownCostNanoUsd + b.ownCostNanoUsd,
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    cacheReadTokens: a.cacheReadTokens + b.cacheReadTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
  };
}

/** @param counts Is what owners of credentials of their own are billed in the cost already? */
function figures(sum: DaySums, counts: boolean): Record<string, unknown> {
  return {
    total_cost: dollars(sum.costNanoUsd),
    market_cost: dollars(sum.costNanoUsd + (counts ? 0n : sum.ownCostNanoUsd)),
    input_tokens: sum.inputTokens,
    output_tokens: sum.outputTokens,
    cached_input_tokens: sum.cacheReadTokens,
    cache_creation_input_tokens: sum.cacheWriteTokens,
    reasoning_tokens: sum.reasoningTokens,
    request_count: sum.entries,
  };
}
