import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { jsonPlan } from '@turnpike/emulator/http/wire-plan.ts';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
beforeAll(async () => {
  const endpoint = {
    provider: 'openai',
    model: 'gpt-test',
    baseUrl: '{{upstream}}/v1',
    apiKey: 'sk-upstream-credential',
  };
  const claude = { ...endpoint, provider: 'anthropic', model: 'claude-test' };
  house = await startTestHouse({
    yaml: JSON.stringify({
      server: { cors: { origins: ['https://app.example'] } },
      keys: [{ name: 'narrow', key: 'sk-narrow-0123456789', models: ['a-*'] }],
      models: [
        { name: 'a-one', endpoints: [endpoint] },
        { name: 'a-two', endpoints: [claude] },
        { name: 'b', endpoints: [endpoint] },
      ],
    }),
  });
});
afterAll(() => house.stop());

const key = { authorization: `Bearer ${ADMIN_KEY}` };
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(house.gateway.url + path, { method, headers });

describe('models', () => {
  test('in OpenAI shape', async () => {
    const body = (await (await get('/v1/models', key)).json()) as {
      object: string;
      data: { id: string; object: string }[];
    };
    expect(body.object).toBe('list');
    expect(body.data.map(({ id }) => id)).toEqual(expect.arrayContaining(['a-one', 'a-two', 'b']));
    expect(await (await get('/v1/models/b', key)).json()).toMatchObject({ id: 'b', object: 'model' });
  });

  test('in Anthropic shape and pages for an Anthropic client', async () => {
    const headers = { 'x-api-key': ADMIN_KEY, 'anthropic-version': '2023-06-01' };
    const first = (await (await get('/v1/models?limit=2', headers)).json()) as {
      data: { id: string }[];
      has_more: boolean;
      last_id: string;
    };
    expect(first.data).toHaveLength(2);
    expect(first.has_more).toBe(true);
    const second = (await (await get(`/v1/models?limit=2&after_id=${first.last_id}`, headers)).json()) as {
      data: { id: string }[];
    };
    expect(second.data.map(({ id }) => id)).not.toContain(first.last_id);
    expect(await (await get('/v1/models/b', headers)).json()).toMatchObject({ type: 'model', id: 'b' });
    expect((await get('/v1/models?limit=0', headers)).status).toBe(400);
  });

  test('a key sees only what it may use', async () => {
    const headers = { authorization: 'Bearer sk-narrow-0123456789' };
    const body = (await (await get('/v1/models', headers)).json()) as { data: { id: string }[] };
    expect(body.data.map(({ id }) => id).sort()).toEqual(['a-one', 'a-two']);
    expect((await get('/v1/models/b', headers)).status).toBe(404);
    expect((await get('/v1/models')).status).toBe(401);
  });
});

describe('what is no exchange', () => {
  test('health and readiness need no key', async () => {
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
    expect((await get('/healthz', {}, 'HEAD')).status).toBe(200);
    expect((await get('/', {}, 'HEAD')).status).toBe(200);
  });

  test('unknown paths and wrong methods are said so, in the likely dialect', async () => {
    const unknown = await get('/v1/embeddingz');
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ error: { message: expect.stringContaining('/v1/chat/completions') } });
    const method = await get('/v1/messages', key);
    expect(method.status).toBe(405);
    expect(method.headers.get('allow')).toBe('POST, OPTIONS');
    expect(await method.json()).toMatchObject({ type: 'error' });
  });

  test('preflights are answered, and only configured origins let in', async () => {
    const preflight = await get(
      '/v1/chat/completions',
      { origin: 'https://app.example', 'access-control-request-headers': 'authorization,content-type' },
      'OPTIONS',
    );
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(preflight.headers.get('access-control-allow-headers')).toBe('authorization,content-type');
    const stranger = await get('/v1/models', { ...key, origin: 'https://evil.example' });
    expect(stranger.headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('count_tokens', () => {
  const request = { model: 'a-two', messages: [{ role: 'user', content: 'How long is this?' }] };

  test("is the provider's own where it has one", async () => {
    const response = await house.post('/v1/messages/count_tokens', request, { headers: { 'x-api-key': ADMIN_KEY } });
    expect(response.status).toBe(200);
    expect(((await response.json()) as { input_tokens: number }).input_tokens).toBeGreaterThan(0);
    expect(house.emulator.requests.at(-1)?.path).toBe('/v1/messages/count_tokens');
    expect(house.emulator.requests.at(-1)?.json).toMatchObject({ model: 'claude-test' });
  });

  test('and refused by name where it has none', async () => {
    const response = await house.post('/v1/messages/count_tokens', { ...request, model: 'b' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      type: 'error',
      error: { message: expect.stringContaining('counts tokens') },
    });
  });
});

describe('an exchange', () => {
  test('says in its headers what happened to it', async () => {
    const request = { model: 'a-one', messages: [{ role: 'user', content: 'Hi' }] };
    const response = await house.post('/v1/chat/completions', request);
    const { headers } = response;
    expect(headers.get('x-turnpike-provider')).toBe('openai');
    expect(headers.get('x-turnpike-model')).toBe('gpt-test');
    expect(headers.get('x-turnpike-lane')).toBe('raw');
    expect(headers.get('x-turnpike-attempts')).toBe('1');
    expect(headers.get('x-turnpike-endpoint')).toBeString();
    expect((await house.lastRow()).id).toBe(headers.get('x-turnpike-exchange-id') ?? '');
  });

  test('never shows the credential of a provider that repeats it', async () => {
    const secret = 'sk-upstream-credential';
    const body = JSON.stringify({ error: { message: `Wrong key: ${secret}`, type: 'x', code: null } });
    for (const status of [401, 200]) {
      house.emulator.script([{ plan: jsonPlan(status, JSON.parse(body)) }], { repeat: true });
      const response = await house.post('/v1/chat/completions', {
        model: 'a-one',
        messages: [{ role: 'user', content: 'Hi' }],
      });
      const text = await response.text();
      expect(text).toContain('Wrong key');
      expect(text).not.toContain(secret);
      expect((await house.lastRow()).faultMessage).not.toContain(secret);
      expect(house.lines.join()).not.toContain(secret);
      house.emulator.reset();
    }
  });
});
