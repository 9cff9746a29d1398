import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { closedPort } from '@turnpike/emulator/faults/unreachable.ts';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';

let house: TestHouse;
const deadPort = await closedPort();

beforeAll(async () => {
  const price = { input: 1, output: 2 };
  const openai = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-1', price };
  const deadline = { connectMs: 400, firstByteMs: 500, betweenChunksMs: 300, totalMs: 3_000 };
  house = await startTestHouse({
    yaml: JSON.stringify({
      defaults: { deadlines: deadline, retries: 2 },
      keys: [{ name: 'narrow', key: 'sk-narrow-0123456789', models: ['primary'] }],
      models: [
        { name: 'primary', endpoints: [{ ...openai, id: 'a' }], fallbacks: ['second'], retries: 1 },
        {
          name: 'second',
          endpoints: [{ ...openai, id: 'b', provider: 'anthropic', model: 'claude-test' }],
          retries: 0,
        },
        {
          name: 'half-dead',
          retries: 0,
          endpoints: [
            { ...openai, id: 'dead', order: 1, baseUrl: `http://127.0.0.1:${deadPort}/v1` },
            { ...openai, id: 'alive', order: 2 },
          ],
        },
        {
          name: 'gone',
          retries: 0,
          endpoints: [{ ...openai, id: 'gone', baseUrl: `http://127.0.0.1:${deadPort}/v1` }],
        },
      ],
    }),
  });
});
afterAll(async () => {
  await house.stop();
});
afterEach(() => house.emulator.reset());

const ask = (model: string, more: object = {}) => ({ model, messages: [{ role: 'user', content: 'Hi' }], ...more });

describe('retry and fallback', () => {
  test('a failed endpoint is followed by the next at once, and the row tells both', async () => {
    house.emulator.script([{ text: 'from the second' }]);
    const response = await house.post('/v1/chat/completions', ask('half-dead'));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-turnpike-attempts')).toBe('2');
    expect(response.headers.get('x-turnpike-endpoint')).toBe('alive');
    const row = await house.lastRow();
    expect(
      row.attempts.map(({ endpoint, fault, costNanoUsd }) => [endpoint, fault, costNanoUsd !== undefined]),
    ).toEqual([
      ['dead', 'upstream_refused', true],
      ['alive', undefined, true],
    ]);
    expect(row.attempts[0]?.costNanoUsd).toBe(0n);
    expect(row.costNanoUsd).toBe(row.attempts[1]?.costNanoUsd);
  });

  test('the same endpoint is tried again after Retry-After', async () => {
    house.emulator.script([{ text: 'x' }, { text: 'second time' }]);
    house.emulator.fault('status,code=429,retryAfterSec=1');
    const startedAt = performance.now();
    const response = await house.post('/v1/chat/completions', ask('primary'));
    expect(response.status).toBe(200);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(990);
    expect(response.headers.get('x-turnpike-attempts')).toBe('2');
  });

  test('when all tries failed, the fallback serves, through translation if need be', async () => {
    house.emulator.fault('status,500', { times: 2 });
    const response = await house.post('/v1/chat/completions', ask('primary'));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-turnpike-endpoint')).toBe('b');
    expect(response.headers.get('x-turnpike-lane')).toBe('translate');
    expect((await house.lastRow()).attempts.map(({ endpoint }) => endpoint)).toEqual(['a', 'a', 'b']);
  });

  test('a request the provider rejects is not tried again', async () => {
    house.emulator.fault('status,400');
    const response = await house.post('/v1/chat/completions', ask('primary'));
    expect(response.status).toBe(400);
    expect(house.emulator.requests).toHaveLength(1);
  });

  test('a stream that fails before its first content is tried elsewhere; the client sees one clean stream', async () => {
    house.emulator.fault('error-event,0,529', { times: 2 });
    const response = await house.post('/v1/chat/completions', ask('primary', { stream: true }));
    const text = await response.text();
    expect(text).not.toContain('error');
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
    expect(response.headers.get('x-turnpike-endpoint')).toBe('b');
  });

  test('an answer without anything in it is tried elsewhere', async () => {
    for (const stream of [false, true]) {
      house.emulator.reset();
      house.emulator.fault('empty-choices', { times: 2 });
      const response = await house.post('/v1/chat/completions', ask('primary', { stream }));
      expect(response.headers.get('x-turnpike-endpoint')).toBe('b');
      expect(await response.text()).toContain('sandbox');
    }
  });

  test('once content reached the client nothing is tried again, and nothing is said twice', async () => {
    house.emulator.script([{ text: 'one two three four five six' }]);
    house.emulator.fault('error-event,5,429');
    const response = await house.post('/v1/chat/completions', ask('primary', { stream: true }));
    const text = await response.text();
    expect(text.match(/one /g)).toHaveLength(1);
    expect(text).toContain('"error"');
    expect(text).not.toContain('[DONE]');
    expect(house.emulator.requests).toHaveLength(1);
  });

  test('a fallback is no way around the models of a key', async () => {
    house.emulator.fault('status,500', { times: 5 });
    const headers = { authorization: 'Bearer sk-narrow-0123456789' };
    const response = await house.post('/v1/chat/completions', ask('primary'), { headers });
    expect(response.status).toBe(500);
    expect((await house.lastRow()).attempts.map(({ endpoint }) => endpoint)).toEqual(['a', 'a']);
    const direct = await house.post('/v1/chat/completions', ask('second'), { headers });
    expect(direct.status).toBe(403);
  });

  test('nobody listens: a clear 502', async () => {
    const response = await house.post('/v1/messages', ask('gone', { max_tokens: 5 }));
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'api_error' } });
    expect((await house.lastRow()).fault).toBe('upstream_refused');
  });
});
