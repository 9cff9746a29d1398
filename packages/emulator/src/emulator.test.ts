import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import { connect } from 'node:net';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import { sumBill } from './bill.ts';
import { startEmulator } from './emulator.ts';
import { jsonPlan } from './http/wire-plan.ts';

const emulator = await startEmulator();
afterEach(() => emulator.reset());
afterAll(() => emulator.stop());

const CHAT = { model: 'm-1', messages: [{ role: 'user', content: 'Hello you' }] };
const MESSAGES = { ...CHAT, max_tokens: 50 };

function post(path: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(emulator.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...init.headers },
  });
}

async function json(response: Response): Promise<JsonObject> {
  const body: unknown = await response.json();
  if (!isObject(body)) throw new Error('The body is no object.');
  return body;
}

async function events(response: Response): Promise<JsonObject[]> {
  const text = await response.text();
  const datas = text.split('\n\n').flatMap((event) => /^data: (\{.*)$/m.exec(event)?.[1] ?? []);
  return datas.map((data) => JSON.parse(data));
}

describe('routing', () => {
  test.each(['/v1', '/api/v1', '/openai/deployments/gpt', ''])(
    'chat completions under the prefix "%s"',
    async (prefix) => {
      const answer = await json(await post(`${prefix}/chat/completions?api-version=1`, CHAT));
      expect(answer.object).toBe('chat.completion');
      expect(emulator.requests[0]).toMatchObject({ method: 'POST', path: `${prefix}/chat/completions`, json: CHAT });
    },
  );

  test('messages, token counts and Vertex paths', async () => {
    expect((await json(await post('/anthropic/v1/messages?beta=true', MESSAGES))).type).toBe('message');
    const vertex = '/v1/projects/p/locations/l/publishers/anthropic/models/claude@1:rawPredict';
    expect((await json(await post(vertex, MESSAGES))).type).toBe('message');
    expect(await json(await post('/v1/messages/count_tokens', MESSAGES))).toEqual({ input_tokens: 2 });
  });

  test('models in the caller dialect', async () => {
    const chat = await json(await fetch(`${emulator.url}/any/v1/models`));
    expect(chat).toMatchObject({ object: 'list' });
    const anthropic = await fetch(`${emulator.url}/v1/models`, { headers: { 'anthropic-version': '2023-06-01' } });
    expect(await json(anthropic)).toMatchObject({ has_more: false, first_id: 'echo' });
    expect(await json(await fetch(`${emulator.url}/v1/models/echo`))).toMatchObject({ id: 'echo', object: 'model' });
  });

  test('an unknown path is refused', async () => {
    expect((await post('/v1/unheard-of', {})).status).toBe(404);
  });

  test('a wrong key is refused when one is set', async () => {
    const locked = await startEmulator({ apiKey: 'right' });
    const ask = (headers: Record<string, string>) => fetch(`${locked.url}/v1/models`, { headers });
    expect((await ask({ authorization: 'Bearer wrong' })).status).toBe(401);
    expect((await ask({ authorization: 'Bearer right' })).status).toBe(200);
    expect((await ask({ 'x-api-key': 'right' })).status).toBe(200);
    await locked.stop();
  });
});

const RICH = {
  reasoning: ['Let me ', 'see.'],
  signature: 'c2lnbmVk',
  text: ['Look', 'ing up.'],
  toolCalls: [
    { name: 'weather', arguments: { city: 'Köln' } },
    { name: 'clock', id: 'call_own', arguments: ['{"zo', 'ne":1}'] },
  ],
  usage: { input: 100, output: 40, cacheRead: 30, cacheWrite: 20, cacheWrite1h: 5, reasoning: 10 },
};

describe('scripted turns as OpenAI chat', () => {
  test('whole', async () => {
    emulator.script([RICH]);
    expect(await json(await post('/v1/chat/completions', CHAT))).toMatchObject({
      model: 'm-1',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'Looking up.',
            reasoning: 'Let me see.',
            reasoning_details: [{ type: 'reasoning.text', text: 'Let me see.', signature: 'c2lnbmVk' }],
            tool_calls: [
              {
                id: 'call_emulated_1_1',
                type: 'function',
                function: { name: 'weather', arguments: '{"city":"Köln"}' },
              },
              { id: 'call_own', type: 'function', function: { name: 'clock', arguments: '{"zone":1}' } },
            ],
          },
        },
      ],
      usage: {
        prompt_tokens: 100,
        completion_tokens: 40,
        total_tokens: 140,
        prompt_tokens_details: { cached_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 10 },
      },
    });
  });

  test('streamed, with usage only when asked', async () => {
    emulator.script([RICH, RICH]);
    const silent = await events(await post('/v1/chat/completions', { ...CHAT, stream: true }));
    expect(silent.some((chunk) => 'usage' in chunk)).toBe(false);
    const asked = { ...CHAT, stream: true, stream_options: { include_usage: true } };
    const chunks = await events(await post('/v1/chat/completions', asked));
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 100 } });
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    const deltas = chunks.flatMap((chunk) => {
      const choices = chunk.choices as {
        delta: { content?: string; tool_calls?: { index: number; function: { arguments: string } }[] };
      }[];
      return choices.map((choice) => choice.delta);
    });
    expect(deltas.map((delta) => delta.content ?? '').join('')).toBe('Looking up.');
    const calls = deltas.flatMap((delta) => delta.tool_calls ?? []);
    const argumentsOf = (index: number) =>
      calls
        .filter((call) => call.index === index)
        .map((call) => call.function.arguments)
        .join('');
    expect([argumentsOf(0), argumentsOf(1)]).toEqual(['{"city":"Köln"}', '{"zone":1}']);
  });

  test('usage beside the finish, several choices, a refusal, own finish words', async () => {
    emulator.script([
      { text: 'a', streamUsage: 'with-finish' },
      { choices: [{ text: 'one' }, { refusal: 'No.' }, { text: 'cut', finish: 'length' }] },
      { text: 'x', finish: 'insufficient_system_resource', model: 'other', id: 'own-id', headers: { 'x-more': 'yes' } },
    ]);
    const chunks = await events(await post('/v1/chat/completions', { ...CHAT, stream: true }));
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: 'stop' }], usage: { prompt_tokens: 2 } });
    expect((await json(await post('/v1/chat/completions', CHAT))).choices).toMatchObject([
      { index: 0, message: { content: 'one', refusal: null }, finish_reason: 'stop' },
      { index: 1, message: { content: null, refusal: 'No.' }, finish_reason: 'stop' },
      { index: 2, message: { content: 'cut' }, finish_reason: 'length' },
    ]);
    const last = await post('/v1/chat/completions', CHAT);
    expect(last.headers.get('x-more')).toBe('yes');
    expect(await json(last)).toMatchObject({
      id: 'own-id',
      model: 'other',
      choices: [{ finish_reason: 'insufficient_system_resource' }],
    });
  });
});

