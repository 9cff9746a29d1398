import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
const price = { input: 1, output: 2 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };

const key = (name: string, team: string, ...limits: object[]) => ({ name, key: `sk-${name}-0123456789`, team, limits });

const shares = [
  { id: 'fast', priority: 'high' },
  { id: 'slow-*', weight: 0.5, priority: 'low' },
];

const configuration = {
  server: { shutdownGraceMs: 2_000 },
  keys: [
    key('one', 'web', { concurrency: 1, queue: { maxWait: '5s', maxLength: 2 } }),
    key('rate', 'web', { requests: 2, per: '400ms', queue: { maxWait: '700ms' } }),
    key('tokens', 'web', { tokens: 1_000, per: 'minute', queue: { maxWait: '20s' } }),
    key('free', 'web'),
    key('fast', 'fast'),
    key('slow-a', 'batch'),
    key('people', 'people'),
  ],
  limits: [
    { concurrency: 1, scope: { team: 'batch' }, queue: { maxWait: '5s', shares } },
    { concurrency: 1, scope: { team: 'people' }, queue: { maxWait: '5s', by: 'endUser', priorityHeader: 'any' } },
  ],
  models: [{ name: 'chat', endpoints: [chat] }],
};

beforeAll(async () => {
  house = await startTestHouse({ yaml: JSON.stringify(configuration) });
});
afterAll(() => house.stop());
afterEach(() => house.emulator.reset());

interface AskOptions {
  more?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  on?: TestHouse;
}

function ask(name: string, { more = {}, headers = {}, signal, on = house }: AskOptions = {}) {
  const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }], ...more };
  const authorization = `Bearer sk-${name}-0123456789`;
  return on.post('/v1/chat/completions', body, {
    headers: { authorization, ...headers },
    ...(signal === undefined ? {} : { signal }),
  });
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 3_000;
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error('It did not happen within 3 s.');
    await Bun.sleep(2);
  }
}

/** Asks, and returns when the gateway has it. */
async function arrived(name: string, options: AskOptions = {}): Promise<{ answer: Promise<Response> }> {
  const { gateway } = options.on ?? house;
  const before = gateway.activeCount;
  const answer = ask(name, options);
  await until(() => gateway.activeCount > before);
  // Until it has been read, and stands in its line.
  await Bun.sleep(20);
  return { answer };
}

const slowly = (on: TestHouse = house) =>
  on.emulator.script([{ text: 'word '.repeat(10), firstByteDelayMs: 150 }], { repeat: true });

