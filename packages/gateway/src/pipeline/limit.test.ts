import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
const price = { input: 1, output: 2 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const claude = { ...chat, provider: 'anthropic', model: 'claude-test', apiKey: 'sk-up-anthropic' };

const key = (name: string, ...limits: object[]) => ({ name, key: `sk-${name}-0123456789`, limits });

const configuration = {
  defaults: { retries: 0, deadlines: { connectMs: 400, firstByteMs: 500, betweenChunksMs: 400, totalMs: 5_000 } },
  keys: [
    key('slide', { requests: 3, per: '900ms' }),
    key('tokens', { tokens: 1_000, per: 'minute' }),
    key('inout', { inputTokens: 5_000, per: 'minute' }, { outputTokens: 900, per: 'minute' }),
    key('pair', { concurrency: 2 }),
    key('model', { requests: 1, per: 'minute', model: 'cha*' }),
    key('people', { requests: 1, per: 'minute', endUser: '*' }),
    key('refund', { requests: 1, per: 'minute' }),
    key('reload', { requests: 2, per: 'minute' }),
    key('free'),
    { ...key('tagged'), tags: ['night'], team: 'web' },
  ],
  limits: [
    { requests: 2, per: 'hour', scope: { team: 'web' } },
    { requests: 1, per: 'hour', scope: { tag: 'burst' } },
    { requests: 1, per: '700ms', scope: { provider: 'anthropic', key: 'free' } },
  ],
  models: [
    { name: 'chat', endpoints: [chat] },
    { name: 'claude', endpoints: [claude] },
    {
      name: 'pool',
      endpoints: [
        { ...chat, id: 'small', order: 1, limits: [{ requests: 1, per: '600ms' }, { concurrency: 1 }] },
        { ...chat, id: 'large', order: 2, limits: [{ requests: 2, per: '600ms' }] },
      ],
    },
    { name: 'retried', retries: 2, endpoints: [{ ...chat, id: 'once', limits: [{ requests: 1, per: '3s' }] }] },
    { name: 'solo', endpoints: [{ ...chat, id: 'solo', limits: [{ concurrency: 1 }] }] },
  ],
};

beforeAll(async () => {
  house = await startTestHouse({ yaml: JSON.stringify(configuration) });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

interface AskOptions {
  model?: string;
  path?: string;
  more?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function ask(
  name: string,
  { model = 'chat', path = '/v1/chat/completions', more = {}, headers = {}, signal }: AskOptions = {},
) {
  const body = { model, max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }], ...more };
  const authorization = `Bearer sk-${name}-0123456789`;
  return house.post(path, body, {
    headers: { authorization, ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
}

const statusesOf = async (asked: Promise<Response>[]) => (await Promise.all(asked)).map(({ status }) => status);

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 3_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not happen within 3 s.');
    await Bun.sleep(2);
  }
}

describe('limits on requests', () => {
  test('hold in a sliding window; Retry-After is the instant that works, and refused requests take nothing', async () => {
    await ask('slide');
    const begunMs = performance.now();
    await Bun.sleep(200);
    expect(await statusesOf([ask('slide'), ask('slide')])).toEqual([200, 200]);
    const refused = await ask('slide');
    expect(refused.status).toBe(429);
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    expect(refused.headers.get('retry-after')).toBe('1');
    // The first of the three leaves 900 ms after it came.
    const dueMs = begunMs + 900;
    expect(Math.abs(performance.now() + waitMs - dueMs)).toBeLessThan(50);
    expect(await statusesOf(Array.from({ length: 20 }, () => ask('slide')))).toEqual(Array(20).fill(429));
    await Bun.sleep(Math.max(0, dueMs - performance.now() - 50));
    expect((await ask('slide')).status).toBe(429);
    await Bun.sleep(Math.max(0, dueMs - performance.now() + 5));
    expect(await statusesOf([ask('slide'), ask('slide')])).toEqual([200, 429]);
  });

  test('the row says which limit it was', async () => {
    await ask('model');
    const refused = await ask('model');
    expect(await refused.json()).toMatchObject({ error: { type: 'rate_limit_error', code: 'rate_limited' } });
    const row = await house.lastRow();
    expect(row).toMatchObject({ status: 429, fault: 'rate_limited', attempts: [] });
    expect(row.faultMessage).toStartWith('Limit reached: 1 request per minute (key model, model cha*) (1 used');
    expect((await ask('model', { model: 'claude', path: '/v1/messages' })).status).toBe(200);
  });

  test('count end users apart, in either dialect’s field', async () => {
    expect((await ask('people', { more: { user: 'ann' } })).status).toBe(200);
    expect((await ask('people', { more: { user: 'ann' } })).status).toBe(429);
    const anthropic = { model: 'claude', path: '/v1/messages' };
    expect((await ask('people', { ...anthropic, more: { metadata: { user_id: 'bob' } } })).status).toBe(200);
    expect((await ask('people', { ...anthropic, more: { metadata: { user_id: 'ann' } } })).status).toBe(429);
    expect((await ask('people')).status).toBe(200);
  });

  test('count by team and by tag', async () => {
    expect((await ask('tagged', { headers: { 'x-turnpike-tags': 'x, burst' } })).status).toBe(200);
    const burst = await ask('tagged', { headers: { 'x-turnpike-tags': 'burst' } });
    expect(await burst.text()).toContain('1 request per hour (tag burst)');
    expect((await ask('tagged')).status).toBe(200);
    expect(await (await ask('tagged')).text()).toContain('2 requests per hour (team web)');
  });

  test('a request that never reached a provider gives back what it took', async () => {
    expect((await ask('refund', { model: 'no-such-model' })).status).toBe(404);
    expect((await ask('refund')).status).toBe(200);
    expect((await ask('refund')).status).toBe(429);
  });

  test('outlive a reload, and take a new amount at once', async () => {
    expect(await statusesOf([ask('reload'), ask('reload'), ask('reload')])).toEqual(
      expect.arrayContaining([200, 200, 429]),
    );
    const text = await Bun.file(house.configFile).text();
    const before = house.gateway.snapshot.version;
    await Bun.write(house.configFile, text.replace('{"requests":2,"per":"minute"}', '{"requests":3,"per":"minute"}'));
    await house.gateway.reload();
    await until(() => house.gateway.snapshot.version > before);
    expect((await ask('reload')).status).toBe(200);
    expect((await ask('reload')).status).toBe(429);
  });
});

describe('limits on tokens', () => {
  test('reserve, settle to what the provider reported, whole and streamed, and tell what is left', async () => {
    house.emulator.script([
      { text: 'a', usage: { input: 10, output: 30 } },
      { text: 'b c d e', usage: { input: 20, output: 40 }, paceMs: 40 },
    ]);
    const whole = await ask('tokens', { more: { max_tokens: 500 } });
    expect(whole.headers.get('x-ratelimit-limit-tokens')).toBe('1000');
    expect(whole.headers.get('x-ratelimit-remaining-tokens')).toBe('960');
    expect(whole.headers.get('x-ratelimit-reset-tokens')).toMatch(/^(59\.\d+s|1m0s)$/);

    const streamed = await ask('tokens', { more: { max_tokens: 900, stream: true } });
    expect(Number(streamed.headers.get('x-ratelimit-remaining-tokens'))).toBeLessThan(60);
    const during = await ask('tokens', { more: { max_tokens: 500 } });
    expect(during.status).toBe(429);
    expect(await during.text()).toContain('1000 tokens per minute (key tokens)');
    await streamed.text();
    await until(() => house.gateway.activeCount === 0);
    const after = await ask('tokens', { more: { max_tokens: 1_200 } });
    expect(after.headers.get('x-ratelimit-remaining-tokens')).toBe('900');
    expect(after.headers.get('retry-after')).toBeNull();
    expect(after.headers.get('retry-after-ms')).toBeNull();
    expect(after.headers.get('x-should-retry')).toBe('false');
    expect(await after.text()).toContain('larger than a limit allows at all');
  });

  test('are given back when the provider fails, and in full', async () => {
    const left = async () => {
      const probe = await ask('inout', { model: 'claude', path: '/v1/messages', more: { max_tokens: 5_000 } });
      return ['input', 'output'].map((kind) =>
        Number(probe.headers.get(`anthropic-ratelimit-${kind}-tokens-remaining`)),
      );
    };
    expect(await left()).toEqual([5_000, 900]);
    house.emulator.fault('status,500', { times: 3 });
    for (let turn = 0; turn < 3; turn++) expect((await ask('inout', { more: { max_tokens: 900 } })).status).toBe(500);
    expect(await left()).toEqual([5_000, 900]);
    // Cut in the middle: what came is counted, the rest is given back.
    house.emulator.script([{ text: 'one two three four five six' }]);
    house.emulator.fault('cut-reset,3');
    await (await ask('inout', { more: { max_tokens: 800, stream: true } })).text();
    await until(() => house.gateway.activeCount === 0);
    const [input = 0, output = 0] = await left();
    expect(input).toBeLessThan(5_000);
    expect(output).toBeLessThan(900);
    expect(output).toBeGreaterThan(880);
  });
});

describe('limits on concurrency', () => {
  test('a client that leaves gives its place back within 50 ms', async () => {
    house.emulator.script([{ text: 'word '.repeat(100), paceMs: 20 }], { repeat: true });
    const leave = [new AbortController(), new AbortController()];
    const streams = await Promise.all(leave.map(({ signal }) => ask('pair', { more: { stream: true }, signal })));
    expect(streams.map(({ status }) => status)).toEqual([200, 200]);
    const third = await ask('pair');
    expect(third.status).toBe(429);
    expect(third.headers.get('retry-after')).toBe('1');
    expect(await third.text()).toContain('2 requests at once (key pair)');
    house.emulator.reset();
    const leftMs = performance.now();
    leave[0]?.abort();
    let status = 429;
    while (status === 429 && performance.now() - leftMs < 1_000) status = (await ask('pair')).status;
    expect(performance.now() - leftMs).toBeLessThan(50 + 15);
    expect(status).toBe(200);
    leave[1]?.abort();
    await until(() => house.gateway.activeCount === 0);
  });

  test('every way to end gives the place back once', async () => {
    const ends: [string, AskOptions?][] = [
      ['status,500'],
      ['stall,1', { more: { stream: true } }],
      ['slow-first-byte,2000'],
      ['cut-reset,2', { more: { stream: true } }],
      ['empty-choices'],
    ];
    for (const [fault, options] of ends) {
      for (let turn = 0; turn < 3; turn++) {
        house.emulator.fault(fault);
        const response = await ask('pair', options);
        expect(response.status).not.toBe(429);
        await response.text();
      }
      house.emulator.reset();
    }
    await ask('pair', { more: { messages: 'no list' }, model: 'claude' });
    await until(() => house.gateway.activeCount === 0);
    house.emulator.script([{ text: 'slow', firstByteDelayMs: 150 }], { repeat: true });
    // Two places, neither more nor fewer.
    expect((await statusesOf([ask('pair'), ask('pair'), ask('pair')])).sort()).toEqual([200, 200, 429]);
  });
});

describe('limits of endpoints and providers', () => {
  test('what is full is passed over with its reason; when all is full, the client waits for the soonest', async () => {
    const servedBy = async () => (await ask('free', { model: 'pool' })).headers.get('x-turnpike-endpoint');
    expect(await servedBy()).toBe('small');
    expect(await servedBy()).toBe('large');
    const row = await house.lastRow();
    expect(row.plan[0]).toBe('small: left out, over its limit of 1 request per 0.6 s (endpoint small)');
    expect(await servedBy()).toBe('large');
    const refused = await ask('free', { model: 'pool' });
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after-ms'))).toBeLessThanOrEqual(600);
    await Bun.sleep(Number(refused.headers.get('retry-after-ms')));
    expect(await servedBy()).toBe('small');
  });

  test('a second try at an endpoint that is full by then is not made', async () => {
    house.emulator.fault('status,500', { times: 3 });
    expect((await ask('free', { model: 'retried' })).status).toBe(500);
    expect(house.emulator.requests).toHaveLength(1);
    const { plan } = await house.lastRow();
    expect(plan.at(-1)).toBe('once: not tried, over its limit of 1 request per 3 s (endpoint once)');
    expect((await ask('free', { model: 'retried' })).status).toBe(429);
    expect(house.emulator.requests).toHaveLength(1);
  });

  test('an endpoint’s concurrency is free again after each end', async () => {
    house.emulator.fault('status,500');
    expect((await ask('free', { model: 'solo' })).status).toBe(500);
    house.emulator.script([{ text: 'slow', firstByteDelayMs: 100 }], { repeat: true });
    expect((await statusesOf([ask('free', { model: 'solo' }), ask('free', { model: 'solo' })])).sort()).toEqual([
      200, 429,
    ]);
    expect((await ask('free', { model: 'solo' })).status).toBe(200);
  });

  test('a key’s limit at one provider leaves the others alone', async () => {
    const anthropic = { model: 'claude', path: '/v1/messages' };
    expect(await statusesOf([ask('free', anthropic), ask('free', anthropic), ask('free')])).toEqual([200, 429, 200]);
  });
});