describe('scripted turns as Anthropic messages', () => {
  test('whole', async () => {
    emulator.script([RICH]);
    expect(await json(await post('/v1/messages', MESSAGES))).toMatchObject({
      type: 'message',
      stop_reason: 'tool_use',
      content: [
        { type: 'thinking', thinking: 'Let me see.', signature: 'c2lnbmVk' },
        { type: 'text', text: 'Looking up.' },
        { type: 'tool_use', id: 'toolu_emulated_1_1', name: 'weather', input: { city: 'Köln' } },
        { type: 'tool_use', id: 'call_own', name: 'clock', input: { zone: 1 } },
      ],
      usage: {
        input_tokens: 50,
        cache_read_input_tokens: 30,
        cache_creation_input_tokens: 20,
        cache_creation: { ephemeral_5m_input_tokens: 15, ephemeral_1h_input_tokens: 5 },
        output_tokens: 40,
      },
    });
  });

  test('streamed', async () => {
    emulator.script([{ ...RICH, redactedReasoning: 'b3BhcXVl' }]);
    const got = await events(await post('/v1/messages', { ...MESSAGES, stream: true }));
    expect(got[0]).toMatchObject({ type: 'message_start', message: { content: [], usage: { input_tokens: 50 } } });
    expect(
      got.filter((event) => event.type === 'content_block_start').map((event) => event.content_block),
    ).toMatchObject([
      { type: 'redacted_thinking', data: 'b3BhcXVl' },
      { type: 'thinking' },
      { type: 'text' },
      { type: 'tool_use', name: 'weather', input: {} },
      { type: 'tool_use', name: 'clock' },
    ]);
    const deltas = got
      .filter((event) => event.type === 'content_block_delta')
      .map((event) => event.delta as JsonObject);
    expect(deltas.map((delta) => delta.thinking ?? '').join('')).toBe('Let me see.');
    expect(deltas.map((delta) => delta.partial_json ?? '').join('')).toBe('{"city":"Köln"}{"zone":1}');
    expect(deltas.find((delta) => delta.type === 'signature_delta')).toMatchObject({ signature: 'c2lnbmVk' });
    expect(got.at(-2)).toMatchObject({
      type: 'message_delta',
      delta: { stop_reason: 'tool_use' },
      usage: { output_tokens: 40 },
    });
    expect(got.at(-1)).toEqual({ type: 'message_stop' });
  });
});

