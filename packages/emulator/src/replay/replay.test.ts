import { afterAll, describe, expect, test } from 'bun:test';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '../emulator.ts';
import { dechunk, postText, rawExchange } from '../http/raw-exchange.ts';

const STREAM =
  'data: {"id":"1","choices":[]}\n\ndata: {"id":"2","usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n';
const ASK = { model: 'm', messages: [{ role: 'user', content: 'Grüße' }], temperature: 0.5 };

const corpus = await mkdtemp(join(tmpdir(), 'emulator-corpus-'));
afterAll(() => rm(corpus, { recursive: true }));

async function record(name: string, meta: object, request: unknown, file: string, answer: string): Promise<void> {
  const folder = join(corpus, name);
  await mkdir(folder, { recursive: true });
  const base = { api: 'openai.chat', method: 'POST', path: '/v1/chat/completions', status: 200, stream: false };
  await writeFile(join(folder, 'meta.json'), JSON.stringify({ ...base, ...meta }));
  if (request !== undefined) await writeFile(join(folder, 'request.json'), JSON.stringify(request, null, 2));
  await writeFile(join(folder, file), answer);
}

const headers = { 'X-Request-Id': 'req-1', 'Content-Encoding': 'gzip', 'content-type': 'text/event-stream' };
await record(
  'acme/stream',
  { stream: true, response_headers: headers, chunk_sizes: [10, 40, 5] },
  { ...ASK, stream: true },
  'response.sse',
  STREAM,
);
await record(
  'acme/whole',
  { response_headers: { 'content-type': 'application/json', 'retry-after': '9' } },
  ASK,
  'response.json',
  '{ "id": 1.0 }',
);
await record('acme/other-model', {}, { ...ASK, model: 'm2' }, 'response.json', '{"id":"m2"}');
await record('acme/refused', { status: 429 }, { ...ASK, temperature: 2 }, 'response.json', '{"error":{}}');
await record(
  'acme/messages',
  { api: 'anthropic.messages', path: '/v1/messages?beta=true' },
  { ...ASK, max_tokens: 5 },
  'response.json',
  '{"type":"message"}',
);
await record(
  'acme/models',
  { api: 'openai.models', method: 'GET', path: '/v1/models' },
  undefined,
  'response.json',
  '{"data":[]}',
);
await record('zeta/no-request', { request_recorded: false }, undefined, 'response.json', '{"id":"bare"}');

const emulator = await startEmulator({ corpus });
afterAll(() => emulator.stop());

function ask(body: unknown, path = '/v1/chat/completions', more: Record<string, string> = {}): Promise<Response> {
  return fetch(emulator.url + path, { method: 'POST', body: JSON.stringify(body), headers: more });
}

describe('finding the case', () => {
  test('same JSON in other order and spelling, at another prefix: the recorded bytes', async () => {
    const { temperature, messages, model } = ASK;
    const response = await ask({ temperature, messages, model }, '/openai/v1/chat/completions');
    expect([response.status, response.headers.get('retry-after')]).toEqual([200, '9']);
    expect(await response.text()).toBe('{ "id": 1.0 }');
  });

  test('the recorded model wins, an unrecorded one matches as well', async () => {
    expect(await (await ask({ ...ASK, model: 'm2' })).text()).toBe('{"id":"m2"}');
    expect((await ask({ ...ASK, model: 'unheard-of' })).status).toBe(200);
  });

  test('stream options that a gateway adds do not hinder', async () => {
    const response = await ask({ ...ASK, model: 'x', stream: true, stream_options: { include_usage: true } });
    expect(await response.text()).toBe(STREAM);
  });

  test('other content, other dialect, other method do not match', async () => {
    expect((await ask({ ...ASK, temperature: 0.6 })).status).toBe(404);
    expect(await (await ask({ ...ASK, max_tokens: 5 }, '/v1/messages')).text()).toBe('{"type":"message"}');
    expect((await ask({ ...ASK, max_tokens: 5 })).status).toBe(404);
    expect((await fetch(`${emulator.url}/v1/chat/completions`)).status).toBe(404);
    expect(await (await fetch(`${emulator.url}/x/models`)).text()).toBe('{"data":[]}');
  });

  test('a recorded error is an error again', async () => {
    expect((await ask({ ...ASK, temperature: 2 })).status).toBe(429);
  });

  test('forced by header or by serve()', async () => {
    const forced = await ask({ anything: 1 }, '/v1/chat/completions', { 'x-emulator-case': 'zeta/no-request' });
    expect(await forced.text()).toBe('{"id":"bare"}');
    expect((await ask({}, '/v1/messages', { 'x-emulator-case': 'zeta/none' })).status).toBe(500);
    emulator.script([{ text: 'scripted' }]);
    emulator.serve('acme/refused');
    expect((await ask({ anything: 1 })).status).toBe(429);
    emulator.serve(undefined);
    // A forced case leaves the script where it was.
    expect(await (await ask({ anything: 1 })).text()).toContain('scripted');
    expect((await ask({ anything: 1 })).status).toBe(404);
    expect(() => emulator.serve('acme/none')).toThrow('acme/none');
  });
});

describe('on the wire', () => {
  test('recorded chunk sizes, recorded headers without those of the transport', async () => {
    const got = await rawExchange(
      emulator.port,
      postText('/v1/chat/completions', { ...ASK, stream: true }, { connection: 'close' }),
    );
    const { chunks, payload, complete } = dechunk(got.body);
    expect(chunks.map((chunk) => chunk.length)).toEqual([10, 40, 5, STREAM.length - 55]);
    expect([payload, complete]).toEqual([STREAM, true]);
    expect(got.head).toContain('X-Request-Id: req-1');
    expect(got.head.toLowerCase()).not.toContain('content-encoding');
  });

  test.each([['byte', STREAM.length] as const, ['event', 3] as const, [16, Math.ceil(STREAM.length / 16)] as const])(
    'split %p',
    async (split, count) => {
      const other = await startEmulator({ corpus, split, corpusFilter: (recorded) => recorded.provider === 'acme' });
      const got = await rawExchange(
        other.port,
        postText('/v1/chat/completions', { ...ASK, stream: true }, { connection: 'close' }),
        2000,
      );
      expect(dechunk(got.body).chunks).toHaveLength(count);
      expect(dechunk(got.body).payload).toBe(STREAM);
      await other.stop();
    },
  );

  test('a fault strikes a recording, and the bill holds what was recorded', async () => {
    emulator.reset();
    await (await ask({ ...ASK, stream: true })).text();
    emulator.fault('cut-clean,1');
    expect(await (await ask({ ...ASK, stream: true })).text()).toBe('data: {"id":"1","choices":[]}\n\n');
    await emulator.idle();
    const recorded = { inputTokens: 3, outputTokens: 4 };
    expect(emulator.bill).toMatchObject([
      { usage: recorded, complete: true },
      { usage: undefined, plannedUsage: recorded, complete: false },
    ]);
  });
});

test('the filter leaves cases out, `otherwise` lets the sandbox answer them', async () => {
  const other = await startEmulator({ corpus, corpusFilter: (recorded) => recorded.stream, otherwise: 'sandbox' });
  const response = await fetch(`${other.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(ASK) });
  expect(await response.text()).toContain('Turnpike sandbox');
  await other.stop();
});

test('a corpus that is not there is an error', () => {
  expect(startEmulator({ corpus: join(corpus, 'none') })).rejects.toThrow('ENOENT');
});
