import { Fold } from '../../canon/fold.ts';
import type { CanonResponse } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { SseDecoder } from '../../framing/sse.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

/** Streams of this dialect for tests, and short ways to read and write them. */

export const options = { fallbackId: 'fallback', nowSec: 1, streamUsage: true };
export const head = { id: 'r1', object: 'chat.completion.chunk', created: 5, model: 'm' };

export const delta = (value: JsonObject, finish: string | null = null): JsonObject => ({
  ...head,
  choices: [{ index: 0, delta: value, finish_reason: finish }],
});
export const sse = (...chunks: (JsonObject | string)[]): string =>
  chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('');

export function read(text: string, toolNames?: ReadonlyMap<string, string>): StreamEvent[] {
  const decoder = new SseDecoder();
  const reader = openaiChat.streamReader({ quirks: {}, toolNames });
  const events: StreamEvent[] = [];
  const bytes = new TextEncoder().encode(text);
  for (const event of [...decoder.push(bytes), ...decoder.end().events]) events.push(...reader.read(event));
  return [...events, ...reader.end()];
}

export function folded(events: readonly StreamEvent[]): CanonResponse {
  const fold = new Fold();
  for (const event of events) fold.add(event);
  return fold.result();
}

export function write(events: readonly StreamEvent[], more: { streamUsage?: boolean; model?: string } = {}) {
  const writer = openaiChat.streamWriter({ ...options, ...more });
  const text = events.map((event) => writer.write(event)).join('');
  return { text, losses: writer.losses };
}

/** The chunks of written SSE text. */
export function chunksOf(text: string): JsonObject[] {
  const datas = text.split('\n\n').filter((event) => event !== '' && event !== 'data: [DONE]');
  return datas.map((event) => JSON.parse(event.slice(6))).filter(isObject);
}

export const toolDelta = (call: Json): JsonObject => delta({ tool_calls: [call] });
export const parts = (text: string) => folded(read(text)).choices[0]?.parts;
