import { afterAll, expect, test } from 'bun:test';
import { unfold } from '../../canon/unfold.ts';
import { Fault } from '../../fault.ts';
import { parseJson } from '../../json/parse.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { describeRecordings, type Recording } from './corpus.test-support.ts';
import { anthropicMessages } from './index.ts';
import {
  expectSame,
  folded,
  READ,
  readStream,
  requestTrip,
  responseTrip,
  sseEvents,
  WRITE,
  withParsedArguments,
  writeStream,
} from './trip.test-support.ts';

describeRecordings('recorded exchanges', (recordings) => {
  const leftOut: string[] = [];
  let cases = 0;

  function each(title: string, run: (recording: Recording) => string | undefined): void {
    for (const recording of recordings) {
      test(`${title}: ${recording.name}`, () => {
        const reason = run(recording);
        if (reason === undefined) cases++;
        else leftOut.push(`${title}: ${recording.name}: ${reason}`);
      });
    }
  }

  afterAll(() => {
    console.log(`recorded exchanges: ${recordings.length}; checks run: ${cases}; left out: ${leftOut.length}`);
    for (const line of leftOut) console.log(`  left out: ${line}`);
  });

  each('a request comes back', ({ request }) => {
    if (request === undefined) return 'no request recorded';
    expectSame(requestTrip(request), request);
    return undefined;
  });

  each('a response comes back', ({ response, status }) => {
    if (response === undefined) return 'the answer is a stream';
    if (status >= 400) return 'the answer is an error';
    expectSame(responseTrip(response), response);
    return undefined;
  });

  each('an error is read and comes back', ({ response, stream, status }) => {
    if (status < 400) return 'the answer is no error';
    const bytes = response ? new TextEncoder().encode(stringifyJson(response)) : (stream ?? new Uint8Array());
    const fault = anthropicMessages.readFault(status, new Headers(), bytes);
    expect(fault.status).toBe(status);
    if (response && isObject(response.error)) expectSame(anthropicMessages.writeFault(fault).error, response.error);
    return undefined;
  });

  each('a stream comes back', ({ stream, status }) => {
    if (stream === undefined) return 'the answer is no stream';
    if (status >= 400) return 'the answer is an error';
    const events = readStream(stream);
    expect(events.filter((event) => event.type === 'fault')).toEqual([]);
    const once = folded(events);
    const written = writeStream(events);
    expectSame(folded(readStream(written)), once);
    expectSame(nothingLost(stream, written), []);
    return undefined;
  });

  each('the fold of a stream is the whole response', ({ stream, status }) => {
    if (stream === undefined) return 'the answer is no stream';
    if (status >= 400) return 'the answer is an error';
    const response = folded(readStream(stream));
    const { body, losses } = anthropicMessages.writeResponse(response, WRITE);
    expect(losses).toEqual([]);
    expectSame(withParsedArguments(anthropicMessages.readResponse(body, READ)), withParsedArguments(response));
    return undefined;
  });

  each('a whole response can be streamed', ({ response, status }) => {
    if (response === undefined) return 'the answer is a stream';
    if (status >= 400) return 'the answer is an error';
    const read = anthropicMessages.readResponse(response, READ);
    const again = folded(readStream(writeStream(unfold(read))));
    expectSame(again, read);
    return undefined;
  });

  each('any byte split gives the same events', ({ stream, status }) => {
    if (stream === undefined) return 'the answer is no stream';
    if (status >= 400) return 'the answer is an error';
    const whole = readStream(stream);
    for (const size of [1, 7, 64, 1021]) expectSame(readStream(stream, size), whole);
    return undefined;
  });

  each('a tap sees what the reader sees', ({ stream, status }) => {
    if (stream === undefined) return 'the answer is no stream';
    if (status >= 400) return 'the answer is an error';
    const response = folded(readStream(stream));
    for (const size of [1, 13, 400, stream.length]) {
      const tap = anthropicMessages.streamTap({});
      const passed: Uint8Array[] = [];
      for (let at = 0; at < stream.length; at += size) passed.push(tap.push(stream.subarray(at, at + size)));
      passed.push(tap.flush());
      expect(Buffer.concat(passed).equals(stream)).toBe(true);
      expectSame(tap.usage, response.usage);
      expectSame(tap.finish, response.choices[0]?.finish);
      expect(tap.responseId).toBe(response.id);
      expect(tap.ended).toBe(true);
      expect(tap.fault).toBeUndefined();
    }
    return undefined;
  });

  each('a tap sees what is in a whole response', ({ response, status }) => {
    if (response === undefined) return 'the answer is a stream';
    const seen = anthropicMessages.tapResponse(new TextEncoder().encode(stringifyJson(response)));
    if (status >= 400) {
      expect(seen).toBeUndefined();
      return undefined;
    }
    const read = anthropicMessages.readResponse(response, READ);
    expectSame(seen?.usage, read.usage);
    expectSame(seen?.finish, read.choices[0]?.finish);
    expect(seen?.responseId).toBe(read.id);
    return undefined;
  });

  each('proofs stay as they are', ({ request, response, stream, status }) => {
    if (status >= 400) return 'the answer is an error';
    const before = [request, response].flatMap((body) => (body ? proofs(body) : []));
    const after = [request && requestTrip(request), response && responseTrip(response)];
    expect(after.flatMap((body) => (body ? proofs(body) : []))).toEqual(before);
    if (stream) expect(streamProofs(writeStream(readStream(stream)))).toEqual(streamProofs(stream));
    return undefined;
  });
});

