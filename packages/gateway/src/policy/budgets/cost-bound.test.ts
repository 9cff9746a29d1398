import { expect, test } from 'bun:test';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { costOf } from '../../ledger/cost.ts';
import { estimateTokens } from '../limits/token-cost.ts';
import { costBound, outputWithin } from './cost-bound.ts';
import { boundRequest, OUTPUT_TOKENS_HELD } from './request-bound.ts';

const plain = { inputTokens: 1_000, outputTokens: 100, answers: 1, mayWriteCache: false, mayHoldMedia: false };
const price = { input: 3_000_000_000n, output: 15_000_000_000n, source: 'test' };

function bound(body: object) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Error(lens.message);
  return boundRequest(bytes, lens, estimateTokens(bytes, lens));
}

test('is the exact cost when all of it is used', () => {
  expect(costBound(price, plain)).toBe(costOf({ inputTokens: 1_000, outputTokens: 100 }, price)?.nanoUsd ?? -1n);
  expect(costBound({ ...price, perRequest: 7n }, plain)).toBe(costBound(price, plain) + 7n);
  expect(costBound({ input: 1n, output: 0n, source: 'test' }, { ...plain, inputTokens: 1 })).toBe(1n);
  expect(costBound({ input: 0n, output: 0n, source: 'test' }, plain)).toBe(0n);
});

test('takes the dearest tier in reach (peer defect: long prompts were held at the short price)', () => {
  const tiered = { ...price, tiers: [{ aboveInputTokens: 200_000, price: { ...price, input: 6_000_000_000n } }] };
  expect(costBound(tiered, plain)).toBe(costBound(price, plain));
  const long = { ...plain, inputTokens: 200_001 };
  expect(costBound(tiered, long)).toBe(costOf({ inputTokens: 200_001, outputTokens: 100 }, tiered)?.nanoUsd ?? -1n);
});

test('takes writing to the cache, and media, only where the request may have them', () => {
  const dear = { ...price, cacheWrite1h: 6_000_000_000n, inputAudio: 40_000_000_000n, cacheRead: 300_000_000n };
  expect(costBound(dear, plain)).toBe(costBound(price, plain));
  expect(costBound(dear, { ...plain, mayWriteCache: true })).toBe(6_000_000n + 1_500_000n);
  expect(costBound(dear, { ...plain, mayHoldMedia: true })).toBe(40_000_000n + 1_500_000n);
});

test('what is said to fit does fit, and one token more does not', () => {
  for (const room of [3_000_001n, 3_015_000n, 4_499_999n, 4_500_000n, 99_999_999n]) {
    const outputTokens = outputWithin(room, price, plain);
    expect(costBound(price, { ...plain, outputTokens })).toBeLessThanOrEqual(room);
    expect(costBound(price, { ...plain, outputTokens: outputTokens + 1 })).toBeGreaterThan(room);
  }
  expect(outputWithin(3_000_000n, price, plain)).toBe(0);
});

test('a request tells its bound: named output, answers, tools, cache marks, media', () => {
  const messages = [{ role: 'user', content: 'How do you do?' }];
  expect(bound({ messages, max_tokens: 30, n: 2 })).toMatchObject({
    outputTokens: 60,
    answers: 2,
    mayWriteCache: false,
  });
  expect(bound({ messages, n: 2 }).outputTokens).toBe(2 * OUTPUT_TOKENS_HELD);
  const { inputTokens } = bound({ messages, max_tokens: 30 });
  expect(bound({ messages, max_tokens: 30, tools: [] }).inputTokens).toBeGreaterThanOrEqual(inputTokens + 1_000);
  const marked = [{ role: 'user', content: [{ type: 'text', text: 'a', cache_control: { type: 'ephemeral' } }] }];
  expect(bound({ messages: marked, max_tokens: 30 })).toMatchObject({ mayWriteCache: true, mayHoldMedia: false });
  expect(bound({ messages: [{ content: [{ type: 'image_url' }] }] }).mayHoldMedia).toBe(true);
  // Absurd figures are no reason to fail.
  expect(() => costBound(price, bound({ messages, max_tokens: 1e15, n: 1e308 }))).not.toThrow();
  expect(() => costBound(price, bound({ messages, n: 1.5 }))).not.toThrow();
});
