import type { Json, JsonObject } from '@turnpike/wire/json/value.ts';
import type { FaultSpec } from './faults/fault-spec.ts';
import type { WirePlan } from './http/wire-plan.ts';

/** One answer of a scripted conversation, in words that fit both dialects. */
export interface Turn extends AnswerWords {
  /** Several answers to one request (`n`). When given, the words of the turn itself are not used. */
  choices?: AnswerWords[];
  usage?: TurnUsage;
  /** Model name to show. Default: the one asked for. */
  model?: string;
  /** Response id. Default: a counted one. */
  id?: string;
  /** More response headers. */
  headers?: Record<string, string>;
  /** Wait before the first byte, and between stream events, in milliseconds. */
  firstByteDelayMs?: number;
  paceMs?: number;
  /**
   * When a chat stream reports usage. `asked` (default): with `stream_options.include_usage`, in a chunk of its own.
   * `always`: the same, asked or not. `with-finish`: in the chunk that carries the finish reason. `never`.
   */
  streamUsage?: 'asked' | 'always' | 'with-finish' | 'never';
  /** Ways to go wrong, applied in order. Text form as in {@link import('./faults/parse-fault.ts').parseFaults}. */
  faults?: (FaultSpec | string)[] | string;
  /** Send exactly this instead. */
  plan?: WirePlan;
  /** Called with the request's body before answering; what it throws becomes a 500 that says so. */
  expect?: (body: JsonObject) => void;
}

export interface AnswerWords {
  /** A list gives the stream's chunks; a string is cut into words. */
  text?: string | string[];
  reasoning?: string | string[];
  /** Seals the reasoning: Anthropic `signature`, OpenRouter `reasoning_details`. */
  signature?: string;
  /** Reasoning the client cannot read (Anthropic `redacted_thinking`). */
  redactedReasoning?: string;
  refusal?: string | string[];
  toolCalls?: TurnToolCall[];
  /** Default: `tool-calls` with tool calls, `refusal` with a refusal, else `stop`. Other strings are sent as they are. */
  finish?: 'stop' | 'length' | 'tool-calls' | 'content-filter' | 'refusal' | (string & {});
  /** Log probabilities in OpenAI's shape, sent whole with the answer. */
  logprobs?: JsonObject;
}

export interface TurnToolCall {
  name: string;
  id?: string;
  /** A JSON value, or the raw text (possibly broken), or the pieces of that text as streamed. */
  arguments: JsonObject | string | string[];
}

/** Tokens to report. Totals include their parts: `input` counts cached input too, `output` counts reasoning. */
export interface TurnUsage {
  input: number;
  output: number;
  cacheRead?: number;
  cacheWrite?: number;
  /** The part of `cacheWrite` kept for an hour. */
  cacheWrite1h?: number;
  reasoning?: number;
}

/** An answer ready to be rendered: parts in order, each in the pieces a stream sends. */
export interface Answer {
  parts: AnswerPart[];
  finish: string;
  logprobs?: JsonObject;
}

export type AnswerPart =
  | { type: 'text'; chunks: string[] }
  | { type: 'reasoning'; chunks: string[]; signature?: string }
  | { type: 'redacted-reasoning'; data: string }
  | { type: 'refusal'; chunks: string[] }
  | { type: 'tool-call'; id: string; name: string; chunks: string[] };

/** A turn with everything decided: what a renderer needs. */
export interface ReadyTurn {
  id: string;
  model: string;
  createdSec: number;
  answers: Answer[];
  usage: TurnUsage;
  streamUsage: NonNullable<Turn['streamUsage']>;
}

/** @param callId makes an id for the n-th tool call that brings none. */
export function answerOf(words: AnswerWords, callId: () => string): Answer {
  const parts: AnswerPart[] = [];
  if (words.redactedReasoning !== undefined) parts.push({ type: 'redacted-reasoning', data: words.redactedReasoning });
  if (words.reasoning !== undefined || words.signature !== undefined) {
    parts.push({ type: 'reasoning', chunks: chunksOf(words.reasoning ?? ''), signature: words.signature });
  }
  if (words.text !== undefined) parts.push({ type: 'text', chunks: chunksOf(words.text) });
  if (words.refusal !== undefined) parts.push({ type: 'refusal', chunks: chunksOf(words.refusal) });
  for (const call of words.toolCalls ?? []) {
    parts.push({ type: 'tool-call', id: call.id ?? callId(), name: call.name, chunks: argumentChunks(call.arguments) });
  }
  const finish = words.finish ?? (words.toolCalls?.length ? 'tool-calls' : words.refusal ? 'refusal' : 'stop');
  return { parts, finish, logprobs: words.logprobs };
}

/** Text in the pieces a stream sends: one word with the space that follows it. */
export function chunksOf(text: string | string[]): string[] {
  return typeof text === 'string' ? (text.match(/\S+\s*|\s+/g) ?? []) : text;
}

function argumentChunks(value: Json | string[]): string[] {
  if (Array.isArray(value)) return value as string[];
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const chunks: string[] = [];
  for (let at = 0; at < text.length; at += ARGUMENT_CHUNK_CHARS) chunks.push(text.slice(at, at + ARGUMENT_CHUNK_CHARS));
  return chunks;
}

const ARGUMENT_CHUNK_CHARS = 8;

/** The text of a part as a whole. */
export function textOf(part: AnswerPart): string {
  return part.type === 'redacted-reasoning' ? part.data : part.chunks.join('');
}
