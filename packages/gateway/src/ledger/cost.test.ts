import { describe, expect, test } from 'bun:test';
import type { Usage } from '@turnpike/wire/canon/usage.ts';
import fc from 'fast-check';
import type { Price } from '../catalog/price.ts';
import { costOf, priceInForce } from './cost.ts';

const usd = 1_000_000_000n;
/** US dollars per million tokens in hundredths: `cents(375)` is $3.75. */
const cents = (hundredths: bigint) => (hundredths * usd) / 100n;

const sonnet: Price = {
  input: cents(300n),
  output: cents(1500n),
  cacheRead: cents(30n),
  cacheWrite: cents(375n),
  cacheWrite1h: cents(600n),
  serverToolCalls: { web_search_requests: usd / 100n },
  source: 'test',
};

describe('costOf', () => {
  test('charges a cache write apart from the few tokens beside it', () => {
    const usage = { inputTokens: 3 + 12_304, cacheWriteTokens: 12_304, outputTokens: 550 };
    expect(costOf(usage, sonnet)).toEqual({ nanoUsd: 54_399_000n, uncovered: [] });
  });

  test('charges reads and writes of one prompt apart', () => {
    const opus: Price = {
      input: cents(500n),
      output: cents(2500n),
      cacheRead: cents(50n),
      cacheWrite: cents(625n),
      source: 'test',
    };
    const usage = { inputTokens: 98_805, cacheReadTokens: 66_360, cacheWriteTokens: 32_435, outputTokens: 5_120 };
    expect(costOf(usage, opus)).toEqual({ nanoUsd: 363_948_750n, uncovered: [] });
  });

  test('charges everything at the tier that the whole input exceeds', () => {
    const tier: Price = { input: cents(250n), output: cents(1500n), cacheRead: cents(25n), source: 'test' };
    const pro: Price = {
      input: cents(125n),
      output: cents(1000n),
      cacheRead: 125_000_000n,
      tiers: [{ aboveInputTokens: 200_000, price: tier }],
      source: 'test',
    };
    const usage = { inputTokens: 262_960, cacheReadTokens: 257_955, outputTokens: 1_744 };
    // 5005 × $2.50 + 257955 × $0.25 + 1744 × $15, per million: the cached part counts toward the bound.
    expect(costOf(usage, pro)?.nanoUsd).toBe(103_161_250n);
    expect(costOf({ inputTokens: 200_000, outputTokens: 0 }, pro)?.nanoUsd).toBe(250_000_000n);
    expect(costOf({ inputTokens: 200_001, outputTokens: 0 }, pro)?.nanoUsd).toBe(500_002_500n);
    expect(priceInForce(pro, 200_000).input).toBe(pro.input);
  });

  test("does not charge cached tokens at the full price under prices of one's own", () => {
    const own: Price = {
      input: cents(1000n),
      output: 0n,
      cacheRead: cents(100n),
      cacheWrite: cents(1250n),
      source: 'configuration',
    };
    const usage = { inputTokens: 1_000, cacheWriteTokens: 700, cacheReadTokens: 200, outputTokens: 0 };
    // 100 × 10 + 700 × 12.5 + 200 × 1 micro-dollars
    expect(costOf(usage, own)?.nanoUsd).toBe(9_950_000n);
  });

  test('charges entries kept for an hour at their own price', () => {
    const usage = { inputTokens: 3_000, cacheWriteTokens: 3_000, cacheWrite1hTokens: 1_000, outputTokens: 0 };
    expect(costOf(usage, sonnet)?.nanoUsd).toBe(2_000n * 3_750n + 1_000n * 6_000n);
  });

  test('names what it charged at a lower price for want of the right one', () => {
    const { cacheWrite1h: _, ...without } = sonnet;
    const usage = { inputTokens: 1_000, cacheWriteTokens: 1_000, cacheWrite1hTokens: 1_000, outputTokens: 0 };
    expect(costOf(usage, without)).toEqual({ nanoUsd: 3_750_000n, uncovered: ['cacheWrite1hTokens'] });
    expect(costOf({ inputTokens: 10, inputAudioTokens: 4, outputTokens: 0 }, sonnet)?.uncovered).toEqual([
      'inputAudioTokens',
    ]);
  });

  test('counts reasoning as output, and apart where it is priced apart', () => {
    expect(costOf({ inputTokens: 0, outputTokens: 1_000, reasoningTokens: 800 }, sonnet)?.nanoUsd).toBe(15_000_000n);
    const research = { ...sonnet, outputReasoning: cents(300n) };
    expect(costOf({ inputTokens: 0, outputTokens: 1_000, reasoningTokens: 800 }, research)?.nanoUsd).toBe(5_400_000n);
  });

  test('charges provider tools by the call, and names those without a price', () => {
    const usage = {
      inputTokens: 0,
      outputTokens: 0,
      serverToolCalls: { web_search_requests: 3, code_execution_requests: 1, other: 0 },
    };
    expect(costOf(usage, sonnet)).toEqual({
      nanoUsd: 30_000_000n,
      uncovered: ['serverToolCalls.code_execution_requests'],
    });
  });

  test('is unknown without a price, and without usage', () => {
    expect(costOf({ inputTokens: 5, outputTokens: 5 }, undefined)).toBeUndefined();
    expect(costOf({}, sonnet)).toBeUndefined();
    expect(costOf({ inputTokens: 1_000 }, sonnet)).toEqual({ nanoUsd: 3_000_000n, uncovered: ['outputTokens'] });
  });

  test('knows that what is free costs nothing, whatever was reported', () => {
    expect(costOf({}, { input: 0n, output: 0n, source: 'sandbox' })).toEqual({ nanoUsd: 0n, uncovered: [] });
  });

  test('rounds once, half up', () => {
    const fine: Price = { input: 500_000n, output: 499_999n, source: 'test' };
    expect(costOf({ inputTokens: 1, outputTokens: 0 }, fine)?.nanoUsd).toBe(1n);
    expect(costOf({ inputTokens: 0, outputTokens: 1 }, fine)?.nanoUsd).toBe(0n);
    expect(costOf({ inputTokens: 1, outputTokens: 1 }, fine)?.nanoUsd).toBe(1n);
  });

  test('does not charge figures that are no counts', () => {
    const broken = { inputTokens: 10, outputTokens: -3, reasoningTokens: 1.5, cacheReadTokens: Number.NaN };
    expect(costOf(broken, sonnet)).toEqual({
      nanoUsd: 30_000n,
      uncovered: ['cacheReadTokens', 'reasoningTokens', 'outputTokens'],
    });
  });

  test('charges no more parts than there are, and says so', () => {
    const usage = { inputTokens: 100, cacheReadTokens: 150, outputTokens: 0 };
    expect(costOf(usage, sonnet)).toEqual({ nanoUsd: 30_000n, uncovered: ['inputTokens'] });
  });

  test('is exact where floats are not', () => {
    const cheap: Price = { input: 37_500_000n, output: 1n, source: 'test' };
    expect(costOf({ inputTokens: 900_719_925_474_099, outputTokens: 0 }, cheap)?.nanoUsd).toBe(33_776_997_205_278_713n);
  });
});

