import { describe, expect, test } from 'bun:test';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import fc from 'fast-check';
import type { Price } from '../../catalog/price.ts';
import type { Endpoint } from '../../config/snapshot.ts';
import { costOf } from '../../ledger/cost.ts';
import { estimateTokens } from '../limits/token-cost.ts';
import { type AttemptBound, boundAttempt, OUTPUT_TOKENS_HELD } from './attempt-bound.ts';
import { costBound, outputWithin, unpricedTool } from './cost-bound.ts';
import { boundRequest } from './request-bound.ts';

const plain: AttemptBound = {
  inputTokens: 1_000,
  outputTokens: 100,
  answers: 1,
  toolCalls: {},
  mayWriteCache: false,
  mayWriteCacheForAnHour: false,
  mayHoldMedia: false,
  unbounded: undefined,
  isOutputOpen: false,
  outputCap: undefined,
};
const price: Price = { input: 3_000_000_000n, output: 15_000_000_000n, source: 'test' };

function requestOf(text: string, headers = new Headers()) {
  const bytes = new TextEncoder().encode(text);
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Error(lens.message);
  return boundRequest(bytes, lens, estimateTokens(bytes, lens), headers);
}

const request = (body: object) => requestOf(JSON.stringify(body));

function endpoint(fields: object = {}, providerId = 'openai', dialect = 'openai-chat'): Endpoint {
  return { model: 'gpt-4o', provider: { id: providerId, dialect }, ...fields } as unknown as Endpoint;
}

const claude = (fields: object = {}) =>
  endpoint({ model: 'claude-sonnet', ...fields }, 'anthropic', 'anthropic-messages');
const messages = [{ role: 'user', content: 'How do you do?' }];

describe('at a price', () => {
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
    const dear = {
      ...price,
      cacheWrite: 3_750_000_000n,
      cacheWrite1h: 6_000_000_000n,
      inputAudio: 40_000_000_000n,
      cacheRead: 300_000_000n,
    };
    expect(costBound(dear, plain)).toBe(costBound(price, plain));
    expect(costBound(dear, { ...plain, mayWriteCache: true })).toBe(3_750_000n + 1_500_000n);
    expect(costBound(dear, { ...plain, mayWriteCache: true, mayWriteCacheForAnHour: true })).toBe(
      6_000_000n + 1_500_000n,
    );
    expect(costBound(dear, { ...plain, mayHoldMedia: true })).toBe(40_000_000n + 1_500_000n);
  });

  test('takes the fees of tools the provider runs, and tells of those without one', () => {
    const searching = { ...plain, toolCalls: { web_search_requests: 5 } };
    const withFee = { ...price, serverToolCalls: { web_search_requests: 10_000_000n } };
    expect(costBound(withFee, searching)).toBe(costBound(price, plain) + 50_000_000n);
    expect([unpricedTool(withFee, searching), unpricedTool(price, searching)]).toEqual([
      undefined,
      'web_search_requests',
    ]);
    expect(unpricedTool(price, { ...plain, toolCalls: { web_search_requests: 0 } })).toBeUndefined();
  });

  test('what is said to fit does fit, and one token more does not', () => {
    for (const room of [3_000_001n, 3_015_000n, 4_499_999n, 4_500_000n, 99_999_999n]) {
      const outputTokens = outputWithin(room, price, plain);
      expect(costBound(price, { ...plain, outputTokens })).toBeLessThanOrEqual(room);
      expect(costBound(price, { ...plain, outputTokens: outputTokens + 1 })).toBeGreaterThan(room);
    }
    expect(outputWithin(3_000_000n, price, plain)).toBe(0);
  });
});

