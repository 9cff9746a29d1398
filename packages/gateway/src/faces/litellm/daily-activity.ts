import type { AdminAnswer } from '../../admin/admin-context.ts';
import type { LedgerEntry } from '../../ledger/entry.ts';
import { findKey } from './find-key.ts';
import { KeyTokens } from './key-tokens.ts';
import { numberOfNanoUsd } from './money.ts';
import { type FaceContext, ok } from './operation.ts';
import { pageOf } from './page.ts';
import { dateOf, daysOf, entriesAsked, nameIn, namesIn } from './spend-ask.ts';

interface Figures {
  nanoUsd: bigint;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  requests: number;
  failed: number;
}

/** What a day is broken down by. */
const parts = ['models', 'model_groups', 'providers', 'api_keys', 'entities'] as const;
interface Day {
  readonly all: Figures;
  readonly by: Readonly<Record<(typeof parts)[number], Map<string, Figures>>>;
}

/**
 * `/user/daily/activity`, `/team/daily/activity` and so on: each day, the latest first.
 *
 * @param type What the ledger calls the kind.
 * @param asked The parameter that names some of them; without it all are told.
 */
export async function dailyActivity(context: FaceContext, type: string, asked: string): Promise<AdminAnswer> {
  const { query } = context;
  const names = query[asked] ? new Set(query[asked].split(',').map((name) => name.trim())) : undefined;
  const scopes = query.api_key ? [`key:${(await findKey(context, query.api_key)).name}`] : [];
  const keys = new KeyTokens(context);
  const days = new Map<string, Day>();
  const whole = nothing();
  for await (const entry of entriesAsked(context, daysOf(context), scopes)) {
    const entities = namesIn(entry, type).filter((name) => names === undefined || names.has(name));
    if (names !== undefined && entities.length === 0) continue;
    if (query.model && query.model !== entry.model) continue;
    const date = dateOf(entry.atMs);
    const day = days.get(date) ?? newDay();
    days.set(date, day);
    for (const figures of [whole, day.all, ...partsOf(day, entry, keys.tokenOf(nameIn(entry, 'key')), entities)]) {
      count(figures, entry);
    }
  }
  const { items, page, pages } = pageOf([...days].reverse(), query, {
    sizeField: 'page_size',
    size: 50,
    sizeMax: 1_000,
  });
  return ok({
    results: items.map(([date, day]) => ({ date, metrics: metrics(day.all), breakdown: breakdown(day, keys) })),
    metadata: { ...totals(whole), page, total_pages: Math.max(pages, 1), has_more: page < pages },
  });
}

function partsOf({ by }: Day, entry: LedgerEntry, token: string, entities: readonly string[]): Figures[] {
  const served = entry.modelServed ?? entry.model;
  return [
    ...(served === undefined ? [] : [at(by.models, served)]),
    ...(entry.model === undefined ? [] : [at(by.model_groups, entry.model)]),
    ...(entry.provider === undefined ? [] : [at(by.providers, entry.provider)]),
    at(by.api_keys, token),
    ...entities.map((name) => at(by.entities, name)),
  ];
}

function breakdown({ by }: Day, keys: KeyTokens) {
  return Object.fromEntries(
    parts.map((part) => [
      part,
      Object.fromEntries(
        [...by[part]].map(([name, figures]) => [
          name,
          {
            metrics: metrics(figures),
            metadata: part === 'api_keys' ? { key_alias: keys.aliasOfToken(name) } : {},
          },
        ]),
      ),
    ]),
  );
}

function metrics({ nanoUsd, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, requests, failed }: Figures) {
  return {
    spend: numberOfNanoUsd(nanoUsd),
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    cache_read_input_tokens: cacheReadTokens,
    cache_creation_input_tokens: cacheWriteTokens,
    total_tokens: inputTokens + outputTokens,
    successful_requests: requests - failed,
    failed_requests: failed,
    api_requests: requests,
  };
}

function totals(figures: Figures) {
  return Object.fromEntries(
    Object.entries(metrics(figures)).map(([name, value]) => [`total_${name}`.replace('total_total', 'total'), value]),
  );
}

function count(figures: Figures, { usage, costNanoUsd, fault, kind }: LedgerEntry): void {
  figures.nanoUsd += costNanoUsd ?? 0n;
  figures.inputTokens += usage.inputTokens ?? 0;
  figures.outputTokens += usage.outputTokens ?? 0;
  figures.cacheReadTokens += usage.cacheReadTokens ?? 0;
  figures.cacheWriteTokens += usage.cacheWriteTokens ?? 0;
  if (kind !== 'attempt') return;
  figures.requests++;
  if (fault !== undefined) figures.failed++;
}

function newDay(): Day {
  const by = {
    models: new Map(),
    model_groups: new Map(),
    providers: new Map(),
    api_keys: new Map(),
    entities: new Map(),
  };
  return { all: nothing(), by };
}

function nothing(): Figures {
  return {
    nanoUsd: 0n,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    requests: 0,
    failed: 0,
  };
}

function at(sums: Map<string, Figures>, name: string): Figures {
  const known = sums.get(name);
  if (known !== undefined) return known;
  const made = nothing();
  sums.set(name, made);
  return made;
}
