/** Streaming, accounting and fallback through the gateway: cases that other gateways are known to get wrong. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { jsonPlan } from '@turnpike/emulator/http/wire-plan.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { post } from '../face.ts';
import { type Rig, startRig } from '../rig.ts';
import { dataOf, objectsOf } from '../trip.ts';

const FACES: DialectId[] = ['openai-chat', 'anthropic-messages'];
let rig: Rig;

beforeAll(async () => {
  rig = await startRig({
    models: FACES.map((dialect) => ({
      name: `backed-${dialect}`,
      endpoints: [`up-${dialect}/first`],
      retries: 0,
      fallbacks: [`${dialect}.second`],
    })),
  });
});
beforeEach(() => rig.emulator.reset());
afterAll(() => rig.stop());

function body(model: string, fields: JsonObject = {}): string {
  return JSON.stringify({ model, max_tokens: 100, messages: [{ role: 'user', content: 'Hi' }], ...fields });
}

async function rowOf(response: Response) {
  await rig.gateway.flush();
  const id = response.headers.get('x-turnpike-exchange-id') ?? '';
  const row = await rig.gateway.store.exchange(id);
  if (row === undefined) throw new Error(`no row ${id}`);
  return row;
}

describe('usage in a chat stream', () => {
  const usage = { input: 16_111, cacheRead: 15_000, output: 12 };

  test('in the chunk that has the finish: taken, not estimated', async () => {
    rig.emulator.script([{ text: 'Hello there', usage, streamUsage: 'with-finish' }]);
    const response = await post(rig, 'openai-chat', body('openai-chat', { stream: true }));
    await response.text();
    const row = await rowOf(response);
    expect(row.isEstimated).toBe(false);
    expect(row.usage).toMatchObject({ inputTokens: 16_111, cacheReadTokens: 15_000, outputTokens: 12 });
  });

  test('not asked for by the client: asked for upstream, accounted, and taken out again', async () => {
    rig.emulator.script([{ text: 'Hello there', usage }]);
    const response = await post(rig, 'openai-chat', body('openai-chat', { stream: true }));
    const chunks = dataOf(await response.text());
    const row = await rowOf(response);
    expect(row.isEstimated).toBe(false);
    expect(row.usage).toMatchObject({ inputTokens: 16_111, outputTokens: 12 });
    expect(chunks.filter((chunk) => chunk.usage !== undefined && chunk.usage !== null)).toEqual([]);
    expect(chunks.filter((chunk) => objectsOf(chunk.choices).length === 0)).toEqual([]);
  });

  test('asked for: it arrives', async () => {
    rig.emulator.script([{ text: 'Hello there', usage }]);
    const fields = { stream: true, stream_options: { include_usage: true } };
    const chunks = dataOf(await (await post(rig, 'openai-chat', body('openai-chat', fields))).text());
    expect(chunks.filter((chunk) => chunk.usage !== undefined && chunk.usage !== null)).toHaveLength(1);
  });
});

for (const face of FACES) {
  for (const upstream of FACES) {
    describe(`${face} client, ${upstream} provider`, () => {
      test('the client leaves after a few chunks: input and what was produced are accounted, upstream is closed', async () => {
        rig.emulator.script([{ text: Array.from({ length: 50 }, (_, at) => `word${at} `), paceMs: 15 }]);
        const abort = new AbortController();
        const response = await post(rig, face, body(upstream, { stream: true }), {}, abort.signal);
        const reader = response.body?.getReader();
        for (let chunk = 0; chunk < 5; chunk++) await reader?.read();
        abort.abort();
        const leftAtMs = Date.now();
        await reader?.read().catch(() => undefined);
        await rig.emulator.idle();
        expect(rig.emulator.requests[0]?.aborted).toBe(true);
        expect((rig.emulator.requests[0]?.closedAtMs ?? Number.POSITIVE_INFINITY) - leftAtMs).toBeLessThan(250);
        await Bun.sleep(50);
        const row = await rowOf(response);
        expect(row.fault).toBe('client_gone');
        expect(row.isEstimated).toBe(true);
        expect(row.usage?.inputTokens ?? 0).toBeGreaterThan(0);
        expect(row.usage?.outputTokens ?? 0).toBeGreaterThan(0);
        expect(row.usage?.outputTokens ?? 0).toBeLessThan(60);
      });

      test('an error event after some chunks: one clean error, no text twice, no other try', async () => {
        rig.emulator.script([{ text: ['one ', 'two ', 'three ', 'four '], faults: 'error-event,after=5,code=429' }]);
        const response = await post(rig, face, body(`backed-${upstream}`, { stream: true }));
        const sse = await response.text();
        expect(rig.emulator.requests).toHaveLength(1);
        const text = textOf(dataOf(sse));
        expect('one two three four '.startsWith(text) && text.length > 0).toBe(true);
        expect(dataOf(sse).filter((event) => event.error !== undefined)).toHaveLength(1);
        expect(sse).not.toContain('[DONE]');
        expect(sse).not.toContain('message_stop');
        expect((await rowOf(response)).fault).toBeDefined();
      });

      test('a stream cut by the provider ends in an error', async () => {
        rig.emulator.script([{ text: ['one ', 'two ', 'three '], faults: 'cut-clean,4' }]);
        const sse = await (await post(rig, face, body(upstream, { stream: true }))).text();
        expect(dataOf(sse).some((event) => event.error !== undefined)).toBe(true);
        expect(sse).not.toContain('[DONE]');
        expect(sse).not.toContain('message_stop');
      });

      describe.each([false, true])('stream %p', (stream) => {
        // A whole message without content that ends its turn is an answer: a model may have nothing to add.
        const isNoAnswer = stream || upstream === 'openai-chat';
        test.each([
          ...(isNoAnswer ? [['an answer without choices or finish', 'empty-choices'] as const] : []),
          ['an empty body with status 200', 'empty-body'],
          ['an error with status 200', 'error-body,500'],
          ["a proxy's HTML page", 'html,502'],
          ['a reset connection', 'reset'],
          ['status 429', 'status,429'],
          ['status 529', 'status,529'],
        ])('%s is answered by the fallback', async (_what, fault) => {
          const turn = { text: 'from the fallback' };
          rig.emulator.script([turn, turn]);
          rig.emulator.fault(fault);
          const response = await post(rig, face, body(`backed-${upstream}`, { stream }));
          const answer = await response.text();
          // An empty stream begins like any other: when its beginning has reached the client, an error is all that is left.
          if (fault === 'empty-choices' && stream && rig.emulator.requests.length === 1) {
            expect(dataOf(answer).some((event) => event.error !== undefined)).toBe(true);
            expect((await rowOf(response)).fault).toBeDefined();
            return;
          }
          expect(`${response.status} ${stream ? textOf(dataOf(answer)) : answer}`).toContain('from the fallback');
          expect(rig.emulator.requests.map((request) => (request.json as JsonObject).model)).toEqual([
            'first',
            'second',
          ]);
          const row = await rowOf(response);
          expect(row.attempts).toHaveLength(2);
          expect(row.fault).toBeUndefined();
        });
      });

      test("a proxy's HTML page without a fallback is an error in the client's dialect", async () => {
        rig.emulator.fault('html,502');
        const response = await post(rig, face, body(upstream));
        const failure = (await response.json()) as JsonObject;
        expect(response.status).toBe(502);
        expect(typeof (failure.error as JsonObject).message).toBe('string');
        expect(failure.type).toBe(face === 'anthropic-messages' ? 'error' : undefined);
      });

      test('an answer that is no JSON is an error of the provider, not of the gateway', async () => {
        rig.emulator.fault('garbage-json');
        const response = await post(rig, face, body(upstream));
        expect(response.status).toBe(502);
        expect((await rowOf(response)).fault).toBe('upstream_garbled');
      });
    });
  }
}

test('arguments in history that are no JSON reach the provider, and the fallback is not needed', async () => {
  rig.emulator.script([{ text: 'ok' }]);
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{bad' } }] },
    { role: 'tool', tool_call_id: 'c', content: 'x' },
  ];
  const response = await post(rig, 'openai-chat', JSON.stringify({ model: 'anthropic-messages', messages }));
  expect(response.status).toBe(200);
});

test('fields no one knows ride through where the dialect is the same', async () => {
  rig.emulator.script([
    {
      plan: jsonPlan(200, {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
        news: { deep: [1.5] },
      }),
    },
  ]);
  const sent =
    '{"model":"openai-chat","messages":[{"role":"user","content":"Hi"}],"prompt_cache_retention":"24h","top_k":40,"ratio":1.0}';
  const answer = (await (await post(rig, 'openai-chat', sent)).json()) as JsonObject;
  expect(answer.news).toEqual({ deep: [1.5] });
  const received = new TextDecoder().decode(rig.emulator.requests[0]?.body);
  expect(received).toBe(sent.replace('"openai-chat"', '"m"'));
});

describe('beta flags', () => {
  const ask = (upstream: DialectId, headers: Record<string, string>) => {
    rig.emulator.script([{ text: 'Hi' }]);
    return post(rig, 'anthropic-messages', body(upstream), headers);
  };
  const received = () => rig.emulator.requests.at(-1)?.headers;

  test('go to a provider of the dialect as they came', async () => {
    await ask('anthropic-messages', { 'anthropic-beta': 'context-1m-2025-08-07,files-api-2025-04-14' });
    expect(received()?.get('anthropic-beta')).toBe('context-1m-2025-08-07,files-api-2025-04-14');
  });

  test('are not made up', async () => {
    await ask('anthropic-messages', {});
    expect(received()?.has('anthropic-beta')).toBe(false);
  });

  test('do not go to a provider of another dialect', async () => {
    await ask('openai-chat', { 'anthropic-beta': 'context-1m-2025-08-07' });
    expect(received()?.has('anthropic-beta')).toBe(false);
  });
});

test("the caller's key and cookies do not reach the provider; the provider's key is not in the address", async () => {
  rig.emulator.script([{ text: 'Hi' }]);
  await post(rig, 'openai-chat', body('openai-chat'), { cookie: 'session=secret', 'x-forwarded-for': '10.0.0.1' });
  const request = rig.emulator.requests[0];
  expect(request?.rawHeaders.flat().join(' ')).not.toContain(rig.key);
  expect(request?.headers.has('cookie')).toBe(false);
  expect(request?.target).not.toContain('upstream-key');
  expect(request?.headers.get('authorization')).toBe('Bearer upstream-key');
});

test('an unknown event in a same-dialect stream passes to the client untouched', async () => {
  rig.emulator.script([{ text: 'Hi', faults: 'garbage-event,1' }]);
  const sse = await (await post(rig, 'anthropic-messages', body('anthropic-messages', { stream: true }))).text();
  expect(sse).toContain('x_emulated_news');
  expect(sse).toContain('message_stop');
});

/** All text of a stream, in either dialect. */
function textOf(events: readonly JsonObject[]): string {
  return events
    .map((event) => {
      const delta = (event.delta ?? {}) as JsonObject;
      const choice = objectsOf(event.choices)[0];
      return String(delta.text ?? ((choice?.delta ?? {}) as JsonObject).content ?? '');
    })
    .join('');
}
