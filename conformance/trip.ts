import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { StreamEvent } from '@turnpike/wire/canon/stream.ts';
import type { Dialect, WriteResponseOptions, WrittenRequest } from '@turnpike/wire/dialect.ts';
import { anthropicMessages } from '@turnpike/wire/dialects/anthropic-messages/index.ts';
import { openaiChat } from '@turnpike/wire/dialects/openai-chat/index.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { SseDecoder } from '@turnpike/wire/framing/sse.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Quirks } from '@turnpike/wire/quirks.ts';

/** The dialects under test, and every ordered pair of different ones. */
export const dialects: Readonly<Record<DialectId, Dialect>> = {
  'openai-chat': openaiChat,
  'anthropic-messages': anthropicMessages,
};

export function otherDialects(dialect: Dialect): Dialect[] {
  return Object.values(dialects).filter((one) => one !== dialect);
}

/** Options for writers under test; the id and time are used only where the provider gave none. */
export const writeOptions: WriteResponseOptions = {
  fallbackId: 'fallback_1',
  nowSec: 1_700_000_000,
  streamUsage: true,
};

/** All canon events of a stream's bytes, in any pieces. What cannot be read ends them with its fault, as in the gateway. */
export function readStream(
  dialect: Dialect,
  pieces: Iterable<Uint8Array>,
  toolNames?: ReadonlyMap<string, string>,
): StreamEvent[] {
  const decoder = new SseDecoder();
  const reader = dialect.streamReader({ quirks: {}, toolNames });
  const events: StreamEvent[] = [];
  try {
    for (const piece of pieces) {
      for (const event of decoder.push(piece)) events.push(...reader.read(event));
    }
    for (const event of decoder.end().events) events.push(...reader.read(event));
    events.push(...reader.end());
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    events.push({ type: 'fault', fault: error });
  }
  return events;
}

export function writeStream(
  dialect: Dialect,
  events: readonly StreamEvent[],
  options: Partial<WriteResponseOptions> = {},
): { text: string; losses: Loss[] } {
  const writer = dialect.streamWriter({ ...writeOptions, ...options });
  const text = events.map((event) => writer.write(event)).join('');
  return { text, losses: writer.losses };
}

/** What a client of `to` sees of a provider stream of `from`, given as SSE text or as the JSON of its chunks. */
export function translateStream(
  from: Dialect,
  to: Dialect,
  stream: string | readonly JsonObject[],
  options: Partial<WriteResponseOptions> & { toolNames?: ReadonlyMap<string, string> } = {},
): { events: JsonObject[]; text: string; losses: Loss[] } {
  const text = typeof stream === 'string' ? stream : sseOf(from, stream);
  const written = writeStream(to, readStream(from, [bytesOf(text)], options.toolNames), options);
  return { ...written, events: dataOf(written.text) };
}

export function translateRequest(from: Dialect, to: Dialect, body: JsonObject, quirks: Quirks = {}): WrittenRequest {
  const canon = from.readRequest(body);
  return to.writeRequest(canon, { model: canon.model, quirks });
}

export function translateResponse(from: Dialect, to: Dialect, body: JsonObject): { body: JsonObject; losses: Loss[] } {
  return to.writeResponse(from.readResponse(body, { quirks: {} }), writeOptions);
}

/** Frames chunks as their provider would: OpenAI ends with `[DONE]`, Anthropic names each event by its type. */
export function sseOf(dialect: Dialect, chunks: readonly JsonObject[]): string {
  if (dialect.id === 'openai-chat') {
    return `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`;
  }
  return chunks.map((chunk) => `event: ${chunk.type}\ndata: ${JSON.stringify(chunk)}\n\n`).join('');
}

/** The JSON of each data line, read by the plainest means: `[DONE]` and comments are left out. */
export function dataOf(sse: string): JsonObject[] {
  return sse.split('\n').flatMap((line) => {
    if (!line.startsWith('data: {')) return [];
    const value = parseJson(line.slice('data: '.length));
    return isObject(value) ? [value] : [];
  });
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The objects of a list; none when the value is no list. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}
