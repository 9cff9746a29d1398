import { priceOf } from '../catalog/catalogue.ts';
import { nanoUsdPerMillionOfUsdPerToken } from '../catalog/decimal.ts';
import type { Price } from '../catalog/price.ts';
import type { Mapping } from './litellm-source.ts';

/** LiteLLM's prices (US dollars per token), and ours. */
const rateOfKey = {
  input_cost_per_token: 'input',
  output_cost_per_token: 'output',
  cache_read_input_token_cost: 'cacheRead',
  cache_creation_input_token_cost: 'cacheWrite',
  cache_creation_input_token_cost_above_1hr: 'cacheWrite1h',
  input_cost_per_audio_token: 'inputAudio',
  output_cost_per_audio_token: 'outputAudio',
  output_cost_per_reasoning_token: 'outputReasoning',
} as const;

const tierKey = /^(.+)_above_([0-9]+)k_tokens$/;

export function isPriceKey(key: string): boolean {
  const base = tierKey.exec(key)?.[1] ?? key;
  return Object.hasOwn(rateOfKey, base);
}

/**
 * The price an entry states, or undefined when it states none. What it leaves out is taken from the catalogue when the
 * model is known there.
 */
export function readLitellmPrice(
  params: Mapping,
  info: Mapping,
  catalogueId: string | undefined,
  model: string,
): Price | undefined {
  const stated = { ...pricesIn(info), ...pricesIn(params) };
  if (Object.keys(stated).length === 0) return undefined;
  const known = catalogueId === undefined ? undefined : priceOf(catalogueId, model);
  const rates: Partial<Price> = {};
  const tiers = new Map<number, Partial<Price>>();
  for (const [key, figure] of Object.entries(stated)) {
    const tier = tierKey.exec(key);
    const rate = rateOf(tier?.[1] ?? key);
    if (rate === undefined) continue;
    if (tier === null) rates[rate] = figure;
    else {
      const bound = Number(tier[2]) * 1000;
      tiers.set(bound, { ...tiers.get(bound), [rate]: figure });
    }
  }
  const isWhole = rates.input !== undefined && rates.output !== undefined;
  const from = isWhole ? undefined : known;
  const base: Price = { input: 0n, output: 0n, ...from, ...rates, source: 'configuration' };
  if (tiers.size === 0) return base;
  const ascending = [...tiers].sort(([a], [b]) => a - b);
  const { tiers: _, ...flat } = base;
  return {
    ...base,
    tiers: ascending.map(([aboveInputTokens, own]) => ({ aboveInputTokens, price: { ...flat, ...own } })),
  };
}

function rateOf(key: string): (typeof rateOfKey)[keyof typeof rateOfKey] | undefined {
  return Object.entries(rateOfKey).find(([name]) => name === key)?.[1];
}

function pricesIn(section: Mapping): Record<string, bigint> {
  const prices: Record<string, bigint> = {};
  for (const [key, value] of Object.entries(section)) {
    if (!isPriceKey(key) || (typeof value !== 'number' && typeof value !== 'string')) continue;
    const figure = nanoUsdPerMillionOfUsdPerToken(value);
    if (figure !== undefined) prices[key] = figure;
  }
  return prices;
}
