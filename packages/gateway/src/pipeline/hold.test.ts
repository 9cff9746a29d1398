import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { Log } from '../telemetry/log.ts';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
/** A thousandth of a dollar for each token of input, two for each of output. */
const price = { input: 1_000, output: 2_000 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const claude = { ...chat, provider: 'anthropic', model: 'claude-test', apiKey: 'sk-up-anthropic' };
const key = (name: string, ...budgets: object[]) => ({ name, key: `sk-${name}-0123456789`, budgets });

const configuration = {
  defaults: { retries: 0, deadlines: { connectMs: 400, firstByteMs: 2_000, betweenChunksMs: 2_000, totalMs: 9_000 } },
  keys: [
    key('small', { amount: 0.1, per: 'month' }),
    key('crowd', { amount: 2, per: 'lifetime' }),
    key('soft', { soft: '0.000000001', amount: 100, per: 'day' }),
    key('people', { amount: 0.3, per: 'day', endUser: '*' }),
    { ...key('thrifty', { amount: 0.05, per: 'day' }), fallbackModels: { chat: ['claude', 'cheap'] } },
    { ...key('narrow', { amount: 0.05, per: 'day' }), models: ['chat'], fallbackModels: { chat: ['cheap'] } },
    key('cheapest', { amount: 0.05, per: 'day' }),
    key('failing', { amount: 0.3, per: 'day' }),
    key('leaving', { amount: 5, per: 'day' }),
    { ...key('member'), team: 'web' },
    key('strict', { amount: 90, per: 'day', unboundedOutput: 'refuse' }),
    key('rich', { amount: 1000, per: 'day' }),
    key('near', { amount: 100, per: 'day' }),
    key('poor', { amount: 20, per: 'day' }),
    key('lax', { amount: 90, per: 'day', unbounded: 'estimate' }),
  ],
  budgets: [{ amount: 0.2, per: '24h', scope: { team: 'web' } }],
  models: [
    { name: 'chat', endpoints: [chat] },
    { name: 'claude', endpoints: [claude] },
    { name: 'cheap', endpoints: [{ ...chat, id: 'cheap-one', model: 'gpt-small', price: { input: 1, output: 1 } }] },
    { name: 'free', endpoints: [{ ...chat, id: 'free', price: { input: 0, output: 0 } }] },
    { name: 'unknown', endpoints: [{ ...chat, provider: 'own', id: 'unknown', price: undefined }] },
    {
      name: 'either',
      endpoints: [
        { ...chat, id: 'dear', order: 1 },
        { ...claude, id: 'cheap', order: 2, price: { input: 1, output: 1 } },
      ],
    },
    { name: 'long', endpoints: [{ ...chat, id: 'long', outputTokensMax: 40_000 }] },
    { name: 'retried', retries: 2, endpoints: [chat] },
  ],
  providers: [{ id: 'own', baseUrl: '{{upstream}}/v1' }],
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
  signal?: AbortSignal;
}

function ask(name: string, { model = 'chat', path = '/v1/chat/completions', more = {}, signal }: AskOptions = {}) {
  const body = { model, max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }], ...more };
  return house.post(path, body, {
    headers: { authorization: `Bearer sk-${name}-0123456789` },
    ...(signal === undefined ? {} : { signal }),
  });
}

const spentBy = async (scope: string) => {
  await house.gateway.flush();
  return house.gateway.store.spendBetween(scope, 0, Date.now() + 1);
};

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not happen within 5 s.');
    await Bun.sleep(2);
  }
}

