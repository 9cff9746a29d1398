import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import { startEmulator } from '../emulator.ts';
import { dechunk, postText, type RawExchange, rawExchange } from '../http/raw-exchange.ts';
import type { FaultSpec } from './fault-spec.ts';

const emulator = await startEmulator();
afterEach(() => emulator.reset());
afterAll(() => emulator.stop());

const DIALECTS = [
  { dialect: 'openai-chat', path: '/v1/chat/completions', endMark: '[DONE]' },
  { dialect: 'anthropic-messages', path: '/v1/messages', endMark: 'message_stop' },
] as const;

interface Ask {
  path?: string;
  stream?: boolean;
  patienceMs?: number;
}

function exchange(faults: FaultSpec | string, { path = '/v1/chat/completions', stream = true, patienceMs }: Ask = {}) {
  emulator.fault(faults);
  const body = { model: 'echo', max_tokens: 99, stream, messages: [{ role: 'user', content: 'one two three' }] };
  return rawExchange(emulator.port, postText(path, body, { connection: 'close' }), patienceMs);
}

const statusOf = (got: RawExchange) => Number(got.head.split(' ')[1]);
const headerOf = (got: RawExchange, name: string) =>
  new RegExp(`^${name}: (.*)$`, 'im').exec(got.head.replaceAll('\r', ''))?.[1];
const eventsOf = (payload: string) => payload.split('\n\n').filter((event) => event !== '');

test('without a fault the stream is whole: the other tests show a difference', async () => {
  for (const { path, endMark } of DIALECTS) {
    emulator.fault([]);
    const body = {
      model: 'echo',
      max_tokens: 99,
      stream: true,
      messages: [{ role: 'user', content: 'one two three' }],
    };
    const got = await rawExchange(emulator.port, postText(path, body, { connection: 'close' }));
    const { payload, complete } = dechunk(got.body);
    expect(got.end).toBe('fin');
    expect(complete).toBe(true);
    expect(payload).toContain(endMark);
  }
});

describe.each([400, 401, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529])('status %d', (code) => {
  test('in the OpenAI shape', async () => {
    const got = await exchange(`status,${code},retryAfterSec=7`);
    expect(statusOf(got)).toBe(code);
    expect(headerOf(got, 'retry-after')).toBe('7');
    expect(headerOf(got, 'x-request-id')).toMatch(/^req_/);
    const body = JSON.parse(got.body);
    expect(Object.keys(body)).toEqual(['error']);
    expect(Object.keys(body.error).sort()).toEqual(['code', 'message', 'param', 'type']);
  });

  test('in the Anthropic shape', async () => {
    const got = await exchange(`status,${code}`, { path: '/v1/messages' });
    expect(statusOf(got)).toBe(code);
    expect(headerOf(got, 'retry-after')).toBeUndefined();
    const body = JSON.parse(got.body);
    expect(body.type).toBe('error');
    expect(body.request_id).toBe(headerOf(got, 'request-id'));
    expect(typeof body.error.message).toBe('string');
  });
});

test('Retry-After as an HTTP date', async () => {
  const got = await exchange('status,429,retryDateSec=60,message=Wait a minute');
  const waitMs = Date.parse(headerOf(got, 'retry-after') ?? '') - Date.now();
  expect(waitMs).toBeGreaterThan(55_000);
  expect(waitMs).toBeLessThanOrEqual(60_000);
  expect(got.body).toContain('Wait a minute');
});

test('known types: rate limit and overload in Anthropic words, key in OpenAI words', async () => {
  expect((await exchange('status,429', { path: '/v1/messages' })).body).toContain('"rate_limit_error"');
  expect((await exchange('status,529', { path: '/v1/messages' })).body).toContain('"overloaded_error"');
  expect((await exchange('status,401')).body).toContain('"invalid_api_key"');
});

test('a proxy page instead of JSON', async () => {
  const got = await exchange('html,502');
  expect(statusOf(got)).toBe(502);
  expect(headerOf(got, 'content-type')).toBe('text/html');
  expect(got.body).toStartWith('<html>');
});

