import * as z from 'zod/mini';
import { usd } from '../catalog/decimal.ts';
import type { LedgerRollup } from '../store/store.ts';
import { adjustLedger, adjustmentSchema } from './adjust-ledger.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { pageOf, pageQuery } from './entity-operations.ts';
import { entryOf, entryView } from './entry-view.ts';
import type { AdminOperation } from './operation.ts';

const DAY_MS = 86_400_000;
/** Sums are of the last so many days when nothing else is asked for. */
const ROLLUP_DAYS = 30;

const timeMs = (description: string) =>
  z.optional(z.coerce.number().check(z.int(), z.minimum(0), z.describe(`${description}, Unix milliseconds.`)));
const range = { fromMs: timeMs('Began at this time or later'), toMs: timeMs('Began before this time') };
/** Names stand in it, and they can be long. */
const cursor = z.optional(z.string().check(z.maxLength(1_024), z.describe('`nextCursor` of the page before.')));
const scopeText = z
  .string()
  .check(
    z.maxLength(512),
    z.regex(/^(all|[a-z-]+:[\s\S]+)$/),
    z.describe('`all`, or a kind and a name: `team:search`, `key:web`, `model:gpt-4o`, `provider:openai`.'),
  );

const rollupView = z.object({
  scope: z.string(),
  startMs: z.int(),
  entries: z.int(),
  unpriced: z.int().check(z.describe('Entries whose cost is not known; it is missing in the sum.')),
  estimated: z.int(),
  failed: z.int(),
  costUsd: z.string(),
  costNanoUsd: z.string(),
  inputTokens: z.int(),
  outputTokens: z.int(),
  cacheReadTokens: z.int(),
  cacheWriteTokens: z.int(),
  reasoningTokens: z.int(),
  upliftUsd: z.string().check(z.describe('Charged beyond the cost, by markups.')),
  ownCostUsd: z.string().check(z.describe('What owners of credentials of their own are billed.')),
});

/** What was spent. */
export const ledgerOperations: readonly AdminOperation[] = [
  {
    id: 'listLedgerEntries',
    method: 'GET',
    path: '/ledger/entries',
    scope: 'ledger:read',
    summary: 'List entries of the ledger, the latest first: one for each call of a provider.',
    query: z.strictObject({
      ...pageQuery,
      cursor,
      ...range,
      scope: z.optional(scopeText),
      exchangeId: z.optional(z.string().check(z.maxLength(200))),
    }),
    status: 200,
    answer: pageOf(entryView),
    run: listEntries,
  },
  {
    id: 'listLedgerRollups',
    method: 'GET',
    path: '/ledger/rollups',
    scope: 'ledger:read',
    isGlobal: true,
    summary: 'List sums of the ledger by hour or day, the earliest first; the last 30 days by default.',
    query: z.strictObject({
      ...pageQuery,
      cursor,
      ...range,
      by: z
        ._default(
          z.enum([
            'all',
            'key',
            'user',
            'service-account',
            'team',
            'organisation',
            'project',
            'end-user',
            'tag',
            'model',
            'provider',
            'endpoint',
          ]),
          'all',
        )
        .check(z.describe('Sums of everything, or one for each of a kind.')),
      period: z._default(z.enum(['hour', 'day']), 'day').check(z.describe('In UTC.')),
    }),
    status: 200,
    answer: pageOf(rollupView),
    run: listRollups,
  },
  {
    id: 'adjustLedger',
    method: 'POST',
    path: '/ledger/adjustments',
    scope: 'ledger:write',
    isGlobal: true,
    summary: 'Enter an amount by hand, or correct an entry: a further entry, which budgets count at once.',
    body: adjustmentSchema,
    status: 201,
    answer: entryView,
    run: adjustLedger,
  },
];

async function listEntries(context: AdminContext): Promise<AdminAnswer> {
  const { house, query } = context;
  const limit = Number(query.limit);
  await house.flushLogs();
  const entries = await house.store.ledgerEntries({
    limit: limit + 1,
    fromMs: numberOf(query.fromMs),
    toMs: numberOf(query.toMs),
    scope: scopeWithin(context),
    exchangeId: query.exchangeId === undefined ? undefined : String(query.exchangeId),
    beyond: place(query.cursor, (atMs, id) => ({ atMs, id })),
  });
  const page = entries.slice(0, limit);
  const last = entries.length > limit ? page.at(-1) : undefined;
  return {
    status: 200,
    body: { data: page.map(entryOf), nextCursor: last === undefined ? null : `${last.atMs} ${last.id}` },
  };
}

/** The scope asked for. Keys that belong to a team or an organisation see what counts against that. @throws AdminFault */
function scopeWithin({ house, rights, query }: AdminContext): string | undefined {
  const asked = query.scope === undefined ? undefined : String(query.scope);
  const { teamId, organisationId } = rights;
  const boundId = teamId ?? organisationId;
  if (boundId === undefined) return asked;
  const own = `${teamId === undefined ? 'organisation' : 'team'}:${house.directory.byId(boundId)?.name}`;
  if (asked === undefined || asked === own) return own;
  throw new AdminFault('scope_missing', {
    param: 'scope',
    message: `This key sees what counts against ${own}, and nothing else.`,
    hint: 'Leave scope out.',
  });
}

async function listRollups({ house, query }: AdminContext): Promise<AdminAnswer> {
  const limit = Number(query.limit);
  await house.flushLogs();
  const toMs = numberOf(query.toMs) ?? Number.MAX_SAFE_INTEGER;
  const untilMs = Math.min(toMs, Date.now());
  const rollups = await house.store.ledgerRollups({
    by: String(query.by),
    period: query.period === 'hour' ? 'hour' : 'day',
    fromMs: numberOf(query.fromMs) ?? Math.floor(untilMs / DAY_MS - ROLLUP_DAYS) * DAY_MS,
    toMs,
    limit: limit + 1,
    beyond: place(query.cursor, (startMs, scope) => ({ startMs, scope })),
  });
  const page = rollups.slice(0, limit);
  const last = rollups.length > limit ? page.at(-1) : undefined;
  return {
    status: 200,
    body: { data: page.map(rollupOf), nextCursor: last === undefined ? null : `${last.startMs} ${last.scope}` },
  };
}

/** Where a page begins: a time, and what tells those of one time apart. @throws AdminFault `body_invalid` */
function place<T>(cursor: unknown, of: (timeMs: number, rest: string) => T): T | undefined {
  if (cursor === undefined) return undefined;
  const [, time, rest] = /^([0-9]{1,16}) ([\s\S]+)$/.exec(String(cursor)) ?? [];
  if (time !== undefined && rest !== undefined) return of(Number(time), rest);
  throw new AdminFault('body_invalid', { param: 'cursor', message: 'cursor is none that was given out here.' });
}

function numberOf(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

function rollupOf({ costNanoUsd, upliftNanoUsd, ownCostNanoUsd, ...rollup }: LedgerRollup): Record<string, unknown> {
  return {
    ...rollup,
    costUsd: usd(costNanoUsd),
    costNanoUsd: costNanoUsd.toString(),
    upliftUsd: usd(upliftNanoUsd),
    ownCostUsd: usd(ownCostNanoUsd),
  };
}