describe('a cheaper model', () => {
  test('serves when a budget keeps out the one asked for, and the answer and the log say why', async () => {
    const served = await ask('thrifty');
    expect([served.status, served.headers.get('x-turnpike-endpoint')]).toEqual([200, 'cheap-one']);
    expect(served.headers.get('x-turnpike-budget-fallback')).toBe('budget of 0.05 USD per day (key thrifty)');
    expect((await house.lastRow()).plan.join('\n')).toContain(
      'the budget of 0.05 USD per day (key thrifty) gives way to cheap',
    );
    expect(house.emulator.requests.map(({ json }) => (json as { model: string }).model)).toEqual(['gpt-small']);
    expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  });

  test('is none for a key that may not use it, for other models, or for what fits', async () => {
    expect((await ask('narrow')).status).toBe(402);
    expect((await ask('thrifty', { model: 'either' })).headers.has('x-turnpike-budget-fallback')).toBe(false);
    expect((await ask('thrifty', { model: 'claude' })).status).toBe(402);
    expect((await ask('member', { model: 'cheap' })).headers.has('x-turnpike-budget-fallback')).toBe(false);
  });
});

describe('a request that does not fit', () => {
  test('is refused in OpenAI words before anything is sent, with the figures and what would fit', async () => {
    const refused = await ask('small', { more: { max_tokens: 100 } });
    expect(refused.status).toBe(402);
    const { error } = (await refused.json()) as { error: { message: string; code: string } };
    expect(error.code).toBe('budget_spent');
    expect(error.message).toStartWith(
      'This request may cost more than the whole budget of 0.1 USD per month (key small)',
    );
    const fits = Number(/max_tokens of at most (\d+)/.exec(error.message)?.[1]);
    expect(house.emulator.requests).toHaveLength(0);
    expect(refused.headers.get('x-turnpike-budget-limit-usd')).toBe('0.1');
    expect(refused.headers.has('retry-after')).toBe(false);
    // A byte of input may be worth a token: a shorter figure leaves room for one more.
    expect((await ask('small', { more: { max_tokens: fits + 3 } })).status).toBe(402);
    expect((await ask('small', { more: { max_tokens: fits } })).status).toBe(200);
    const spent = await ask('small', { more: { max_tokens: fits } });
    expect(spent.status).toBe(402);
    const seconds = Number(spent.headers.get('retry-after'));
    const now = new Date();
    const dueMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1) - now.getTime();
    expect(Math.abs(seconds * 1_000 - dueMs)).toBeLessThan(5_000);
    expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  });

  test('is refused in Anthropic words', async () => {
    const refused = await ask('small', { model: 'claude', path: '/v1/messages', more: { max_tokens: 100 } });
    expect(refused.status).toBe(402);
    expect(await refused.json()).toMatchObject({ type: 'error', error: { type: 'billing_error' } });
    expect(house.emulator.requests).toHaveLength(0);
  });

  test('is served by a cheaper endpoint when there is one', async () => {
    const response = await ask('cheapest', { model: 'either', more: { max_tokens: 30 } });
    expect(response.headers.get('x-turnpike-endpoint')).toBe('cheap');
    expect((await house.lastRow()).plan.join('\n')).toContain('over the budget of 0.05 USD per day (key cheapest)');
  });

  test('a free model passes always, one without a price is refused with what to do (peer defect B6)', async () => {
    expect((await ask('cheapest', { model: 'free', more: { max_tokens: 1_000_000 } })).status).toBe(200);
    const refused = await ask('cheapest', { model: 'unknown' });
    expect(refused.status).toBe(402);
    const { error } = (await refused.json()) as { error: { message: string; code: string } };
    expect(error.code).toBe('price_unknown');
    expect(error.message).toContain('Give the endpoint a price in the configuration');
    expect((await ask('member', { model: 'free' })).status).toBe(200);
  });
});

describe('a request that has no bound', () => {
  const document = { type: 'document', source: { type: 'url', url: 'https://papers.example/1.pdf' } };
  const read = { messages: [{ role: 'user', content: [document] }] };

  test.each([false, true])('is refused with what has none, or estimated (streamed: %p)', async (stream) => {
    const asked = { model: 'claude', path: '/v1/messages', more: { ...read, stream } };
    const refused = await ask('strict', asked);
    const { error } = (await refused.json()) as { error: { message: string } };
    expect([refused.status, error.message]).toEqual([402, expect.stringContaining('has a document of which nobody')]);
    expect(house.emulator.requests).toHaveLength(0);
    const served = await ask('lax', asked);
    expect(served.status).toBe(200);
    await served.text();
  });

  test('is refused for its output alone where that is asked for', async () => {
    const refused = await ask('strict', { more: { max_tokens: undefined } });
    const { error } = (await refused.json()) as { error: { message: string; code: string } };
    expect([refused.status, error.code]).toEqual([402, 'cost_unbounded']);
    expect(error.message).toContain('Set max_tokens');
    expect((await ask('strict')).status).toBe(200);
    expect((await ask('lax', { more: { max_tokens: undefined } })).status).toBe(200);
  });
});

