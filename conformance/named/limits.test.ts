/** Limits, as official clients meet them, and what other gateways are known to get wrong about them. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { type Rig, startRig } from '../rig.ts';

const MINUTE = 'minute';
let rig: Rig;

const key = (name: string, ...limits: object[]) => ({ name, key: keyOf(name), limits });
const keyOf = (name: string) => `sk-limited-${name}`;

beforeAll(async () => {
  rig = await startRig({
    models: [{ name: 'flaky', retries: 2, endpoints: ['up-openai-chat/m'] }],
    config: {
      keys: [
        key('ten', { requests: 10, per: MINUTE }, { tokens: 10_000, per: MINUTE }),
        key('slide', { requests: 4, per: '800ms' }),
        key('refused', { requests: 5, per: '700ms' }, { tokens: 1_000_000, per: MINUTE }),
        key('pair', { concurrency: 2 }),
        key('shared', { requests: 100, per: MINUTE }, { tokens: 1_000, per: MINUTE }),
        key('huge', { tokens: 500, per: MINUTE }),
        key('openai', { requests: 2, per: '900ms' }, { tokens: 5_000, per: MINUTE }),
        key('anthropic', { requests: 2, per: '900ms' }, { tokens: 5_000, per: MINUTE }),
        key('streams', { tokens: 2_000, per: MINUTE }),
        key('patient', { requests: 1, per: '600ms' }),
        key('provider', { requests: 50, per: MINUTE }),
        key('crowd', { requests: 10, per: MINUTE }),
        key('credit', { outputTokens: 1_000, per: MINUTE }),
        key('failing', { tokens: 100_000, per: MINUTE }, { requests: 100, per: MINUTE }),
        key('leaving', { concurrency: 2 }),
        key('faces', { requests: 4, per: MINUTE }),
        key('models', { requests: 2, per: MINUTE, each: ['model'] }),
        key('people', { requests: 2, per: MINUTE, endUser: '*' }),
        key('retried', { requests: 3, per: MINUTE }),
      ],
    },
  });
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

const openai = (name: string, maxRetries = 0) =>
  new OpenAI({ baseURL: `${rig.url}/v1`, apiKey: keyOf(name), maxRetries });
const anthropic = (name: string, maxRetries = 0) =>
  new Anthropic({ baseURL: rig.url, apiKey: keyOf(name), maxRetries });

const messages = [{ role: 'user' as const, content: 'Hi' }];

/** Asks in a dialect, 'claude' or 'chat' alike. @returns the status and the headers. */
async function ask(name: string, maxTokens = 100, fields: object = {}, path = 'chat/completions'): Promise<Response> {
  const response = await fetch(`${rig.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keyOf(name)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openai-chat', max_tokens: maxTokens, messages, ...fields }),
  });
  await response.text();
  return response;
}

const times = (count: number, what: () => Promise<Response>) => Promise.all(Array.from({ length: count }, what));
const countOf = (responses: readonly Response[], status: number) =>
  responses.filter((response) => response.status === status).length;

describe('peers’ defects', () => {
  test('ten a minute beside ten thousand tokens: ten pass, at once and at 60 % of the tokens', async () => {
    rig.emulator.script([{ text: 'answer', usage: { input: 300, output: 300 } }], { repeat: true });
    const responses = await times(10, () => ask('ten', 600));
    expect(countOf(responses, 200)).toBe(10);
    const eleventh = await ask('ten', 600);
    expect(eleventh.status).toBe(429);
    expect(eleventh.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(eleventh.headers.get('x-ratelimit-remaining-tokens')).toBe('4000');
    // Not a constant: what is left of the minute.
    const waitMs = Number(eleventh.headers.get('retry-after-ms'));
    expect(waitMs).toBeGreaterThan(55_000);
    expect(waitMs).toBeLessThan(60_000);
  });

  test('no window holds more than the limit: a burst at the seam of two windows does not double it', async () => {
    const admittedAtMs: number[] = [];
    const begunMs = performance.now();
    let refused = 0;
    while (performance.now() - begunMs < 2_400) {
      const sentMs = performance.now();
      if ((await ask('slide')).status === 200) admittedAtMs.push(sentMs);
      else refused++;
      await Bun.sleep(8);
    }
    for (const [index, atMs] of admittedAtMs.entries()) {
      const fifth = admittedAtMs[index + 4];
      // 15 ms for the way there: the law counts when it was admitted, not when it was sent.
      if (fifth !== undefined) expect(fifth - atMs).toBeGreaterThan(800 - 15);
    }
    // And it is not stricter than that: four at once, and four more as soon as each has left.
    expect(admittedAtMs.length).toBeGreaterThanOrEqual(12);
    expect(refused).toBeGreaterThan(50);
  });

  test('refused requests take nothing, of any limit', async () => {
    await times(5, () => ask('refused'));
    const responses = await times(60, () => ask('refused', 50_000));
    expect(countOf(responses, 429)).toBe(60);
    expect(responses[0]?.headers.get('x-ratelimit-remaining-tokens')).toMatch(/^999\d{3}$/);
    await Bun.sleep(Number((await ask('refused')).headers.get('retry-after-ms')) + 100);
    expect(countOf(await times(6, () => ask('refused')), 200)).toBe(5);
  });

  test('parallel requests are counted for as long as they run, not for a window', async () => {
    rig.emulator.script([{ text: 'slow', firstByteDelayMs: 700 }], { repeat: true });
    const long = times(2, () => ask('pair'));
    await Bun.sleep(100);
    for (let turn = 0; turn < 5; turn++) {
      expect((await ask('pair')).status).toBe(429);
      await Bun.sleep(80);
    }
    expect(countOf(await long, 200)).toBe(2);
    rig.emulator.reset();
    expect(countOf(await times(2, () => ask('pair')), 200)).toBe(2);
  });

  test('one huge request does not pass on credit, and tokens and requests have windows of their own', async () => {
    expect((await ask('shared', 2_000)).status).toBe(429);
    rig.emulator.script([{ text: 'x', usage: { input: 10, output: 10 } }], { repeat: true });
    for (let turn = 0; turn < 30; turn++) expect((await ask('shared', 200)).status).toBe(200);
  });

  test('a crowd does not overshoot: ten of eighty at once', async () => {
    rig.emulator.script([{ text: 'slow', firstByteDelayMs: 60 }], { repeat: true });
    const responses = await times(80, () => ask('crowd'));
    expect([countOf(responses, 200), countOf(responses, 429)]).toEqual([10, 70]);
    expect(rig.emulator.requests).toHaveLength(10);
  });

  test('tokens are counted before they are used: a crowd does not pass on credit', async () => {
    rig.emulator.script([{ text: 'slow', firstByteDelayMs: 80, usage: { input: 5, output: 300 } }], { repeat: true });
    const responses = await times(20, () => ask('credit', 300));
    expect([countOf(responses, 200), countOf(responses, 429)]).toEqual([3, 17]);
    // What was not used is free at once.
    rig.emulator.reset();
    rig.emulator.script([{ text: 'x', usage: { input: 5, output: 10 } }], { repeat: true });
    expect((await ask('credit', 100)).status).toBe(200);
    expect((await ask('credit', 90)).status).toBe(200);
  });

  test('calls that fail give their tokens back, and are requests all the same', async () => {
    rig.emulator.fault('status,500', { times: 20 });
    for (let turn = 0; turn < 20; turn++) expect((await ask('failing', 90_000)).status).toBeGreaterThanOrEqual(500);
    const response = await ask('failing', 90_000);
    expect([response.status, response.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '79']);
  });

  test('a place is given back once by clients that leave: neither kept nor given twice', async () => {
    for (let round = 0; round < 3; round++) {
      rig.emulator.reset();
      rig.emulator.script([{ text: Array.from({ length: 40 }, (_, at) => `word${at} `), paceMs: 10 }], {
        repeat: true,
      });
      const aborts = [new AbortController(), new AbortController()];
      const streams = aborts.map(async ({ signal }) => {
        const body = JSON.stringify({ model: 'openai-chat', max_tokens: 50, messages, stream: true });
        const headers = { authorization: `Bearer ${keyOf('leaving')}` };
        const response = await fetch(`${rig.url}/v1/chat/completions`, { method: 'POST', headers, body, signal });
        await response.body?.getReader().read();
        return response.status;
      });
      expect(await Promise.all(streams)).toEqual([200, 200]);
      expect((await ask('leaving')).status).toBe(429);
      for (const abort of aborts) abort.abort();
      while (rig.gateway.activeCount > 0) await Bun.sleep(2);
      await rig.emulator.idle();
      rig.emulator.reset();
      rig.emulator.script([{ text: 'slow', firstByteDelayMs: 80 }], { repeat: true });
      const after = await times(6, () => ask('leaving'));
      expect([countOf(after, 200), countOf(after, 429)]).toEqual([2, 4]);
    }
  });

  test('one limit counts what is asked in either dialect, streamed or whole, of any model', async () => {
    const asked = [
      () => ask('faces', 10, {}, 'messages'),
      () => ask('faces', 10, { stream: true }),
      () => ask('faces', 10, { model: 'anthropic-messages' }),
      () => ask('faces', 10, { model: 'anthropic-messages', stream: true }, 'messages'),
    ];
    for (const each of asked) expect((await each()).status).toBe(200);
    for (const each of asked) expect((await each()).status).toBe(429);
  });

  test('a limit for each model, or each end user, tells them apart', async () => {
    for (const model of ['openai-chat.one', 'openai-chat.two']) {
      expect(countOf(await times(5, () => ask('models', 10, { model })), 200)).toBe(2);
    }
    for (const user of ['ann', 'bob']) {
      expect(countOf(await times(5, () => ask('people', 10, { user })), 200)).toBe(2);
    }
  });

  test('retries count once: what was asked for once is one request', async () => {
    rig.emulator.fault('status,503', { times: 2 });
    const response = await ask('retried', 10, { model: 'flaky' });
    expect([response.status, response.headers.get('x-ratelimit-remaining-requests')]).toEqual([200, '2']);
    expect(rig.emulator.requests).toHaveLength(3);
  });

  test('the provider’s figures of the same name are not passed on; others are', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '9999', 'x-ratelimit-remaining-tokens': '8888' };
    rig.emulator.script([{ text: 'x', headers }]);
    const response = await ask('provider');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('49');
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('8888');
  });
});

describe('official clients', () => {
  test('openai: its own class, type, headers and message', async () => {
    const client = openai('openai');
    const create = () => client.chat.completions.create({ model: 'openai-chat', max_tokens: 10, messages });
    const { response } = await create().withResponse();
    expect(response.headers.get('x-ratelimit-limit-requests')).toBe('2');
    expect(response.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(response.headers.get('x-ratelimit-reset-requests')).toMatch(/^[89]\d\dms$/);
    await create();
    const error = await create().catch((thrown: unknown) => thrown);
    if (!(error instanceof OpenAI.RateLimitError)) throw error;
    expect(error).toMatchObject({ status: 429, type: 'rate_limit_error', code: 'rate_limited' });
    expect(error.message).toContain('2 requests per 0.9 s (key openai) (2 used, this request counts 1)');
    expect(error.headers.get('retry-after')).toBe('1');
    const waitMs = Number(error.headers.get('retry-after-ms'));
    await Bun.sleep(waitMs + 1);
    await create();
  });

  test('anthropic: its own class, type, headers and message', async () => {
    const client = anthropic('anthropic');
    const create = () => client.messages.create({ model: 'anthropic-messages', max_tokens: 10, messages });
    const { response } = await create().withResponse();
    expect(response.headers.get('anthropic-ratelimit-requests-limit')).toBe('2');
    expect(response.headers.get('anthropic-ratelimit-requests-remaining')).toBe('1');
    const resetMs = Date.parse(response.headers.get('anthropic-ratelimit-requests-reset') ?? '');
    expect(Math.abs(resetMs - Date.now() - 900)).toBeLessThan(100);
    expect(response.headers.get('anthropic-ratelimit-tokens-limit')).toBe('5000');
    expect(response.headers.get('x-ratelimit-limit-requests')).toBeNull();
    await create();
    const error = await create().catch((thrown: unknown) => thrown);
    if (!(error instanceof Anthropic.RateLimitError)) throw error;
    expect(error.status).toBe(429);
    expect(error.error).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
    expect(error.message).toContain('2 requests per 0.9 s (key anthropic)');
    expect(Number(error.headers.get('retry-after-ms'))).toBeLessThanOrEqual(900);
  });

  test('both wait as long as they are told, and then get their answer', async () => {
    const begunMs = performance.now();
    await openai('patient', 1).chat.completions.create({ model: 'openai-chat', max_tokens: 10, messages });
    await openai('patient', 1).chat.completions.create({ model: 'openai-chat', max_tokens: 10, messages });
    await anthropic('patient', 1).messages.create({ model: 'anthropic-messages', max_tokens: 10, messages });
    expect(performance.now() - begunMs).toBeGreaterThan(1_190);
    expect(performance.now() - begunMs).toBeLessThan(1_600);
    expect(rig.emulator.requests).toHaveLength(3);
  });

  test('neither tries again what can never fit', async () => {
    const clients = {
      openai: () => openai('huge', 2).chat.completions.create({ model: 'openai-chat', max_tokens: 900, messages }),
      anthropic: () => anthropic('huge', 2).messages.create({ model: 'openai-chat', max_tokens: 900, messages }),
    };
    for (const create of Object.values(clients)) {
      const begunMs = performance.now();
      const error = await create().catch((thrown: unknown) => thrown);
      expect(String(error)).toContain('larger than a limit allows at all: 500 tokens per minute (key huge)');
      expect(performance.now() - begunMs).toBeLessThan(300);
    }
  });

  test('streams settle to the tokens reported, in both dialects and across them', async () => {
    const usage = { input: 20, output: 30 };
    rig.emulator.script([{ text: 'one two three', usage }], { repeat: true });
    const stream = await openai('streams').chat.completions.create({
      model: 'anthropic-messages',
      max_tokens: 900,
      messages,
      stream: true,
    });
    for await (const chunk of stream) expect(chunk.object).toBe('chat.completion.chunk');
    await anthropic('streams').messages.stream({ model: 'openai-chat', max_tokens: 900, messages }).finalMessage();
    const { response } = await anthropic('streams')
      .messages.create({ model: 'anthropic-messages', max_tokens: 900, messages })
      .withResponse();
    expect(response.headers.get('anthropic-ratelimit-tokens-remaining')).toBe('1850');
  });
});