test('reset before any byte', async () => {
  const got = await exchange('reset');
  expect(got).toMatchObject({ text: '', end: 'rst' });
});

test('slow first byte', async () => {
  const got = await exchange('slow-first-byte,120');
  expect(got.arrivals[0]?.atMs).toBeGreaterThan(110);
  expect(dechunk(got.body).complete).toBe(true);
});

test('a stall for a while, then the rest', async () => {
  const got = await exchange('stall,after=2,ms=150', { patienceMs: 1000 });
  const gaps = got.arrivals.map((arrival, at) => arrival.atMs - (got.arrivals[at - 1]?.atMs ?? 0));
  expect(Math.max(...gaps.slice(1))).toBeGreaterThan(130);
  expect(dechunk(got.body).payload).toContain('[DONE]');
});

test.each([true, false])('a stall for ever (stream %p): bytes come, then nothing, and no end', async (stream) => {
  const got = await exchange('stall,after=2', { stream, patienceMs: 250 });
  expect(got.end).toBe('open');
  if (stream) expect(eventsOf(dechunk(got.body).payload)).toHaveLength(2);
  else expect(got.body.length).toBeLessThan(Number(headerOf(got, 'content-length')));
  expect(got.body.length).toBeGreaterThan(0);
});

describe.each(DIALECTS)('a stream of $dialect cut', ({ path, endMark }) => {
  test('by a proper end of HTTP, without the end mark', async () => {
    const got = await exchange('cut-clean,3', { path });
    const { payload, complete } = dechunk(got.body);
    expect(complete).toBe(true);
    expect(eventsOf(payload)).toHaveLength(3);
    expect(payload).not.toContain(endMark);
  });

  test('by FIN without the last HTTP chunk', async () => {
    const got = await exchange('cut-close,3', { path });
    expect(got.end).toBe('fin');
    expect(eventsOf(dechunk(got.body).payload)).toHaveLength(3);
    expect(dechunk(got.body).complete).toBe(false);
  });

  test('by RST', async () => {
    const got = await exchange('cut-reset,3', { path });
    expect(got.end).toBe('rst');
    expect(eventsOf(dechunk(got.body).payload)).toHaveLength(3);
  });
});

test.each(['cut-close,1', 'cut-reset,1'])('a whole body cut by %s is shorter than promised', async (fault) => {
  const got = await exchange(fault, { stream: false });
  expect(got.body.length).toBeGreaterThan(0);
  expect(got.body.length).toBeLessThan(Number(headerOf(got, 'content-length')));
  expect(got.end).toBe(fault.startsWith('cut-reset') ? 'rst' : 'fin');
});

test.each([true, false])('content-length too long (stream %p)', async (stream) => {
  const got = await exchange('short-length,25', { stream });
  expect(Number(headerOf(got, 'content-length'))).toBe(got.body.length + 25);
  expect(got.end).toBe('fin');
});

test('broken JSON in a stream and in a whole body', async () => {
  const datas = eventsOf(dechunk((await exchange('garbage-json,2')).body).payload).map((event) => event.slice(6));
  expect(() => JSON.parse(datas[2] ?? '')).toThrow();
  expect(() => JSON.parse(datas[3] ?? '')).not.toThrow();
  const whole = await exchange('garbage-json', { stream: false });
  expect(whole.body.length).toBe(Number(headerOf(whole, 'content-length')));
  expect(() => JSON.parse(whole.body)).toThrow();
});

test('binary junk', async () => {
  const { payload } = dechunk((await exchange('garbage-binary,2')).body);
  expect(() => new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(payload, 'latin1'))).toThrow();
  expect(payload).toContain('[DONE]');
});

test.each(DIALECTS)('an unknown event and a comment in $dialect', async ({ path, endMark }) => {
  const { payload } = dechunk((await exchange('garbage-event,2', { path })).body);
  expect(payload).toContain('\n\n: a comment\n\nevent: x_emulated_news\ndata: {');
  expect(payload).toContain(endMark);
});