describe('scripts', () => {
  test('turns in order, then the sandbox; `when` picks; `repeat` starts over', async () => {
    emulator.script([{ text: 'only-b' }], { when: (request) => isObject(request.json) && request.json.model === 'b' });
    emulator.script([{ text: '1' }, { text: '2' }], { repeat: true });
    const ask = async (model: string) => {
      const answer = await json(await post('/v1/chat/completions', { ...CHAT, model }));
      return (answer.choices as { message: { content: string } }[])[0]?.message.content;
    };
    expect([await ask('a'), await ask('b'), await ask('a'), await ask('b')]).toEqual(['1', 'only-b', '2', '1']);
    emulator.reset();
    expect(await ask('a')).toStartWith('Turnpike sandbox');
  });

  test('an expectation that fails is told to the client', async () => {
    const expectation = (body: JsonObject) => {
      if (body.model !== 'other') throw new Error(`model is ${body.model}`);
    };
    emulator.script([{ text: 'never', expect: expectation }]);
    const response = await post('/v1/chat/completions', CHAT);
    expect(response.status).toBe(500);
    expect(await response.text()).toContain('model is m-1');
  });

  test('a plan of its own, faults of a turn, and delays', async () => {
    emulator.script([
      { plan: jsonPlan(207, { own: true }, [['X-Own', '1']]) },
      { text: 'x', faults: ['status,503'] },
      { text: ['a', 'b', 'c'], firstByteDelayMs: 60, paceMs: 20 },
    ]);
    const own = await post('/v1/chat/completions', CHAT);
    expect([own.status, own.headers.get('x-own'), await own.text()]).toEqual([207, '1', '{"own":true}']);
    expect((await post('/v1/chat/completions', CHAT)).status).toBe(503);
    const startedMs = performance.now();
    const slow = await post('/v1/chat/completions', { ...CHAT, stream: true });
    expect(performance.now() - startedMs).toBeGreaterThan(55);
    await slow.text();
    // Role, three texts, finish and end mark: five waits between six events.
    expect(performance.now() - startedMs).toBeGreaterThan(55 + 5 * 20 - 10);
  });
});

