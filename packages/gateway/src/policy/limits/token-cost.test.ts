import { describe, expect, test } from 'bun:test';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { rule } from './limiter.test-support.ts';
import { estimateTokens, OUTPUT_TOKENS_DEFAULT, weightOf } from './token-cost.ts';

function estimate(body: object) {
  const bytes = new TextEncoder().encode(JSON.stringify(body));
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Error(lens.message);
  return { ...estimateTokens(bytes, lens), size: bytes.length };
}

const messages = [{ role: 'user', content: 'How do you do?' }];

describe('estimateTokens', () => {
  test('takes the bound the caller set, times the answers, else the default', () => {
    expect(estimate({ messages, max_tokens: 300 })).toMatchObject({ outputTokens: 300, isBounded: true, answers: 1 });
    expect(estimate({ messages, max_completion_tokens: 70, n: 3 })).toMatchObject({ outputTokens: 210 });
    expect(estimate({ messages, max_tokens: 10, max_completion_tokens: 70 })).toMatchObject({ outputTokens: 70 });
    for (const bound of [undefined, null, 'many', -5, 0]) {
      expect(estimate({ messages, max_tokens: bound })).toMatchObject({
        outputTokens: OUTPUT_TOKENS_DEFAULT,
        isBounded: false,
      });
    }
  });

  test('takes a third of the bytes for the input', () => {
    const { inputTokens, size } = estimate({ messages });
    expect(inputTokens).toBe(Math.ceil(size / 3));
    const long = estimate({ messages: [{ role: 'user', content: 'Ein Satz mit "Zeichen" darin. '.repeat(1_000) }] });
    expect(long.inputTokens).toBe(Math.ceil(long.size / 3));
  });

  test('counts media by their own measure', () => {
    const picture = Buffer.alloc(1_000_000, 7).toString('base64');
    for (const data of [picture, `data:image/png;base64,${picture}`]) {
      const { inputTokens } = estimate({ messages: [{ role: 'user', content: [{ type: 'image', data }] }] });
      expect(inputTokens).toBeGreaterThan(15_000);
      expect(inputTokens).toBeLessThan(16_500);
    }
    const pages = Array.from({ length: 5 }, () => ({
      type: 'image',
      data: Buffer.alloc(30_000, 1).toString('base64'),
    }));
    const text = { type: 'text', text: 'Words, then pictures. '.repeat(2_000) };
    const mixed = estimate({ messages: [{ role: 'user', content: [text, ...pages, text] }] });
    const words = estimate({ messages: [{ role: 'user', content: [text, text] }] });
    expect(mixed.inputTokens - words.inputTokens).toBeGreaterThan(5 * 2_500);
    expect(mixed.inputTokens - words.inputTokens).toBeLessThan(5 * 3_000);
  });

  test('costs little for a large body of small things', () => {
    const body = { messages: Array.from({ length: 100_000 }, () => ({ role: 'user', content: 'Hi' })) };
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const lens = scanJsonObject(bytes);
    if (!lens.ok) throw new Error(lens.message);
    const startedMs = performance.now();
    const { inputTokens } = estimateTokens(bytes, lens);
    expect(performance.now() - startedMs).toBeLessThan(20);
    expect(inputTokens).toBe(Math.ceil(bytes.length / 3));
  });
});

test('what is guessed never weighs more than the limit, unless the input alone does', () => {
  const weigh = (amount: number, inputTokens: number, isBounded: boolean) =>
    weightOf(rule('tokens', amount, 1), () => ({ inputTokens, outputTokens: 512, isBounded, answers: 1 }));
  expect(weigh(1_000, 100, false)).toBe(612);
  expect(weigh(400, 100, false)).toBe(400);
  expect(weigh(50, 100, false)).toBe(100);
  expect(weigh(400, 100, true)).toBe(612);
  expect(weightOf(rule('tokens', 9, 1), () => undefined)).toBeUndefined();
});
