import { expect } from 'bun:test';
import { Fold } from '../../canon/fold.ts';
import type { CanonResponse } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { SseDecoder, type SseEvent } from '../../framing/sse.ts';
import { differences } from '../../json/equal.ts';
import { parseJson } from '../../json/parse.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { anthropicMessages } from './index.ts';

export const READ = { quirks: {} };
export const WRITE = { fallbackId: 'msg_fallback', nowSec: 1_700_000_000, streamUsage: true };

export function requestTrip(body: JsonObject): JsonObject {
  const model = typeof body.model === 'string' ? body.model : '';
  const { body: written, losses } = anthropicMessages.writeRequest(anthropicMessages.readRequest(body), {
    model,
    quirks: {},
  });
  expect(losses).toEqual([]);
  return written;
}

export function responseTrip(body: JsonObject): JsonObject {
  const { body: written, losses } = anthropicMessages.writeResponse(anthropicMessages.readResponse(body, READ), WRITE);
  expect(losses).toEqual([]);
  return written;
}

/** SSE events of bytes, cut into pieces of `size` bytes. */
export function sseEvents(bytes: Uint8Array, size = bytes.length): SseEvent[] {
  const decoder = new SseDecoder();
  const events: SseEvent[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...decoder.push(bytes.subarray(at, at + size)));
  return [...events, ...decoder.end().events];
}

export function readStream(bytes: Uint8Array, size?: number): StreamEvent[] {
  const reader = anthropicMessages.streamReader(READ);
  return [...sseEvents(bytes, size).flatMap((event) => reader.read(event)), ...reader.end()];
}

export function writeStream(events: readonly StreamEvent[]): Uint8Array {
  const writer = anthropicMessages.streamWriter(WRITE);
  return new TextEncoder().encode(events.map((event) => writer.write(event)).join(''));
}

export function folded(events: readonly StreamEvent[]): CanonResponse {
  const folding = new Fold();
  for (const event of events) folding.add(event);
  return folding.result();
}

/** The values of the events of a written stream, with their names checked. */
export function wireValues(text: string): JsonObject[] {
  return sseEvents(new TextEncoder().encode(text)).map((event) => {
    const value = parseJson(event.data);
    if (!isObject(value)) throw new Error('an event is no object');
    expect(event.event).toBe(value.type as string);
    return value;
  });
}

/** The wire events of a stream given as values. */
export function sseOf(values: readonly JsonObject[]): Uint8Array {
  const text = values.map((value) => `event: ${value.type}\ndata: ${stringifyJson(value)}\n\n`).join('');
  return new TextEncoder().encode(text);
}

export function expectSame(actual: unknown, expected: unknown): void {
  expect(differences(actual, expected)).toEqual([]);
}

/** A response with the arguments of its calls as values: white space in them is the model's, not the message's. */
export function withParsedArguments(response: CanonResponse): unknown {
  return {
    ...response,
    choices: response.choices.map((choice) => ({
      ...choice,
      parts: choice.parts.map((part) =>
        part.type === 'tool-call' ? { ...part, argumentsJson: parsedOr(part.argumentsJson) } : part,
      ),
    })),
  };
}

function parsedOr(text: string): Json {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}