describe('the books', () => {
  test('a client that leaves is seen at once, and billed for what went out', async () => {
    emulator.script([
      { text: Array.from({ length: 50 }, (_, at) => `w${at} `), paceMs: 20, usage: { input: 7, output: 50 } },
    ]);
    const client = new AbortController();
    const response = await post('/v1/chat/completions', { ...CHAT, stream: true }, { signal: client.signal });
    const reader = response.body?.getReader();
    await reader?.read();
    await Bun.sleep(70);
    const leftAtMs = Date.now();
    client.abort();
    await emulator.idle();
    const [request] = emulator.requests;
    expect(request?.aborted).toBe(true);
    expect((request?.closedAtMs ?? 0) - leftAtMs).toBeLessThan(50);
    const [entry] = emulator.bill;
    expect(entry).toMatchObject({ ended: 'client-closed', complete: false, usage: undefined });
    expect(entry?.plannedUsage).toMatchObject({ inputTokens: 7, outputTokens: 50 });
    expect(entry?.text).toStartWith('w0 w1 ');
    expect(entry?.text).not.toContain('w49');
  });

  test('a client that half-closes before the answer counts as gone', async () => {
    emulator.fault('slow-first-byte,5000');
    const socket = connect(emulator.port, '127.0.0.1');
    const text = JSON.stringify(CHAT);
    socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
    await Bun.sleep(50);
    socket.end();
    await emulator.idle(1000);
    expect(emulator.requests[0]).toMatchObject({ aborted: true });
    socket.destroy();
  });

  test('requests: headers, body bytes, broken JSON', async () => {
    await fetch(`${emulator.url}/v1/messages`, { method: 'POST', body: '{"model": 1', headers: { 'X-Odd': 'Yes' } });
    await emulator.idle();
    const [request] = emulator.requests;
    expect(request?.headers.get('x-odd')).toBe('Yes');
    expect(new TextDecoder().decode(request?.body)).toBe('{"model": 1');
    expect(request).toMatchObject({ json: undefined, aborted: false, id: 1 });
    expect(request?.overAtMs).toBeGreaterThanOrEqual(request?.atMs ?? Number.POSITIVE_INFINITY);
  });

  test('the bill of both dialects, whole, streamed, cut and failed', async () => {
    const usage = { input: 10, output: 5, cacheRead: 4 };
    emulator.script(Array.from({ length: 6 }, () => ({ text: 'a b', usage })));
    await (await post('/v1/chat/completions', CHAT)).text();
    await (
      await post('/v1/chat/completions', { ...CHAT, stream: true, stream_options: { include_usage: true } })
    ).text();
    await (await post('/v1/messages', MESSAGES)).text();
    await (await post('/v1/messages', { ...MESSAGES, stream: true })).text();
    const cut = post('/v1/messages', { ...MESSAGES, stream: true }, { headers: { 'x-emulator-fault': 'cut-reset,4' } });
    await cut.then((response) => response.text()).catch(() => 'reset');
    await (await post('/v1/chat/completions', CHAT, { headers: { 'x-emulator-fault': 'status,500' } })).text();
    await emulator.idle();
    const reported = { inputTokens: 10, outputTokens: 5, cacheReadTokens: 4 };
    expect(emulator.bill).toMatchObject([
      { usage: reported, text: 'a b', complete: true, ended: 'finished', stream: false, chunksSent: 1 },
      { usage: reported, text: 'a b', complete: true, ended: 'finished', stream: true },
      { usage: reported, text: 'a b', complete: true, dialect: 'anthropic-messages' },
      { usage: reported, text: 'a b', complete: true, eventsSent: 8 },
      { usage: { ...reported, outputTokens: 1 }, plannedUsage: reported, text: 'a ', complete: false, ended: 'cut' },
      { usage: undefined, status: 500, complete: false, ended: 'finished' },
    ]);
    expect(sumBill(emulator.bill)).toMatchObject({ entries: 5, inputTokens: 50, outputTokens: 21 });
  });

  test('the log is bounded', async () => {
    const small = await startEmulator({ requestsMax: 2, billMax: 1 });
    for (const model of ['a', 'b', 'c']) {
      const body = JSON.stringify({ ...CHAT, model });
      await (await fetch(`${small.url}/v1/chat/completions`, { method: 'POST', body })).text();
    }
    await small.idle();
    expect(small.requests.map((request) => request.id)).toEqual([2, 3]);
    expect(small.bill.map((entry) => entry.model)).toEqual(['c']);
    await small.stop();
  });
});

test('stop() closes what is open at once', async () => {
  const brief = await startEmulator();
  brief.fault('stall,1');
  const response = await fetch(`${brief.url}/v1/chat/completions`, {
    method: 'POST',
    body: JSON.stringify({ ...CHAT, stream: true }),
  });
  const startedMs = performance.now();
  const rest = response.text().catch(() => 'closed');
  await brief.stop();
  expect(await rest).toBe('closed');
  expect(performance.now() - startedMs).toBeLessThan(500);
  await expect(fetch(brief.url)).rejects.toThrow();
});
