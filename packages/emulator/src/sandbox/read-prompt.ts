import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { asNumber, isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';

/** What the sandbox understands of a request, in both dialects. */
export interface Prompt {
  model: string;
  /** The text of the last user message. */
  userText: string;
  /** The text of tool results, when the conversation ends with some. */
  toolResults: string[];
  tools: OfferedTool[];
  /** `force` calls some tool, or the one named. */
  toolChoice: { mode: 'auto' | 'none' | 'force'; name?: string };
  format: { type: 'text' } | { type: 'json' } | { type: 'schema'; schema: Json };
  reasons: boolean;
  n: number;
  logprobs: boolean;
  maxTokens: number | undefined;
  stop: string[];
}

export interface OfferedTool {
  name: string;
  /** Absent: the tool takes no arguments. */
  schema: Json | undefined;
}

/** What is wrong with a request, in words for its sender. */
export class PromptError extends Error {}

/** @throws PromptError when there is no model or no message. */
export function readPrompt(dialect: DialectId, body: JsonObject): Prompt {
  if (typeof body.model !== 'string') throw new PromptError('"model" is missing.');
  const messages = objects(body.messages);
  if (messages.length === 0) throw new PromptError('"messages" is missing or empty.');
  if (dialect === 'anthropic-messages' && asNumber(body.max_tokens) === undefined) {
    throw new PromptError('"max_tokens" is missing.');
  }
  const stop = body.stop ?? body.stop_sequences;
  return {
    model: body.model,
    userText: lastUserText(messages),
    toolResults: trailingToolResults(messages),
    tools: objects(body.tools)
      .map(readTool)
      .filter((tool) => tool !== undefined),
    toolChoice: readToolChoice(body.tool_choice),
    format: readFormat(body),
    reasons: wantsReasoning(body),
    n: dialect === 'openai-chat' ? Math.min(128, Math.max(1, asNumber(body.n) ?? 1)) : 1,
    logprobs: body.logprobs === true,
    maxTokens: asNumber(body.max_completion_tokens) ?? asNumber(body.max_tokens),
    stop: (Array.isArray(stop) ? stop : [stop]).filter((text) => typeof text === 'string' && text !== '') as string[],
  };
}

export function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function lastUserText(messages: JsonObject[]): string {
  for (const message of messages.toReversed()) {
    const text = message.role === 'user' ? plainText(message.content) : '';
    if (text !== '') return text;
  }
  return '';
}

function plainText(content: Json | undefined): string {
  if (typeof content === 'string') return content;
  return objects(content)
    .map((part) => (typeof part.text === 'string' ? part.text : ''))
    .filter((text) => text !== '')
    .join('\n');
}

function trailingToolResults(messages: JsonObject[]): string[] {
  const results: string[] = [];
  for (const message of messages.toReversed()) {
    const blocks = objects(message.content).filter((part) => part.type === 'tool_result');
    if (message.role === 'tool') results.unshift(plainText(message.content));
    else if (blocks.length > 0) results.unshift(...blocks.map((block) => plainText(block.content)));
    else break;
  }
  return results;
}

function readTool(tool: JsonObject): OfferedTool | undefined {
  const held = isObject(tool.function) ? tool.function : tool;
  if (typeof held.name !== 'string') return undefined;
  // Tools the provider runs (a `type` of their own, no schema) are not the client's to answer.
  if (held === tool && tool.input_schema === undefined) return undefined;
  return { name: held.name, schema: held.parameters ?? held.input_schema };
}

function readToolChoice(choice: Json | undefined): Prompt['toolChoice'] {
  if (choice === 'none') return { mode: 'none' };
  if (choice === 'required' || choice === 'any') return { mode: 'force' };
  if (!isObject(choice)) return { mode: 'auto' };
  if (choice.type === 'none') return { mode: 'none' };
  if (choice.type === 'any') return { mode: 'force' };
  const name = isObject(choice.function) ? choice.function.name : choice.name;
  return typeof name === 'string' ? { mode: 'force', name } : { mode: 'auto' };
}

/** OpenAI `response_format`; Anthropic `output_config.format`, formerly `output_format`. */
function readFormat(body: JsonObject): Prompt['format'] {
  const config = isObject(body.output_config) ? body.output_config.format : undefined;
  const format = body.response_format ?? config ?? body.output_format;
  if (!isObject(format)) return { type: 'text' };
  if (format.type === 'json_object') return { type: 'json' };
  if (format.type !== 'json_schema') return { type: 'text' };
  const holder = isObject(format.json_schema) ? format.json_schema : format;
  return { type: 'schema', schema: holder.schema ?? {} };
}

function wantsReasoning(body: JsonObject): boolean {
  if (body.model === 'reasoner') return true;
  if (typeof body.reasoning_effort === 'string') return body.reasoning_effort !== 'none';
  if (isObject(body.reasoning)) return body.reasoning.enabled !== false && body.reasoning.effort !== 'none';
  return isObject(body.thinking) && body.thinking.type !== 'disabled';
}