describe('a limit with a queue', () => {
  test('serves one after the other instead of refusing, and tells how long each waited', async () => {
    slowly();
    const [first, second] = [await arrived('one'), await arrived('one')];
    expect((await first.answer).headers.get('x-turnpike-queued-ms')).toBeNull();
    const waited = await second.answer;
    expect(waited.status).toBe(200);
    const queuedMs = Number(waited.headers.get('x-turnpike-queued-ms'));
    expect(queuedMs).toBeGreaterThan(50);
    const row = await house.lastRow();
    expect(Math.round(row.queuedMs ?? 0)).toBe(queuedMs);
    expect(row.durationMs).toBeGreaterThan(queuedMs);
    expect(house.emulator.requests).toHaveLength(2);
  });

  test('refuses at once what is one too many, and what would come too late, with the instant that works', async () => {
    slowly();
    const waiting = [await arrived('one'), await arrived('one'), await arrived('one')];
    const refused = await ask('one');
    expect(refused.status).toBe(429);
    expect(await refused.text()).toContain('As many requests as may wait for it do: 2.');
    for (const { answer } of waiting) expect((await answer).status).toBe(200);

    house.emulator.reset();
    const answers = await Promise.all(Array.from({ length: 7 }, () => ask('rate')));
    const late = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4);
    for (const answer of late) {
      expect(Number(answer.headers.get('retry-after-ms'))).toBeGreaterThan(700);
      expect(await answer.text()).toContain('Its turn would come after the time it may wait');
    }
  });

  test('lets tokens wait for what running requests give back', async () => {
    house.emulator.script([{ text: 'a', usage: { input: 10, output: 5 }, firstByteDelayMs: 150 }], { repeat: true });
    const first = await arrived('tokens', { more: { max_tokens: 700 } });
    const second = await ask('tokens', { more: { max_tokens: 700 } });
    expect([(await first.answer).status, second.status]).toEqual([200, 200]);
    expect(Number(second.headers.get('x-turnpike-queued-ms'))).toBeLessThan(3_000);
  });

  test('is left at once by a client that leaves, and the next one has its turn', async () => {
    slowly();
    const leave = new AbortController();
    const first = await arrived('one');
    const gone = await arrived('one', { signal: leave.signal });
    const next = await arrived('one');
    leave.abort();
    expect(gone.answer).rejects.toBeDefined();
    await until(() => house.gateway.activeCount === 2);
    expect([(await first.answer).status, (await next.answer).status]).toEqual([200, 200]);
    await house.gateway.flush();
    const rows = await house.gateway.store.recentExchanges({ limit: 3 });
    const row = rows.find(({ fault }) => fault === 'client_gone');
    expect(row?.queuedMs).toBeGreaterThan(0);
    expect(row?.attempts).toEqual([]);
    expect(house.emulator.requests).toHaveLength(2);
  });

  test('does not let a request wait longer than its client does', async () => {
    slowly();
    const first = await arrived('one', { more: { stream: true } });
    const hasty = await ask('one', { headers: { 'x-stainless-timeout': '1' } });
    expect(hasty.status).toBe(200);
    house.emulator.reset();
    house.emulator.script([{ text: 'word '.repeat(40), paceMs: 40 }], { repeat: true });
    const running = await arrived('one', { more: { stream: true } });
    const refused = await ask('one', { headers: { 'x-stainless-timeout': '1' } });
    expect(refused.status).toBe(429);
    expect(await refused.text()).toMatch(/It waited (0\.9|1\.0) s/);
    for (const { answer } of [first, running]) await (await answer).text();
  });

  test('serves by priority, which a request may lower, and raise where the limit says so', async () => {
    for (const [name, value, status] of [
      ['slow-a', 'urgent', 400],
      ['slow-a', 'high', 403],
      ['slow-a', 'low', 200],
      ['people', 'High', 200],
    ] as const) {
      const answer = await ask(name, { headers: { 'x-turnpike-priority': value } });
      expect([value, answer.status]).toEqual([value, status]);
      await answer.text();
    }
    slowly();
    const order: string[] = [];
    const asked = [];
    for (const [user, priority] of [
      ['a', 'normal'],
      ['b', 'low'],
      ['c', 'normal'],
      ['d', 'high'],
    ] as const) {
      const { answer } = await arrived('people', { more: { user }, headers: { 'x-turnpike-priority': priority } });
      asked.push(answer.then(() => order.push(user)));
    }
    await Promise.all(asked);
    expect(order).toEqual(['a', 'd', 'c', 'b']);
  });

  test('takes a new amount for those that wait', async () => {
    house.emulator.script([{ text: 'word '.repeat(40), paceMs: 30 }], { repeat: true });
    const running = await arrived('one', { more: { stream: true } });
    const waiting = await arrived('one', { more: { stream: true } });
    const text = await Bun.file(house.configFile).text();
    await Bun.write(house.configFile, text.replace('{"concurrency":1,"queue"', '{"concurrency":2,"queue"'));
    await house.gateway.reload();
    const answer = await waiting.answer;
    expect(Number(answer.headers.get('x-turnpike-queued-ms'))).toBeLessThan(1_100);
    await Promise.all([answer.text(), (await running.answer).text()]);
  });
});

test('a gateway that stops refuses those that wait at once, and lets those under way end', async () => {
  const other = await startTestHouse({ yaml: JSON.stringify(configuration) });
  slowly(other);
  const running = await arrived('one', { on: other });
  const waiting = await arrived('one', { on: other });
  const stopped = other.gateway.stop();
  const refused = await waiting.answer;
  expect(refused.status).toBe(503);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await refused.json()).toMatchObject({ error: { code: 'shutting_down' } });
  expect((await running.answer).status).toBe(200);
  await stopped;
  await other.emulator.stop();
  await rm(dirname(other.configFile), { recursive: true });
});