describe('a request that leaves the length of its answer to the model', () => {
  const cases = ['/v1/chat/completions', '/v1/messages'].flatMap((path) =>
    [false, true].map((stream) => [path, stream]),
  );

  test.each(cases as [string, boolean][])('%s, streamed: %p', async (path, stream) => {
    const asked = (name: string) => ask(name, { model: 'long', path, more: { stream, max_tokens: undefined } });
    const bounds = () => {
      const sent = house.emulator.requests.at(-1)?.json as { max_tokens?: number; max_completion_tokens?: number };
      return sent?.max_tokens ?? sent?.max_completion_tokens;
    };
    // With much left, the longest answer is held for, and the request goes out as it is.
    house.emulator.script([{ text: 'word '.repeat(20), paceMs: 20 }]);
    const whole = await asked('rich');
    if (stream) expect(house.gateway.budgets.heldNanoUsd).toBeGreaterThan(80_000_000_000n);
    expect([whole.status, bounds()]).toEqual([200, undefined]);
    await whole.text();
    // Near the line the answer is bound to what is held for, and nobody is refused who fits.
    const bound = await asked('near');
    expect([bound.status, bounds()]).toEqual([200, 16_384]);
    expect(bound.headers.get('x-turnpike-losses')).toStartWith('added max_');
    await bound.text();
    const refused = await asked('poor');
    expect([refused.status, await refused.text()]).toEqual([
      402,
      expect.stringContaining('With max_tokens of at most'),
    ]);
    await until(() => house.gateway.activeCount === 0);
    expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  });
});

test('a soft line is logged once and told in a header', async () => {
  expect((await ask('soft')).headers.has('x-turnpike-budget-remaining-usd')).toBe(true);
  const later = await ask('soft');
  await ask('soft');
  expect(later.headers.get('x-turnpike-budget-alert')).toStartWith('budget of 100 USD per day (key soft):');
  expect(house.lines.filter((line) => line.includes('A soft line of a budget is crossed.'))).toHaveLength(1);
});

test('each end user, and a team, have budgets of their own', async () => {
  const user = (name: string) => ask('people', { more: { user: name, max_tokens: 60 } }).then(({ status }) => status);
  expect(await user('alice')).toBe(200);
  house.emulator.script([{ text: 'word '.repeat(40) }, { text: 'word '.repeat(40) }]);
  await user('alice');
  expect(await user('alice')).toBe(402);
  expect(await user('bob')).toBe(200);
  expect(await spentBy('key:people')).toBeGreaterThan(0n);
  expect((await ask('member', { more: { max_tokens: 99 } })).status).toBe(402);
});

test('failed attempts give everything back, through retries too', async () => {
  for (let round = 0; round < 5; round++) {
    house.emulator.fault('status,500', { times: 3 });
    expect((await ask('failing', { model: 'retried', more: { max_tokens: 60 } })).status).toBe(500);
  }
  expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  expect(await spentBy('key:failing')).toBe(0n);
  expect((await ask('failing', { more: { max_tokens: 60 } })).status).toBe(200);
});

