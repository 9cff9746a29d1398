/**
 * Writes `prices.txt`, the compact price table, from the package `@pydantic/genai-prices`.
 * Run it after updating the package: `bun run packages/gateway/src/catalog/generate-prices.ts`.
 *
 * The package itself is not loaded by the server: importing it takes 25 MB of memory.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { ConditionalPrice, MatchLogic, ModelInfo, ModelPrice, TieredPrices } from '@pydantic/genai-prices';
import { waitForUpdate } from '@pydantic/genai-prices';
import { scaleDecimal } from './decimal.ts';
import type { MatchRule, PackedCondition, PackedModel, PackedPrice, PackedRates } from './packed.ts';

/** The package's price keys, and where each stands in ours. Keys without a row cannot occur in chat exchanges. */
const rateOfKey: Readonly<Record<string, keyof PackedRates>> = {
  input_mtok: 'i',
  output_mtok: 'o',
  cache_read_mtok: 'r',
  cache_write_mtok: 'w',
  cache_write_1h_mtok: 'h',
  input_audio_mtok: 'ia',
  output_audio_mtok: 'oa',
  input_image_mtok: 'ii',
  output_image_mtok: 'oi',
  output_reasoning_mtok: 'or',
};

/** The text of the table. The same package version gives the same text. */
export async function packCatalogue(): Promise<string> {
  const providers = await waitForUpdate();
  if (providers === null) throw new Error('The price package has no data.');
  const lines = [`# Prices from @pydantic/genai-prices ${packageVersion()} (MIT). Written by generate-prices.ts.`];
  for (const provider of providers) {
    const models = provider.models.map(packModel).filter((model) => model !== undefined);
    const fallbacks = (provider.fallback_model_providers ?? []).join(',');
    lines.push([provider.id, fallbacks, JSON.stringify(models)].join('\t'));
  }
  return `${lines.join('\n')}\n`;
}

function packageVersion(): string {
  const entry = createRequire(import.meta.url).resolve('@pydantic/genai-prices');
  const described: unknown = JSON.parse(readFileSync(join(dirname(entry), '..', 'package.json'), 'utf8'));
  if (typeof described === 'object' && described !== null && 'version' in described) return String(described.version);
  throw new Error('The price package does not state its version.');
}

function packModel(model: ModelInfo): PackedModel | undefined {
  const conditional: ConditionalPrice[] = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  const packed: PackedCondition[] = [];
  for (const { constraint, prices } of conditional) {
    const price = packPrice(model.id, prices);
    // Priced by something other than tokens (hours of audio, pages): not known here, so left out as a whole.
    if (price === undefined) return undefined;
    if (constraint === undefined) packed.push([price]);
    else if (constraint.type === 'start_date') packed.push([price, constraint.start_date]);
    else packed.push([price, constraint.start_time, constraint.end_time]);
  }
  const window = windowOf(model, conditional);
  return [model.id, packMatch(model.match), packed, ...(window === undefined ? [] : [window])] as PackedModel;
}

/** A window that a price for longer input denies is not believed. */
function windowOf({ context_window }: ModelInfo, prices: readonly ConditionalPrice[]): number | undefined {
  if (context_window === undefined) return undefined;
  const rates = prices.flatMap(({ prices }) => Object.values(prices));
  const starts = rates.flatMap((rate) => (typeof rate === 'object' ? rate.tiers.map(({ start }) => start) : []));
  return starts.every((start) => start < context_window) ? context_window : undefined;
}

/** The sigils are explained in `packed.ts`. */
function packMatch(match: MatchLogic): MatchRule {
  if ('or' in match) return match.or.map(packMatch);
  if ('and' in match) return { and: match.and.map(packMatch) };
  if ('equals' in match) return `=${match.equals.toLowerCase()}`;
  if ('starts_with' in match) return `^${match.starts_with.toLowerCase()}`;
  if ('ends_with' in match) return `$${match.ends_with.toLowerCase()}`;
  if ('contains' in match) return `~${match.contains.toLowerCase()}`;
  return `/${match.regex}`;
}

function packPrice(id: string, prices: ModelPrice): PackedPrice | undefined {
  // The package leaves the prices of free offers empty; only names that say so are taken at their word.
  if (Object.keys(prices).length === 0) return id.endsWith(':free') ? { i: 0, o: 0 } : undefined;
  if (prices.input_mtok === undefined) return undefined;
  const packed: PackedPrice = ratesAbove(prices, -1);
  // Nothing but input is billed (embeddings, moderation).
  packed.o ??= 0;
  const searches = prices.web_searches_kcount;
  if (searches !== undefined) packed.s = scaled(rateAbove(searches, -1), 6);
  const requests = prices.requests_kcount;
  if (requests !== undefined) packed.q = scaled(rateAbove(requests, -1), 6);
  const starts = new Set<number>();
  for (const rate of Object.values(prices)) {
    if (typeof rate === 'object') for (const tier of rate.tiers) starts.add(tier.start);
  }
  if (starts.size > 0) packed.t = [...starts].sort((a, b) => a - b).map((start) => [start, ratesAbove(prices, start)]);
  return packed;
}

function ratesAbove(prices: ModelPrice, start: number): PackedRates {
  const rates: PackedRates = {};
  for (const [key, rate] of Object.entries(prices)) {
    const short = rateOfKey[key];
    if (short !== undefined && rate !== undefined) rates[short] = scaled(rateAbove(rate, start), 9);
  }
  return rates;
}

function rateAbove(rate: number | TieredPrices, start: number): number {
  if (typeof rate === 'number') return rate;
  let price = rate.base;
  for (const tier of [...rate.tiers].sort((a, b) => a.start - b.start)) if (tier.start <= start) price = tier.price;
  return price;
}

/**
 * The package holds some figures as results of float arithmetic (0.18000000000000002, one twelfth): they are read to
 * the last place we keep, which is a nano-dollar per million tokens.
 */
function scaled(usd: number, places: number): number {
  const exact = scaleDecimal(usd.toFixed(places), places);
  if (exact === undefined || exact > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error(`No exact figure for ${usd}.`);
  return Number(exact);
}

if (import.meta.main) writeFileSync(join(import.meta.dir, 'prices.txt'), await packCatalogue());
