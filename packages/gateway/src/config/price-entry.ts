import { nanoUsdOfUsd } from '../catalog/decimal.ts';
import type { Price } from '../catalog/price.ts';
import type { PriceEntry } from './endpoint-schema.ts';

/**
 * A price as the operator wrote it, in integers.
 *
 * @returns the key that is finer than a nano-dollar per million tokens when there is one.
 */
export function readPriceEntry(entry: PriceEntry): Price | { tooFine: string } {
  let tooFine: string | undefined;
  const nano = (key: string, usd: string | number): bigint => {
    const figure = nanoUsdOfUsd(usd);
    if (figure === undefined) tooFine ??= key;
    return figure ?? 0n;
  };
  const rates = (from: Partial<PriceEntry>): Partial<Price> => {
    const read: Partial<Price> = {};
    for (const key of rateKeys) {
      const usd = from[key];
      if (usd !== undefined) read[key] = nano(key, usd);
    }
    return read;
  };
  const base: Price = { input: 0n, output: 0n, ...rates(entry), source: 'configuration' };
  if (entry.perRequest !== undefined) base.perRequest = nano('perRequest', entry.perRequest);
  if (entry.serverToolCalls !== undefined) {
    const calls = Object.entries(entry.serverToolCalls).map(
      ([name, usd]) => [name, nano('serverToolCalls', usd)] as const,
    );
    base.serverToolCalls = Object.fromEntries(calls);
  }
  const tiers = entry.tiers?.map(({ aboveInputTokens, ...figures }) => ({
    aboveInputTokens,
    price: { ...base, ...rates(figures) },
  }));
  if (tooFine !== undefined) return { tooFine };
  if (tiers === undefined) return base;
  return { ...base, tiers: tiers.sort((a, b) => a.aboveInputTokens - b.aboveInputTokens) };
}

const rateKeys = [
  'input',
  'output',
  'cacheRead',
  'cacheWrite',
  'cacheWrite1h',
  'inputAudio',
  'outputAudio',
  'inputImage',
  'outputImage',
  'outputReasoning',
] as const;