test('a client that leaves a stream pays for what came, neither all nor nothing (peer defect: refund on disconnect)', async () => {
  house.emulator.script([{ text: 'word '.repeat(200), paceMs: 10 }]);
  const leave = new AbortController();
  const response = await ask('leaving', { more: { stream: true, max_tokens: 500 }, signal: leave.signal });
  expect(house.gateway.budgets.heldNanoUsd).toBeGreaterThan(10n ** 9n);
  const reader = response.body?.getReader();
  for (let chunks = 0; chunks < 6; chunks++) await reader?.read();
  leave.abort();
  await until(() => house.gateway.activeCount === 0);
  expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  const spent = await spentBy('key:leaving');
  expect(spent).toBeGreaterThan(10_000_000n);
  expect(spent).toBeLessThan(300_000_000n);
});

test('many at once, streamed and whole, some failing, some left: never over the line, nothing stays held', async () => {
  const lineNanoUsd = 2_000_000_000n;
  const statuses: number[] = [];
  const one = async (index: number) => {
    const leave = new AbortController();
    const more = { stream: index % 2 === 0, max_tokens: 40 };
    const path = index % 3 === 0 ? '/v1/messages' : '/v1/chat/completions';
    const asked = ask('crowd', { model: index % 5 === 0 ? 'claude' : 'chat', path, more, signal: leave.signal });
    if (index % 7 === 0) setTimeout(() => leave.abort(), index % 20);
    try {
      const response = await asked;
      statuses.push(response.status);
      await response.text();
    } catch (error) {
      // Those that leave are not answered.
      expect((error as Error).name).toBe('AbortError');
    }
  };
  house.emulator.fault('status,500', { times: 6 });
  await Promise.all(Array.from({ length: 256 }, (_, index) => one(index)));
  await until(() => house.gateway.activeCount === 0);
  expect(house.gateway.budgets.heldNanoUsd).toBe(0n);
  expect(statuses).toContain(200);
  expect(statuses).toContain(402);
  const spent = await spentBy('key:crowd');
  expect(spent).toBeGreaterThan(0n);
  expect(spent).toBeLessThanOrEqual(lineNanoUsd);
  // One after the other, all that is left can be used up to what no longer fits.
  for (let index = 0; index < 200; index++)
    if ((await ask('crowd', { more: { max_tokens: 40 } })).status === 402) break;
  expect(await spentBy('key:crowd')).toBeLessThanOrEqual(lineNanoUsd);
});

test('what was spent counts after a restart and after a reload', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'turnpike-test-'));
  const configFile = join(folder, 'turnpike.yaml');
  const yaml = (amount: number) =>
    JSON.stringify({
      keys: [
        { ...key('again', { amount, per: 'day' }, { amount, per: '30d' }, { amount, per: 'day', endUser: '*' }) },
        key('pattern', { amount: 9, per: 'week', model: 'ch*' }),
      ],
      models: [{ name: 'chat', endpoints: [{ ...chat, baseUrl: `${house.emulator.url}/v1` }] }],
    });
  const start = () =>
    startGateway({
      configFile,
      port: 0,
      environment: { TURNPIKE_DATA_DIR: join(folder, 'data'), TURNPIKE_ADMIN_KEY: 'sk-test-admin-0123456789' },
      log: new Log({ write: () => undefined }),
    });
  const post = (gateway: Gateway, name: string) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer sk-${name}-0123456789` },
      body: JSON.stringify({ model: 'chat', user: 'eve', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] }),
    });
  const spentIn = ({ budgets }: Gateway) =>
    budgets.inForce.map(({ accounts }) => [...accounts.all].map(({ spentNanoUsd }) => spentNanoUsd));
  await writeFile(configFile, yaml(1));
  const first = await start();
  expect((await post(first, 'again')).status).toBe(200);
  expect((await post(first, 'pattern')).status).toBe(200);
  const spent = spentIn(first);
  expect(spent.flat().every((nanoUsd) => nanoUsd > 0n)).toBe(true);
  expect(spent.flat()).toHaveLength(4);
  await first.stop();

  const second = await start();
  expect(spentIn(second)).toEqual(spent);
  await writeFile(configFile, yaml(0.08));
  await second.reload();
  expect(spentIn(second)).toEqual(spent);
  expect((await post(second, 'again')).status).toBe(402);
  await second.stop();
  await rm(folder, { recursive: true });
});
