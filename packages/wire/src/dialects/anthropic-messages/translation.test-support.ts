import type { Part } from '../../canon/part.ts';
import type { CanonRequest, FunctionTool, Message } from '../../canon/request.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import type { Quirks } from '../../quirks.ts';
import { anthropicMessages } from './index.ts';

export const OLD = 'claude-sonnet-4-5-20250929';
export const NEW = 'claude-opus-4-8';
export const HI = user(text('Hi'));
export const F: FunctionTool = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} } };

export function text(value: string): Part {
  return { type: 'text', text: value };
}
export function user(...parts: Part[]): Message {
  return { role: 'user', parts };
}
export function call(id: string, argumentsJson = '{}'): Part {
  return { type: 'tool-call', id, name: 'f', argumentsJson, ranBy: 'client' };
}
export function result(callId: string, ...content: Part[]): Message {
  return { role: 'tool', parts: [{ type: 'tool-result', callId, content, ranBy: 'client' }] };
}
export function write(request: Partial<CanonRequest>, model = OLD, quirks: Quirks = {}) {
  return anthropicMessages.writeRequest({ model: 'x', messages: [HI], sampling: {}, ...request }, { model, quirks });
}
/** The blocks of a message of a written request; `i` counts messages of the wire. */
export function blocksOf(body: JsonObject, i: number): JsonObject[] {
  const content = (body.messages as JsonObject[])[i]?.content;
  return Array.isArray(content) ? content.filter(isObject) : [];
}
export function paths(request: Partial<CanonRequest>, model = OLD): string[] {
  return write(request, model).losses.map((loss) => `${loss.kind} ${loss.path}`);
}