const count = fc.integer({ min: 0, max: 2_000_000 });
const figure = fc.bigInt({ min: 0n, max: 1_000n * usd });
const anyPrice: fc.Arbitrary<Price> = fc
  .record({
    input: figure,
    output: figure,
    cacheRead: figure,
    cacheWrite: figure,
    cacheWrite1h: figure,
    inputAudio: figure,
  })
  .map((price) => ({ ...price, source: 'test' }));
/** Parts and the plain rest; totals follow, so that the parts never exceed them. */
const anyParts = fc.record({ plain: count, read: count, write: count, write1h: count, audio: count, output: count });
type Parts = { plain: number; read: number; write: number; write1h: number; audio: number; output: number };

function usageOf(parts: Parts): Usage {
  return {
    inputTokens: parts.plain + parts.read + parts.write + parts.write1h + parts.audio,
    cacheReadTokens: parts.read,
    cacheWriteTokens: parts.write + parts.write1h,
    cacheWrite1hTokens: parts.write1h,
    inputAudioTokens: parts.audio,
    outputTokens: parts.output,
  };
}

describe('costOf, for any usage', () => {
  test('is the sum of its parts, to the nano-dollar', () => {
    fc.assert(
      fc.property(anyPrice, anyParts, (price, parts) => {
        const millionths =
          BigInt(parts.plain) * price.input +
          BigInt(parts.read) * (price.cacheRead ?? 0n) +
          BigInt(parts.write) * (price.cacheWrite ?? 0n) +
          BigInt(parts.write1h) * (price.cacheWrite1h ?? 0n) +
          BigInt(parts.audio) * (price.inputAudio ?? 0n) +
          BigInt(parts.output) * price.output;
        const cost = costOf(usageOf(parts), price);
        expect(typeof cost?.nanoUsd).toBe('bigint');
        const error = 2n * ((cost?.nanoUsd ?? -1n) * 1_000_000n - millionths);
        expect(error <= 1_000_000n && error > -1_000_000n).toBe(true);
      }),
    );
  });

  test('never falls when more of anything is used', () => {
    const kind = fc.constantFrom<keyof Parts>('plain', 'read', 'write', 'write1h', 'audio', 'output');
    fc.assert(
      fc.property(anyPrice, anyParts, kind, count, (price, parts, more, extra) => {
        const before = costOf(usageOf(parts), price)?.nanoUsd ?? 0n;
        const after = costOf(usageOf({ ...parts, [more]: parts[more] + extra }), price)?.nanoUsd ?? 0n;
        expect(after >= before).toBe(true);
      }),
    );
  });
});
