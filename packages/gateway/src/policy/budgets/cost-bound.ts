import type { Price } from '../../catalog/price.ts';
import type { AttemptBound } from './attempt-bound.ts';

const TOKENS_PER_MILLION = 1_000_000n;

interface Rates {
  /** The dearest kind of input and of output, in nano-USD per million tokens. */
  readonly input: bigint;
  readonly output: bigint;
  /** Nano-USD per request, with the tools the provider runs for it. */
  readonly perRequest: bigint;
}

/**
 * The highest cost at a price, in nano-USD, rounded up: every token is of the dearest kind it can be.
 *
 * @param outputTokens Of all answers together, when they are bound to less than they could be.
 */
export function costBound(price: Price, bound: AttemptBound, outputTokens = bound.outputTokens): bigint {
  const { input, output, perRequest } = dearest(price, bound);
  const tokens = BigInt(bound.inputTokens) * input + BigInt(outputTokens) * output;
  return (tokens + TOKENS_PER_MILLION - 1n) / TOKENS_PER_MILLION + perRequest;
}

/** Output tokens whose highest cost, with that of the input, is within an amount; 0 when not even the input is. */
export function outputWithin(nanoUsd: bigint, price: Price, bound: AttemptBound): number {
  const { input, output, perRequest } = dearest(price, bound);
  const left = (nanoUsd - perRequest) * TOKENS_PER_MILLION - BigInt(bound.inputTokens) * input;
  if (left <= 0n) return 0;
  return output === 0n ? bound.outputTokens : Math.min(Number(left / output), Number.MAX_SAFE_INTEGER);
}

/** Over all tiers that so much input can reach: a long prompt makes every token dearer. */
function dearest(price: Price, bound: AttemptBound): Rates {
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

function ratesOf(price: Price, bound: AttemptBound): Rates {
  const { cacheWrite, cacheWrite1h, inputAudio, inputImage, outputAudio, outputImage } = price;
  let input = max(price.input, price.cacheRead);
  let output = max(max(price.output, price.outputReasoning), outputImage);
  if (cacheWrite !== undefined && bound.mayWriteCache) input = max(input, cacheWrite);
  if (cacheWrite1h !== undefined && bound.mayWriteCacheForAnHour) input = max(input, cacheWrite1h);
  if ((inputAudio ?? inputImage ?? outputAudio) !== undefined && bound.mayHoldMedia) {
    input = max(max(input, inputAudio), inputImage);
    output = max(output, outputAudio);
  }
  return { input, output, perRequest: (price.perRequest ?? 0n) + toolFees(price, bound) };
}

function toolFees({ serverToolCalls }: Price, { toolCalls }: AttemptBound): bigint {
  let fees = 0n;
  for (const [name, calls] of Object.entries(toolCalls)) {
    fees += (serverToolCalls?.[name] ?? 0n) * BigInt(Math.min(Math.ceil(calls), Number.MAX_SAFE_INTEGER));
  }
  return fees;
}

/** A tool that may be called at a fee that is not known; undefined when there is none. */
export function unpricedTool({ serverToolCalls }: Price, { toolCalls }: AttemptBound): string | undefined {
  return Object.keys(toolCalls).find((name) => (toolCalls[name] ?? 0) > 0 && serverToolCalls?.[name] === undefined);
}

function max(a: bigint, b: bigint | undefined): bigint {
  return b !== undefined && b > a ? b : a;
}
