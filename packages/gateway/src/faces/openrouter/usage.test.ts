import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { usd } from '../../catalog/decimal.ts';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { type FaceTestHouse, startFaceTestHouse } from '../face-house.test-support.ts';

let house: FaceTestHouse;
let key: string;
beforeAll(async () => {
  house = await startFaceTestHouse();
  key = await house.newKey({ name: 'web' });
});
afterAll(() => house.house.stop());

const chat = async (model: string, stream: boolean) => {
  const request = { model, stream, max_tokens: 50, messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await house.house.post('/api/v1/chat/completions', request, {
    headers: { authorization: `Bearer ${key}` },
  });
  const text = await response.text();
  const [, bodyId = ''] = /"id":\s?"([^"]+)"/.exec(text) ?? [];
  return { bodyId, header: response.headers.get('x-generation-id') ?? '' };
};

describe.each(['chat', 'claude'])('a generation of %s', (model) => {
  test.each([false, true])('is found by the id of its answer and of its header; streamed: %p', async (stream) => {
    const { bodyId, header } = await chat(model, stream);
    const row = await house.house.lastRow();
    expect(header).toBe(row.id);
    expect(bodyId).not.toBe('');
    for (const id of [bodyId, header]) {
      const { status, body, text } = await house.ask('GET', `/api/v1/generation?id=${id}`, undefined, key);
      expect(status).toBe(200);
      expect(body.data).toMatchObject({
        id,
        request_id: header,
        streamed: stream,
        cancelled: false,
        model: model === 'chat' ? 'openai/gpt-test' : 'anthropic/claude-test',
        provider_name: model === 'chat' ? 'OpenAI' : 'Anthropic',
        finish_reason: 'stop',
        tokens_prompt: row.usage?.inputTokens ?? -1,
        native_tokens_completion: row.usage?.outputTokens ?? -1,
        is_byok: false,
        provider_responses: [{ status: 200, endpoint_id: row.endpoint ?? '' }],
      });
      const cost = usd(row.costNanoUsd ?? 0n);
      expect(cost).not.toBe('0');
      expect(text).toContain(`"total_cost":${cost},"usage":${cost},"upstream_inference_cost":${cost}`);
    }
  });
});