const rate = fc.bigInt({ min: 0n, max: 50_000_000_000n });
const rates = fc.record(
  {
    input: rate,
    output: rate,
    cacheRead: rate,
    cacheWrite: rate,
    cacheWrite1h: rate,
    inputAudio: rate,
    inputImage: rate,
    outputAudio: rate,
    outputImage: rate,
    outputReasoning: rate,
    perRequest: rate,
  },
  { requiredKeys: ['input', 'output'] },
);
const fee = { web_search_requests: 10_000_000n };
const anyPrice: fc.Arbitrary<Price> = fc
  .tuple(rates, fc.array(fc.tuple(fc.integer({ min: 0, max: 2_000 }), rates), { maxLength: 2 }))
  .map(([base, tiers]) => ({
    ...base,
    source: 'test',
    serverToolCalls: fee,
    tiers: tiers
      .toSorted(([a], [b]) => a - b)
      .map(([aboveInputTokens, own]) => ({
        aboveInputTokens,
        price: { ...own, serverToolCalls: fee, source: 'test' },
      })),
  }));
const tokens = fc.integer({ min: 0, max: 2_000 });
const anyUsage = fc.record({
  inputTokens: tokens,
  outputTokens: tokens,
  cacheReadTokens: tokens,
  cacheWriteTokens: tokens,
  cacheWrite1hTokens: tokens,
  inputAudioTokens: tokens,
  inputImageTokens: tokens,
  outputAudioTokens: tokens,
  outputImageTokens: tokens,
  reasoningTokens: tokens,
  searches: fc.integer({ min: 0, max: 3 }),
});

test('whatever is used of each kind, within what was bounded, costs no more than was held, in whatever tier it falls', () => {
  fc.assert(
    fc.property(anyPrice, anyUsage, fc.boolean(), fc.boolean(), fc.boolean(), (price, used, writes, hours, media) => {
      const { searches, inputAudioTokens, inputImageTokens, outputAudioTokens, cacheWriteTokens, ...rest } = used;
      const usage = {
        ...rest,
        cacheWriteTokens: writes ? cacheWriteTokens : 0,
        cacheWrite1hTokens: writes && hours ? used.cacheWrite1hTokens : 0,
        ...(media && { inputAudioTokens, inputImageTokens, outputAudioTokens }),
        serverToolCalls: { web_search_requests: searches },
      };
      const cost = costOf(usage, price)?.nanoUsd ?? 0n;
      const bound: AttemptBound = {
        ...plain,
        inputTokens: 2_000,
        outputTokens: used.outputTokens,
        toolCalls: { web_search_requests: searches },
        mayWriteCache: writes,
        mayWriteCacheForAnHour: writes && hours,
        mayHoldMedia: media,
      };
      expect(costBound(price, bound)).toBeGreaterThanOrEqual(cost);
      // The bound that fits exactly is of this very usage.
      expect(costBound(price, { ...bound, inputTokens: used.inputTokens })).toBeGreaterThanOrEqual(cost);
    }),
    { numRuns: 3_000 },
  );
});

describe('text', () => {
  // The letters of a rare script can take a token for each of their bytes.
  test.each(['ꙮ'.repeat(500), '\u0001'.repeat(500), '!@#$%'.repeat(100), '"\\\n'.repeat(200)])(
    'takes no more tokens than it has bytes',
    (content) => {
      const { inputTokens, unbounded } = boundAttempt(request({ messages: [{ role: 'user', content }] }), endpoint());
      expect(inputTokens).toBeGreaterThanOrEqual(new TextEncoder().encode(content).length);
      expect(unbounded).toBeUndefined();
    },
  );

  test('takes no more than the model can read', () => {
    const long = request({ messages: [{ role: 'user', content: 'word '.repeat(100_000) }] });
    expect(boundAttempt(long, endpoint({ inputTokensMax: 128_000 })).inputTokens).toBe(128_000);
    expect(boundAttempt(long, endpoint()).inputTokens).toBeGreaterThan(500_000);
    const longer = requestOf(JSON.stringify({ messages }), new Headers({ 'anthropic-beta': 'context-1m-2025-08-07' }));
    const open = { ...longer, openMedia: 'a document' };
    expect(boundAttempt(open, claude({ inputTokensMax: 200_000 })).inputTokens).toBe(1_000_000);
  });

  test('of tools has words of the provider around it', () => {
    const { inputTokens } = boundAttempt(request({ messages }), endpoint());
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(boundAttempt(request({ messages, tools }), endpoint()).inputTokens).toBeGreaterThan(inputTokens + 100);
    const elsewhere = endpoint({}, 'elsewhere');
    expect(boundAttempt(request({ messages }), elsewhere).inputTokens).toBe(inputTokens + 1_024);
    const typed = [{ type: 'computer_20250124', name: 'computer' }];
    expect(boundAttempt(request({ messages, tools: typed }), claude()).inputTokens).toBeGreaterThan(3_500);
  });
});