test('a body that is no error still gives a fault', () => {
  const fault = anthropicMessages.readFault(502, new Headers(), new TextEncoder().encode('<html><h1>Bad Gateway</h1>'));
  expect(fault).toBeInstanceOf(Fault);
  expect(fault.upstream?.message).toBe('Bad Gateway');
});

/** Every signature and every encrypted piece in a body. */
function proofs(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(proofs);
  if (!isObject(value)) return [];
  const own = ['signature', 'encrypted_content', 'encrypted_index'].map((name) => value[name]);
  if (value.type === 'redacted_thinking') own.push(value.data);
  return [
    ...own.filter((proof) => typeof proof === 'string' && proof !== ''),
    ...Object.values(value).flatMap(proofs),
  ] as string[];
}

function streamProofs(bytes: Uint8Array): string[] {
  return values(bytes).flatMap(proofs);
}

function values(bytes: Uint8Array): JsonObject[] {
  return sseEvents(bytes).flatMap(({ data }) => {
    if (data === '[DONE]') return [];
    const value = parseJson(data);
    return isObject(value) ? [value] : [];
  });
}

/** Leaves of the first stream that the second does not say anywhere: text and arguments joined, the rest one by one. */
function nothingLost(before: Uint8Array, after: Uint8Array): string[] {
  const said = new Set(leaves(after));
  return leaves(before).filter((leaf) => !said.has(leaf));
}

function leaves(bytes: Uint8Array): string[] {
  const found: string[] = [];
  const joined: Record<string, string> = {};
  for (const value of values(bytes)) walk(value, '', found, joined);
  for (const name in joined) found.push(`${name}=${joined[name]}`);
  return found;
}

/** Content that a stream shows in pieces, cut anywhere; the input of a call counts as its text. */
const JOINED = new Set(['text', 'thinking', 'partial_json', 'signature']);

function walk(value: unknown, name: string, found: string[], joined: Record<string, string>): void {
  if (Array.isArray(value)) for (const item of value) walk(item, name, found, joined);
  else if (isObject(value) && name === 'input') {
    if (Object.keys(value).length > 0) walk(JSON.stringify(value), 'partial_json', found, joined);
  } else if (isObject(value)) for (const key in value) walk(value[key], key, found, joined);
  else if (JOINED.has(name) && typeof value === 'string') joined[name] = (joined[name] ?? '') + value;
  else if (value !== null && name !== 'type' && name !== 'index')
    found.push(`${name}=${stringifyJson(value as never)}`);
}