describe('a generation', () => {
  test('of another key is not there, and one that reads the logs finds it', async () => {
    const { bodyId, header } = await chat('chat', false);
    const other = await house.newKey({ name: 'other' });
    const logs = await house.newKey({ name: 'logs', adminScopes: ['logs:read'] });
    await house.call('POST', '/teams', { name: 'near' });
    const bound = await house.newKey({ name: 'bound', teamId: 'near', adminScopes: ['logs:read'] });
    for (const id of [bodyId, header, 'gen-nothing']) {
      const status = async (caller: string) =>
        (await house.ask('GET', `/api/v1/generation?id=${id}`, undefined, caller)).status;
      const there = id === 'gen-nothing' ? 404 : 200;
      expect([await status(other), await status(bound), await status(key), await status(logs)]).toEqual([
        404,
        404,
        there,
        there,
      ]);
    }
  });

  test('that its client cut off is told as cancelled, at what it cost until then', async () => {
    house.house.emulator.script([{ text: 'word '.repeat(200), paceMs: 10 }]);
    const leave = new AbortController();
    const request = { model: 'chat', stream: true, messages: [{ role: 'user', content: 'Count.' }] };
    const response = await house.house.post('/api/v1/chat/completions', request, { signal: leave.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    leave.abort();
    while (house.house.gateway.activeCount > 0) await Bun.sleep(2);
    const id = response.headers.get('x-generation-id');
    const { body } = await house.ask('GET', `/api/v1/generation?id=${id}`);
    expect(body.data).toMatchObject({ cancelled: true, finish_reason: null });
    expect(Number(body.data.total_cost)).toBeGreaterThan(0);
    house.house.emulator.reset();
  });

  test('costs what the ledger says once it was put right', async () => {
    const { bodyId, header } = await chat('chat', false);
    const { body } = await house.call('GET', `/ledger/entries?exchangeId=${header}`);
    await house.call('POST', '/ledger/adjustments', { corrects: body.data[0]?.id, amount: '0.25', reason: 'Test' });
    const { text } = await house.ask('GET', `/api/v1/generation?id=${bodyId}`, undefined, key);
    const cost = usd(250_000_000n + ((await house.house.lastRow()).costNanoUsd ?? 0n));
    expect(text).toContain(`"total_cost":${cost},`);
  });

  test('needs an id', async () => {
    const { status, body } = await house.ask('GET', '/api/v1/generation', undefined, key);
    expect([status, body.error.metadata]).toEqual([400, { code: 'body_invalid', field: 'id' }]);
  });

  test('has no header outside of OpenRouter’s base', async () => {
    const { headers } = await house.house.post('/v1/chat/completions', { model: 'chat', messages: [] });
    expect(headers.get('x-generation-id')).toBeNull();
  });
});

describe('activity', () => {
  const DAY = 86_400_000;
  const today = Math.floor(Date.now() / DAY) * DAY;
  const date = (daysAgo: number) => new Date(today - daysAgo * DAY).toISOString().slice(0, 10);
  const usage = { inputTokens: 10, outputTokens: 5, reasoningTokens: 2 };

  beforeAll(async () => {
    await house.house.gateway.store.writeLedger([
      ledgerEntry({ id: 'a.1', atMs: today - DAY + 5, usage, costNanoUsd: 9_007_199_254_740_993n }),
      ledgerEntry({ id: 'b.1', atMs: today - 1, usage, costNanoUsd: 1n, scopes: ['key:other'] }),
      ledgerEntry({ id: 'c.1', atMs: today - DAY - 1, usage, endpoint: 'openai/gpt-test' }),
      ledgerEntry({ id: 'd.1', atMs: today - 31 * DAY }),
      ledgerEntry({ id: 'e.1', atMs: today + 1 }),
    ]);
  });

  test('is told by day and endpoint, of the last thirty whole days, exactly', async () => {
    const { status, text, body } = await house.ask('GET', '/api/v1/activity');
    expect(status).toBe(200);
    expect(text).toContain('"usage":9007199.254740994,');
    const row = { byok_usage_inference: 0, provider_name: 'OpenAI' };
    expect(body.data as unknown).toEqual([
      {
        ...row,
        date: date(1),
        model: 'openai/gpt',
        model_permaslug: 'openai/gpt',
        endpoint_id: 'openai/gpt',
        usage: 9_007_199.254740994,
        requests: 2,
        prompt_tokens: 20,
        completion_tokens: 10,
        reasoning_tokens: 4,
      },
      {
        ...row,
        date: date(2),
        model: 'openai/gpt-test',
        model_permaslug: 'openai/gpt-test',
        endpoint_id: 'openai/gpt-test',
        usage: 0.000001,
        requests: 1,
        prompt_tokens: 10,
        completion_tokens: 5,
        reasoning_tokens: 2,
      },
    ]);
  });

  test('can be asked of one day, and of one key', async () => {
    const ask = async (query: string) => {
      const { status, body } = await house.ask('GET', `/api/v1/activity?${query}`);
      expect(status).toBe(200);
      return (body.data as unknown as { date: string; usage: number }[]).map((row) => [row.date, row.usage]);
    };
    expect(await ask(`date=${date(2)}`)).toEqual([[date(2), 0.000001]]);
    expect(await ask(`date=${date(1)}&api_key_hash=other`)).toEqual([[date(1), 1e-9]]);
    const { body } = await house.call('GET', '/keys/web');
    expect(await ask(`api_key_hash=${body.id}`)).toEqual([
      [date(1), 9_007_199.254740993],
      [date(2), 0.000001],
    ]);
  });

  test.each([`date=${date(0)}`, `date=${date(31)}`, 'date=yesterday', 'group_by=workspace', 'user_id=u'])(
    'is refused for %s, by name',
    async (query) => {
      const { status, body } = await house.ask('GET', `/api/v1/activity?${query}`);
      expect([status, body.error.metadata]).toEqual([400, { code: 'body_invalid', field: query.split('=')[0] }]);
    },
  );
});
