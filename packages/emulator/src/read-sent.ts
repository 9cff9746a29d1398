import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { asNumber, isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { TurnUsage } from './turn.ts';

/** Token counts as they stood on the wire, in one convention: totals include cached input and reasoning. */
export interface ReportedUsage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
}

export function reportedUsage(usage: TurnUsage): ReportedUsage {
  return {
    inputTokens: usage.input,
    outputTokens: usage.output,
    cacheReadTokens: usage.cacheRead ?? 0,
    cacheWriteTokens: usage.cacheWrite ?? 0,
    reasoningTokens: usage.reasoning ?? 0,
  };
}

/** What body bytes say, read back from what was really sent. */
export interface SentContent {
  /** Undefined when no usage was sent. In a cut Anthropic stream: what `message_start` said. */
  usage: ReportedUsage | undefined;
  /** All text of answers (no reasoning, no arguments), choices one after the other as sent. */
  text: string;
  reasoningText: string;
  argumentsText: string;
  /** Stream events with JSON data; 1 for a whole body, 0 for none. */
  events: number;
  /** Did the provider say that it was done: a whole body that parses, `[DONE]`, `message_stop`? */
  complete: boolean;
  model: string | undefined;
  responseId: string | undefined;
}

/**
 * Reads sent bytes without knowing how they were made, so that a bill holds for scripts, recordings and faults alike.
 * Whatever is no JSON is passed over: it may be garbage sent on purpose.
 */
export function readSent(dialect: DialectId, stream: boolean, bytes: Uint8Array): SentContent {
  const text = new TextDecoder().decode(bytes);
  const sent = new SentReader(dialect);
  if (!stream) {
    const body = tryParse(text);
    if (body) sent.whole(body);
    sent.content.complete = body !== undefined && body.error === undefined;
    return sent.content;
  }
  // An event counts when its blank line has been sent: clients act on it then.
  const events = text.split(/\r\n\r\n|\n\n|\r\r/);
  events.pop();
  for (const event of events) sent.event(dataOf(event));
  return sent.content;
}

function dataOf(event: string): string {
  const lines = event.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data:'));
  return lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
}

function tryParse(text: string): JsonObject | undefined {
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

class SentReader {
  readonly content: SentContent = {
    usage: undefined,
    text: '',
    reasoningText: '',
    argumentsText: '',
    events: 0,
    complete: false,
    model: undefined,
    responseId: undefined,
  };
  #anthropicUsage: JsonObject = {};

  constructor(private readonly dialect: DialectId) {}

  whole(body: JsonObject): void {
    this.content.events = 1;
    this.#head(body);
    if (this.dialect === 'anthropic-messages') {
      this.#takeAnthropicUsage(body.usage);
      for (const block of objects(body.content)) this.#anthropicBlock(block);
      return;
    }
    this.#takeChatUsage(body.usage);
    for (const choice of objects(body.choices)) if (isObject(choice.message)) this.#chatMessage(choice.message);
  }

  event(data: string): void {
    if (data.trim() === '[DONE]') {
      this.content.complete = true;
      return;
    }
    const event = tryParse(data);
    if (event === undefined) return;
    this.content.events++;
    if (this.dialect === 'anthropic-messages') this.#anthropicEvent(event);
    else this.#chatChunk(event);
  }

  #chatChunk(chunk: JsonObject): void {
    this.#head(chunk);
    this.#takeChatUsage(chunk.usage);
    for (const choice of objects(chunk.choices)) if (isObject(choice.delta)) this.#chatMessage(choice.delta);
  }

  #chatMessage(message: JsonObject): void {
    this.content.text += stringOf(message.content) + stringOf(message.refusal);
    this.content.reasoningText += stringOf(message.reasoning_content) || stringOf(message.reasoning);
    for (const call of objects(message.tool_calls)) {
      if (isObject(call.function)) this.content.argumentsText += stringOf(call.function.arguments);
    }
  }

  #anthropicEvent(event: JsonObject): void {
    if (event.type === 'message_stop') this.content.complete = true;
    if (isObject(event.message)) {
      this.#head(event.message);
      this.#takeAnthropicUsage(event.message.usage);
    }
    if (event.type === 'message_delta') this.#takeAnthropicUsage(event.usage);
    if (isObject(event.content_block)) this.#anthropicBlock(event.content_block, true);
    if (isObject(event.delta)) this.#anthropicBlock(event.delta);
  }

  #anthropicBlock(block: JsonObject, starting = false): void {
    this.content.text += stringOf(block.text);
    this.content.reasoningText += stringOf(block.thinking);
    this.content.argumentsText += stringOf(block.partial_json);
    if (!starting && isObject(block.input)) this.content.argumentsText += JSON.stringify(block.input);
  }

  #head(body: JsonObject): void {
    if (typeof body.model === 'string') this.content.model ??= body.model;
    if (typeof body.id === 'string') this.content.responseId ??= body.id;
  }

  #takeChatUsage(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    const input = isObject(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
    const output = isObject(usage.completion_tokens_details) ? usage.completion_tokens_details : {};
    this.content.usage = {
      inputTokens: count(usage.prompt_tokens),
      outputTokens: count(usage.completion_tokens),
      cacheReadTokens: count(input.cached_tokens),
      cacheWriteTokens: count(input.cache_write_tokens),
      reasoningTokens: count(output.reasoning_tokens),
    };
  }

  /** Later reports replace earlier ones field by field, as the dialect says. */
  #takeAnthropicUsage(usage: Json | undefined): void {
    if (!isObject(usage)) return;
    for (const [name, value] of Object.entries(usage)) if (value !== null) this.#anthropicUsage[name] = value;
    const cacheReadTokens = count(this.#anthropicUsage.cache_read_input_tokens);
    const cacheWriteTokens = count(this.#anthropicUsage.cache_creation_input_tokens);
    this.content.usage = {
      inputTokens: count(this.#anthropicUsage.input_tokens) + cacheReadTokens + cacheWriteTokens,
      outputTokens: count(this.#anthropicUsage.output_tokens),
      cacheReadTokens,
      cacheWriteTokens,
      reasoningTokens: 0,
    };
  }
}

function objects(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function stringOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function count(value: Json | undefined): number {
  return asNumber(value) ?? 0;
}