describe('output', () => {
  test('is what the request names, times its answers, with what it predicts', () => {
    const bound = (body: object, at = endpoint()) => boundAttempt(request({ messages, ...body }), at);
    expect(bound({ max_tokens: 30, n: 2 })).toMatchObject({ outputTokens: 60, answers: 2, isOutputOpen: false });
    expect(bound({ n: 2 })).toMatchObject({ outputTokens: 2 * OUTPUT_TOKENS_HELD, isOutputOpen: true });
    expect(bound({ n: 2 }, endpoint({ outputTokensMax: 4_096 }))).toMatchObject({
      outputTokens: 8_192,
      isOutputOpen: false,
    });
    expect(bound({ max_tokens: 1e9 }, endpoint({ inputTokensMax: 8_000 })).outputTokens).toBe(8_000);
    // Held whole while there is much left, and bound when there is not.
    expect(bound({ n: 2 }, endpoint({ outputTokensMax: 40_000 }))).toMatchObject({
      outputTokens: 80_000,
      isOutputOpen: false,
      outputCap: OUTPUT_TOKENS_HELD,
    });
    expect(bound({ max_tokens: 9 }, endpoint({ outputTokensMax: 40_000 })).outputCap).toBeUndefined();
    const prediction = { type: 'content', content: 'x'.repeat(1_000) };
    expect(bound({ max_tokens: 30, prediction }).outputTokens).toBeGreaterThan(1_030);
    // Absurd figures are no reason to fail.
    expect(() => costBound(price, bound({ max_tokens: 1e15, n: 1e308 }))).not.toThrow();
    expect(() => costBound(price, bound({ n: 1.5 }))).not.toThrow();
  });
});

