import { afterAll, expect, test } from 'bun:test';
import { closedLoop } from './closed-loop.ts';
import { type Expectation, flawOf } from './generator.ts';
import { holdStreams } from './held-streams.ts';
import { PIECE, replyBody, streamScript } from './payloads.ts';
import { probe } from './probe.ts';

const request = Buffer.from('POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}');
const json = replyBody('openai-chat');
const { opening, piece, closing } = streamScript('openai-chat');
const stream = opening + piece + piece + closing;
const stops: (() => void)[] = [];
afterAll(() => {
  for (const stop of stops) stop();
});

/** A server that gives the answers in turn, the last one for ever. */
function serverOf(...answers: string[]): number {
  let served = 0;
  const server = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      data: (socket) => {
        const answer = answers[Math.min(served, answers.length - 1)] ?? '';
        served += 1;
        if (answer === '') socket.end();
        else socket.write(answer);
      },
    },
  });
  stops.push(() => server.stop(true));
  return server.port;
}

const fixed = (body: string, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const good: Expectation = { status: 200, bodyBytes: json.length, dataEventsMin: undefined, endMark: '}' };

async function load(port: number, expectation: Expectation) {
  const cpuUs = (): number => 0;
  return await closedLoop({ port, request, expectation, concurrency: 2, leadInMs: 0, windowMs: 40, cpuUs });
}

test('proper replies make a valid window', async () => {
  const window = await load(serverOf(fixed(json)), good);
  expect(window.failures).toEqual([]);
  expect(window.replies).toBeGreaterThan(0);
  expect(window.latenciesUs.length).toBe(window.replies);
});

test.each([
  ['a wrong status', fixed(json, '500 No'), 'status 500'],
  ['a shorter body', fixed(json.slice(5)), 'bytes instead of'],
  ['another end', fixed(`${json.slice(0, -1)}!`), 'is missing'],
  ['a closed connection', '', 'closed'],
  ['something that is not HTTP', 'ERR\r\n\r\n', 'not an HTTP/1.1 reply'],
])('one reply with %s among proper ones is noticed', async (_what, wrong, reason) => {
  const window = await load(serverOf(fixed(json), fixed(json), wrong, fixed(json)), good);
  expect(window.failures).toHaveLength(1);
  expect(window.failures[0]).toContain(reason);
});

test('a stream without its end mark is a failure, and so is one with too few pieces', async () => {
  const want: Expectation = { status: 200, bodyBytes: undefined, dataEventsMin: 2, endMark: 'data: [DONE]' };
  const run = async (body: string) => {
    const held = await holdStreams({ port: serverOf(fixed(body)), request, expectation: want, streams: 3, rampMs: 10 });
    await held.finish(2_000);
    return held;
  };
  const whole = await run(stream);
  expect(whole.failures).toEqual([]);
  expect([whole.events(), whole.answered(), whole.open()]).toEqual([3 * 6, 3, 0]);
  expect((await run(stream.slice(0, -16))).failures).toHaveLength(3);
  expect((await run(closing.slice(-16))).failures[0]).toContain('events instead of 2');
});

test('a stream that never ends is a failure', async () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ndata\r\n';
  const held = await holdStreams({ port: serverOf(head), request, expectation: good, streams: 1, rampMs: 10 });
  await held.finish(50);
  expect(held.failures[0]).toContain('had not ended');
});

test('the probe compares the text of the reply with what the upstream said', async () => {
  const dialect = 'openai-chat';
  expect(await probe(serverOf(fixed(json)), request, { dialect, pieces: undefined })).toEqual(good);
  const learned = await probe(serverOf(fixed(stream)), request, { dialect, pieces: 2 });
  expect(learned.bodyBytes).toBe(stream.length);
  expect(probe(serverOf(fixed(stream)), request, { dialect, pieces: 3 })).rejects.toThrow('something else');
  const altered = fixed(stream.replace(PIECE, PIECE.toUpperCase()));
  expect(probe(serverOf(altered), request, { dialect, pieces: 2 })).rejects.toThrow('something else');
  expect(probe(serverOf(fixed('{}', '401 No')), request, { dialect, pieces: undefined })).rejects.toThrow('status 401');
});

test('the first flaw is named', () => {
  const reply = { status: 200, bodyBytes: 3, dataEvents: 1, isKeptAlive: true };
  const want: Expectation = { status: 200, bodyBytes: 3, dataEventsMin: 1, endMark: 'x' };
  expect(flawOf(reply, 'abx', want)).toBeUndefined();
  expect(flawOf(reply, 'abc', want)).toContain('end mark');
  expect(flawOf({ ...reply, dataEvents: 0 }, 'abx', want)).toContain('0 events');
});
