import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { findKey } from './find-key.ts';
import { KeyTokens } from './key-tokens.ts';
import { numberOfNanoUsd } from './money.ts';
import { type FaceContext, ok } from './operation.ts';
import { isoDate } from './show-rules.ts';
import { dateOf, daysOf, entriesAsked, lastDays, nameIn, namesIn } from './spend-ask.ts';
import { spendTotals } from './spend-totals.ts';

/** Rows of one answer. */
const ROWS_MAX = 10_000;

/**
 * `/spend/logs`: with two days sums by day, unless `summarize=false` asks for rows; without, rows of the last thirty days. One row for
 * each call of a provider, the latest first.
 */
export async function spendLogs(context: FaceContext): Promise<AdminAnswer> {
  const { query } = context;
  if (query.request_id) return ok(await rowsOfRequest(context, query.request_id));
  const hasDays = Boolean(query.start_date || query.end_date);
  const days = hasDays ? daysOf(context) : lastDays();
  const scopes = await scopesAsked(context);
  if (hasDays && query.summarize?.toLowerCase() !== 'false') return ok(await byDay(context, days, scopes));
  const rows: unknown[] = [];
  const keys = new KeyTokens(context);
  for await (const entry of entriesAsked(context, days, scopes)) {
    if (rows.length === ROWS_MAX) {
      throw new AdminFault('body_invalid', {
        message: `There are more than ${ROWS_MAX} rows.`,
        hint: 'Ask for fewer days by start_date and end_date, or for one key or user.',
      });
    }
    rows.push(rowOf(entry, keys));
  }
  return ok(rows.reverse());
}

/** As the ledger names what a request asks about. */
export async function scopesAsked(context: FaceContext): Promise<string[]> {
  const { api_key, user_id } = context.query;
  const scopes: string[] = [];
  if (api_key) scopes.push(`key:${(await findKey(context, api_key)).name}`);
  if (user_id) scopes.push(`user:${user_id}`);
  return scopes;
}

/** By the id of the answer, or of the exchange. */
async function rowsOfRequest(context: FaceContext, requestId: string): Promise<unknown[]> {
  const { house } = context;
  await house.flushLogs();
  const own = context.isOwn ? context.caller.name : undefined;
  const exchange = (await house.store.exchangeAnswered(requestId, own)) ?? (await house.store.exchange(requestId));
  if (exchange === undefined) return [];
  const keys = new KeyTokens(context);
  const rows: unknown[] = [];
  const days = { fromMs: exchange.startedAtMs - 1, toMs: exchange.startedAtMs + exchange.durationMs + 60_000 };
  for await (const entry of entriesAsked(context, days, [])) {
    if (entry.exchangeId !== exchange.id) continue;
    rows.push({ ...rowOf(entry, keys), request_id: requestId });
  }
  return rows;
}

function rowOf(entry: LedgerEntry, keys: KeyTokens) {
  const { usage, atMs, settledAtMs, fault } = entry;
  const { inputTokens = 0, outputTokens = 0, cacheReadTokens = 0, cacheWriteTokens = 0 } = usage;
  return {
    request_id: entry.exchangeId ?? entry.id,
    call_type: entry.kind === 'attempt' ? 'acompletion' : entry.kind,
    api_key: keys.tokenOf(nameIn(entry, 'key')),
    spend: numberOfNanoUsd(entry.costNanoUsd ?? 0n),
    total_tokens: inputTokens + outputTokens,
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    startTime: isoDate(atMs),
    endTime: isoDate(settledAtMs),
    model: entry.modelServed ?? entry.model ?? '',
    model_group: entry.model ?? '',
    custom_llm_provider: entry.provider ?? '',
    user: nameIn(entry, 'user') ?? '',
    team_id: nameIn(entry, 'team') ?? null,
    organization_id: nameIn(entry, 'organisation') ?? null,
    end_user: nameIn(entry, 'end-user') ?? '',
    request_tags: namesIn(entry, 'tag'),
    cache_hit: 'False',
    status: fault === undefined ? 'success' : 'failure',
    metadata: {
      additional_usage_values: {
        cache_read_input_tokens: cacheReadTokens,
        cache_creation_input_tokens: cacheWriteTokens,
      },
      ...(fault !== undefined && { error_information: { error_class: fault } }),
    },
  };
}

async function byDay(context: FaceContext, days: { fromMs: number; toMs: number }, scopes: readonly string[]) {
  const keys = new KeyTokens(context);
  const all = new Map<
    string,
    { spend: bigint; parts: Map<string, bigint>; models: Map<string, bigint>; users: Map<string, bigint> }
  >();
  for await (const entry of entriesAsked(context, days, scopes)) {
    const date = dateOf(entry.atMs);
    const day = all.get(date) ?? { spend: 0n, parts: new Map(), models: new Map(), users: new Map() };
    all.set(date, day);
    const cost = entry.costNanoUsd ?? 0n;
    day.spend += cost;
    add(day.parts, keys.tokenOf(nameIn(entry, 'key')), cost);
    add(day.models, entry.model ?? '', cost);
    add(day.users, nameIn(entry, 'user') ?? '', cost);
  }
  return [...all].map(([startTime, { spend, parts, models, users }]) => ({
    startTime,
    spend: numberOfNanoUsd(spend),
    users: spendTotals(users),
    models: spendTotals(models),
    api_keys: spendTotals(parts),
  }));
}

function add(sums: Map<string, bigint>, name: string, cost: bigint): void {
  sums.set(name, (sums.get(name) ?? 0n) + cost);
}