describe('pictures and files', () => {
  const picture = (url: string) => ({ type: 'image_url', image_url: { url } });
  const withParts = (...content: object[]) => request({ max_tokens: 10, messages: [{ role: 'user', content }] });
  const data = `data:image/png;base64,${'A'.repeat(400_000)}`;

  test('linked or sent along, a picture takes what the vendor says at most', () => {
    for (const url of ['https://pictures.example/1.png', data]) {
      const { inputTokens, unbounded } = boundAttempt(withParts(picture(url), picture(url)), endpoint());
      expect(inputTokens).toBeGreaterThanOrEqual(2 * 1_445);
      expect(inputTokens).toBeLessThan(10_000);
      expect(unbounded).toBeUndefined();
    }
    expect(boundAttempt(withParts(picture(data)), endpoint({ model: 'gpt-4o-mini' })).inputTokens).toBeGreaterThan(
      48_000,
    );
    const source = { type: 'base64', media_type: 'image/png', data: 'A'.repeat(50_000) };
    const nested = [{ type: 'tool_result', tool_use_id: 'x', content: [{ type: 'image', source }] }];
    const { inputTokens } = boundAttempt(withParts(...nested), claude());
    expect([inputTokens > 4_784, inputTokens < 10_000]).toEqual([true, true]);
  });

  test('elsewhere it takes what the model can read, or nobody knows', () => {
    const other = (fields: object) => boundAttempt(withParts(picture(data)), endpoint(fields, 'elsewhere'));
    expect(other({ inputTokensMax: 32_000 })).toMatchObject({ inputTokens: 32_000, unbounded: undefined });
    expect(other({})).toMatchObject({ unbounded: 'a picture' });
  });

  test.each([
    [{ type: 'file', file: { file_id: 'file-1' } }, 'a file'],
    [{ type: 'document', source: { type: 'url', url: 'https://papers.example/1.pdf' } }, 'a document'],
    [{ type: 'video_url', video_url: { url: 'https://films.example/1.mp4' } }, 'a video'],
  ])('%j has no bound but the window', (part, words) => {
    expect(boundAttempt(withParts(part), endpoint())).toMatchObject({ unbounded: words });
    expect(boundAttempt(withParts(part), endpoint({ inputTokensMax: 9_000 }))).toMatchObject({
      inputTokens: 9_000,
      unbounded: undefined,
    });
  });

  test('are found where escapes hide them, and not in what only speaks of them', () => {
    const hidden =
      '{"messages":[{"role":"user","content":[{"ty\\u0070e":"im\\u0061ge_url","image_url":{"url":"https://x.example"}}]}]}';
    expect(requestOf(hidden)).toMatchObject({ pictures: 1, mayHoldMedia: true });
    const spoken = withParts({ type: 'text', text: '{"type":"image_url"} and {"type": "file"}' });
    expect(spoken).toMatchObject({ pictures: 0, openMedia: undefined, mediaBytes: 0 });
    const tools = [{ type: 'function', function: { parameters: { properties: { type: { enum: ['file'] } } } } }];
    expect(request({ messages, tools })).toMatchObject({ openMedia: undefined });
  });
});

describe('tools the provider runs', () => {
  const bound = (fields: object, at: Endpoint) => boundAttempt(request({ messages, max_tokens: 10, ...fields }), at);

  test('take their fees and the window for each call they are allowed', () => {
    const tools = [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }];
    expect(bound({ tools }, claude({ inputTokensMax: 200_000 }))).toMatchObject({
      inputTokens: 800_000,
      toolCalls: { web_search_requests: 3 },
      unbounded: undefined,
    });
    expect(bound({ tools }, claude())).toMatchObject({ unbounded: 'what its tools read' });
  });

  test.each([
    [{ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, 'the tool web_search without max_uses'],
    [{ tools: [{ type: 'code_execution_20250522', name: 'code_execution' }] }, 'the tool code_execution_20250522'],
    [{ mcp_servers: [{ type: 'url', url: 'https://x.example' }] }, 'mcp_servers'],
    [{ plugins: [{ id: 'web' }] }, 'plugins'],
    [{ enable_search: true }, 'enable_search'],
  ])('have no bound in %j', (fields, words) => {
    expect(bound(fields, claude({ inputTokensMax: 200_000 }))).toMatchObject({ unbounded: words });
  });

  test('search once for each answer where OpenAI searches', () => {
    expect(bound({ web_search_options: {} }, endpoint())).toMatchObject({
      toolCalls: { web_search_requests: 1 },
      unbounded: undefined,
    });
    expect(bound({ enable_search: false }, endpoint()).unbounded).toBeUndefined();
    expect(bound({}, endpoint({ model: 'sonar-deep-research' })).unbounded).toContain('searches by itself');
  });
});

test('a request tells whether it writes to a cache, and for how long', () => {
  const marked = (mark: object) =>
    boundAttempt(request({ messages: [{ role: 'user', content: [{ type: 'text', text: 'a', ...mark }] }] }), claude());
  expect(marked({}).mayWriteCache).toBe(false);
  expect(marked({ cache_control: { type: 'ephemeral' } })).toMatchObject({
    mayWriteCache: true,
    mayWriteCacheForAnHour: false,
  });
  expect(marked({ cache_control: { type: 'ephemeral', ttl: '1h' } })).toMatchObject({ mayWriteCacheForAnHour: true });
});
