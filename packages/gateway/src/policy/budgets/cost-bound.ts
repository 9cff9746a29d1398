import type { Price } from '../../catalog/price.ts';

/** The most a request can take, as far as can be told before it is sent. */
export interface RequestBound {
  readonly inputTokens: number;
  /** Of all answers together. */
  readonly outputTokens: number;
  readonly answers: number;
  /** May it write to the provider's prompt cache, which can cost more than plain input? */
  readonly mayWriteCache: boolean;
  /** May sound or pictures go in or come out, where they have prices of their own? */
  readonly mayHoldMedia: boolean;
}

const TOKENS_PER_MILLION = 1_000_000n;

interface Rates {
  /** The dearest kind of input and of output, in nano-USD per million tokens. */
  readonly input: bigint;
  readonly output: bigint;
  /** Nano-USD per request. */
  readonly perRequest: bigint;
}

/** The highest cost at a price, in nano-USD, rounded up: every token is of the dearest kind it can be. */
export function costBound(price: Price, bound: RequestBound): bigint {
  const { input, output, perRequest } = dearest(price, bound);
  const tokens = BigInt(bound.inputTokens) * input + BigInt(bound.outputTokens) * output;
  return (tokens + TOKENS_PER_MILLION - 1n) / TOKENS_PER_MILLION + perRequest;
}

/** Output tokens whose highest cost, with that of the input, is within an amount; 0 when not even the input is. */
export function outputWithin(nanoUsd: bigint, price: Price, bound: RequestBound): number {
  const { input, output, perRequest } = dearest(price, bound);
  const left = (nanoUsd - perRequest) * TOKENS_PER_MILLION - BigInt(bound.inputTokens) * input;
  if (left <= 0n) return 0;
  return output === 0n ? bound.outputTokens : Math.min(Number(left / output), Number.MAX_SAFE_INTEGER);
}

/** Over all tiers that so much input can reach: a long prompt makes every token dearer. */
function dearest(price: Price, bound: RequestBound): Rates {
  let rates = ratesOf(price, bound);
  for (const { aboveInputTokens, price: tier } of price.tiers ?? []) {
    if (bound.inputTokens <= aboveInputTokens) continue;
    const other = ratesOf(tier, bound);
    rates = {
      input: max(rates.input, other.input),
      output: max(rates.output, other.output),
      perRequest: max(rates.perRequest, other.perRequest),
    };
  }
  return rates;
}

function ratesOf(price: Price, bound: RequestBound): Rates {
  const { cacheWrite, cacheWrite1h, inputAudio, inputImage, outputAudio, outputImage } = price;
  let input = max(price.input, price.cacheRead);
  let output = max(price.output, price.outputReasoning);
  if ((cacheWrite ?? cacheWrite1h) !== undefined && bound.mayWriteCache) {
    input = max(max(input, cacheWrite), cacheWrite1h);
  }
  if ((inputAudio ?? inputImage ?? outputAudio ?? outputImage) !== undefined && bound.mayHoldMedia) {
    input = max(max(input, inputAudio), inputImage);
    output = max(max(output, outputAudio), outputImage);
  }
  return { input, output, perRequest: price.perRequest ?? 0n };
}

function max(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a;
}
