import { matchesRule, withDashedDate } from './match.ts';
import type { PackedCondition, PackedModel, PackedPrice, PackedRates } from './packed.ts';
import type { Price } from './price.ts';
import pricesText from './prices.txt' with { type: 'text' };

/**
 * The price catalogue: what each provider charges for each model. Figures come from a generated table (`prices.txt`),
 * held as text and parsed provider by provider when first asked for, so that an idle gateway does not carry it.
 */

interface Line {
  fallbacks: readonly string[];
  json: string;
  models: readonly PackedModel[] | undefined;
}

let lines: ReadonlyMap<string, Line> | undefined;
let source = '';

/** What a model costs. More than one price when it depends on the date or the time of day. */
export interface PriceSchedule {
  /** The price in force at a moment. @param atMs milliseconds since the epoch. */
  at(atMs: number): Price;
  /** The longest input of the model, in tokens; undefined when not known. */
  readonly contextWindow: number | undefined;
}

/**
 * The price of `model` at a provider, by the catalogue's rules (dated names, suffixes).
 *
 * @param providerId the provider's id in the catalogue
 * @param atMs the moment to price at, in milliseconds since the epoch. Default: now.
 * @returns undefined when the catalogue does not know; then the cost is unknown, not zero.
 */
export function priceOf(providerId: string, model: string, atMs: number = Date.now()): Price | undefined {
  return priceScheduleOf(providerId, model)?.at(atMs);
}

/** As {@link priceOf}, for keeping: the schedule is looked up once and asked for the price at each use. */
export function priceScheduleOf(providerId: string, model: string): PriceSchedule | undefined {
  const name = model.trim().toLowerCase();
  const found = findModel(providerId, name) ?? findDashed(providerId, name);
  if (found === undefined) return undefined;
  const [, , conditions, contextWindow] = found;
  const prices = conditions.map(([packed]) => unpackPrice(packed));
  const first = prices[0];
  if (first === undefined) return undefined;
  return {
    contextWindow,
    at: (atMs) => {
      // The last condition that holds wins, as in the source.
      for (let index = conditions.length - 1; index >= 0; index--) {
        const condition = conditions[index];
        if (condition !== undefined && holdsAt(condition, atMs)) return prices[index] ?? first;
      }
      return first;
    },
  };
}

/** The names of all models the catalogue knows of a provider. */
export function catalogueModels(providerId: string): string[] {
  return modelsOf(providerId).map(([id]) => id);
}

/** Does the catalogue know this very provider to have the model? Fallback tables of other vendors do not count. */
export function isCatalogued(providerId: string, model: string): boolean {
  const name = model.trim().toLowerCase();
  const dashed = withDashedDate(name);
  return modelsOf(providerId).some(([, rule]) => matchesRule(rule, name) || matchesRule(rule, dashed));
}

/** Name and version of the source of the figures. */
export function catalogueSource(): string {
  readLines();
  return source;
}

function findDashed(providerId: string, name: string): PackedModel | undefined {
  const dashed = withDashedDate(name);
  return dashed === name ? undefined : findModel(providerId, dashed);
}

function findModel(providerId: string, name: string): PackedModel | undefined {
  const own = modelsOf(providerId).find(([, rule]) => matchesRule(rule, name));
  if (own !== undefined) return own;
  for (const fallback of readLines().get(providerId)?.fallbacks ?? []) {
    const found = modelsOf(fallback).find(([, rule]) => matchesRule(rule, name));
    if (found !== undefined) return found;
  }
  return undefined;
}

function modelsOf(providerId: string): readonly PackedModel[] {
  const line = readLines().get(providerId);
  if (line === undefined) return [];
  line.models ??= JSON.parse(line.json) as PackedModel[];
  return line.models;
}

function readLines(): ReadonlyMap<string, Line> {
  if (lines !== undefined) return lines;
  const read = new Map<string, Line>();
  for (const text of pricesText.split('\n')) {
    if (text.startsWith('# ')) source = /genai-prices [0-9.]+/.exec(text)?.[0] ?? 'genai-prices';
    const [id = '', fallbacks = '', json] = text.split('\t');
    if (json === undefined) continue;
    read.set(id, { fallbacks: fallbacks === '' ? [] : fallbacks.split(','), json, models: undefined });
  }
  lines = read;
  return read;
}

function holdsAt([, start, end]: PackedCondition, atMs: number): boolean {
  if (start === undefined) return true;
  if (end === undefined) return atMs >= Date.parse(start);
  const dayMs = 86_400_000;
  const time = ((atMs % dayMs) + dayMs) % dayMs;
  const from = Date.parse(`1970-01-01T${start}`);
  const to = Date.parse(`1970-01-01T${end}`);
  return to < from ? time >= from || time < to : time >= from && time < to;
}

function unpackPrice(packed: PackedPrice): Price {
  const base = unpackRates(packed);
  const calls = packed.s;
  const extras: Partial<Price> = {
    ...(calls === undefined ? {} : { serverToolCalls: searchCalls(BigInt(calls)) }),
    ...(packed.q === undefined ? {} : { perRequest: BigInt(packed.q) }),
  };
  const tiers = packed.t?.map(([aboveInputTokens, rates]) => ({
    aboveInputTokens,
    price: { ...unpackRates(rates, base), ...extras },
  }));
  return { ...base, ...extras, ...(tiers === undefined ? {} : { tiers }) };
}

/** Web searches, under the names that usage reports them by; fetching pages is charged by its tokens alone. */
function searchCalls(nanoUsd: bigint): Record<string, bigint> {
  return { web_search_requests: nanoUsd, num_search_queries: nanoUsd, web_fetch_requests: 0n };
}

const nameOfRate = {
  r: 'cacheRead',
  w: 'cacheWrite',
  h: 'cacheWrite1h',
  ia: 'inputAudio',
  oa: 'outputAudio',
  ii: 'inputImage',
  oi: 'outputImage',
  or: 'outputReasoning',
} as const satisfies Record<Exclude<keyof PackedRates, 'i' | 'o'>, keyof Price>;

function unpackRates(rates: PackedRates, base?: Price): Price {
  const price: Price = {
    input: rates.i === undefined ? (base?.input ?? 0n) : BigInt(rates.i),
    output: rates.o === undefined ? (base?.output ?? 0n) : BigInt(rates.o),
    source,
  };
  for (const [short, name] of Object.entries(nameOfRate)) {
    const figure = rates[short as keyof typeof nameOfRate];
    if (figure !== undefined) price[name] = BigInt(figure);
  }
  return price;
}