test.each(DIALECTS)('200 with an error body in $dialect', async ({ path }) => {
  for (const stream of [true, false]) {
    const got = await exchange('error-body,500', { path, stream });
    expect(statusOf(got)).toBe(200);
    expect(headerOf(got, 'content-type')).toBe('application/json');
    expect(JSON.parse(got.body).error.message).toBeString();
  }
});

test.each(DIALECTS)('an error event in the midst of a $dialect stream', async ({ path, endMark, dialect }) => {
  const { payload, complete } = dechunk((await exchange('error-event,3,529', { path })).body);
  const events = eventsOf(payload);
  expect(events).toHaveLength(4);
  expect(events[3]).toStartWith(dialect === 'anthropic-messages' ? 'event: error\ndata: {' : 'data: {"error":');
  expect(complete).toBe(true);
  expect(payload).not.toContain(endMark);
});

test('an empty body, whole and streamed', async () => {
  const whole = await exchange('empty-body', { stream: false });
  expect([statusOf(whole), headerOf(whole, 'content-length'), whole.body]).toEqual([200, '0', '']);
  expect(dechunk((await exchange('empty-body')).body)).toEqual({ payload: '', chunks: [], complete: true });
});

test('no choices, no content', async () => {
  expect(JSON.parse((await exchange('empty-choices', { stream: false })).body).choices).toEqual([]);
  expect(JSON.parse((await exchange('empty-choices', { stream: false, path: '/v1/messages' })).body).content).toEqual(
    [],
  );
  expect(dechunk((await exchange('empty-choices')).body).payload).toBe('data: [DONE]\n\n');
});

test.each(DIALECTS)('the final event of $dialect twice', async ({ path, dialect }) => {
  const { payload } = dechunk((await exchange('duplicate-final', { path })).body);
  const mark = dialect === 'openai-chat' ? '"finish_reason":"stop"' : 'event: message_delta';
  expect(payload.split(mark)).toHaveLength(3);
});

test('thousands of headers, and one huge one', async () => {
  const many = await exchange('headers-many,4000', { patienceMs: 2000 });
  expect(many.head.split('\r\n').filter((line) => line.startsWith('x-flood-'))).toHaveLength(4000);
  const huge = await exchange('headers-huge,300000', { patienceMs: 2000 });
  expect(headerOf(huge, 'x-huge')).toHaveLength(300_000);
});

test('a trickle', async () => {
  const got = await exchange('trickle,bytes=64,ms=15', { stream: false, patienceMs: 2000 });
  const bytes = Number(headerOf(got, 'content-length'));
  const lastMs = got.arrivals.at(-1)?.atMs ?? 0;
  expect(lastMs).toBeGreaterThan((bytes / 64) * 15 * 0.9);
  expect(got.body).toHaveLength(bytes);
});

test('several faults at once', async () => {
  const got = await exchange('slow-first-byte,80+cut-reset,2');
  expect(got.arrivals[0]?.atMs).toBeGreaterThan(70);
  expect(got.end).toBe('rst');
});

test('by header, by model name, and as often as said', async () => {
  const ask = async (model: string, headers: Record<string, string> = {}) => {
    const body = { model, messages: [{ role: 'user', content: 'x' }] };
    return statusOf(
      await rawExchange(emulator.port, postText('/v1/chat/completions', body, { ...headers, connection: 'close' })),
    );
  };
  expect(await ask('echo', { 'x-emulator-fault': 'status,409' })).toBe(409);
  expect(await ask('echo!status,422')).toBe(422);
  expect(await ask('echo', { 'x-emulator-fault': 'nonsense' })).toBe(500);
  emulator.fault('status,503', { times: 2 });
  expect([await ask('echo'), await ask('echo'), await ask('echo')]).toEqual([503, 503, 200]);
  emulator.fault('status,403', { when: (request) => request.headers.has('x-this') });
  expect([await ask('echo'), await ask('echo', { 'x-this': '1' })]).toEqual([200, 403]);
});
