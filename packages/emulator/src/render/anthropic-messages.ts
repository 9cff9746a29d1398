import { isObject, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import { type Answer, type AnswerPart, type ReadyTurn, type TurnUsage, textOf } from '../turn.ts';

/**
 * Renders an answer as an Anthropic message; further choices have no place in this dialect and are not sent.
 * Source: https://docs.claude.com/en/api/messages and …/messages-streaming.
 */
export function renderMessageBody(turn: ReadyTurn): JsonObject {
  const answer = firstAnswer(turn);
  return {
    ...messageHead(turn),
    content: answer.parts.map(wholeBlock),
    stop_reason: stopWord(answer.finish),
    stop_sequence: null,
    usage: { ...inputUsage(turn.usage), output_tokens: turn.usage.output, service_tier: 'standard' },
  };
}

function firstAnswer(turn: ReadyTurn): Answer {
  return turn.answers[0] ?? { parts: [], finish: 'stop' };
}

function messageHead(turn: ReadyTurn): JsonObject {
  return { id: turn.id, type: 'message', role: 'assistant', model: turn.model };
}

function wholeBlock(part: AnswerPart): JsonObject {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { type: 'text', text: textOf(part) };
    case 'reasoning':
      return { type: 'thinking', thinking: textOf(part), signature: part.signature ?? '' };
    case 'redacted-reasoning':
      return { type: 'redacted_thinking', data: part.data };
    case 'tool-call':
      return { type: 'tool_use', id: part.id, name: part.name, input: inputOf(textOf(part)) };
  }
}

/** The dialect has an object here, so text that is not one JSON object can only be shown as a field of one. */
function inputOf(text: string): JsonObject {
  if (text.trim() === '') return {};
  try {
    const value: Json = JSON.parse(text);
    return isObject(value) ? value : { value };
  } catch {
    return { text };
  }
}

/** @returns SSE text, one item per event. */
export function renderMessageStream(turn: ReadyTurn): string[] {
  const answer = firstAnswer(turn);
  const start = {
    ...messageHead(turn),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...inputUsage(turn.usage), output_tokens: Math.min(1, turn.usage.output), service_tier: 'standard' },
  };
  return [
    sse({ type: 'message_start', message: start }),
    sse({ type: 'ping' }),
    ...answer.parts.flatMap(blockEvents),
    sse({
      type: 'message_delta',
      delta: { stop_reason: stopWord(answer.finish), stop_sequence: null },
      usage: { output_tokens: turn.usage.output },
    }),
    sse({ type: 'message_stop' }),
  ];
}

function blockEvents(part: AnswerPart, index: number): string[] {
  const { block, deltas } = blockSteps(part);
  return [
    sse({ type: 'content_block_start', index, content_block: block }),
    ...deltas.map((delta) => sse({ type: 'content_block_delta', index, delta })),
    sse({ type: 'content_block_stop', index }),
  ];
}

function blockSteps(part: AnswerPart): { block: JsonObject; deltas: JsonObject[] } {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return { block: { type: 'text', text: '' }, deltas: part.chunks.map((text) => ({ type: 'text_delta', text })) };
    case 'reasoning':
      return {
        block: { type: 'thinking', thinking: '', signature: '' },
        deltas: [
          ...part.chunks.map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature: part.signature ?? '' },
        ],
      };
    case 'redacted-reasoning':
      return { block: wholeBlock(part), deltas: [] };
    case 'tool-call':
      return {
        block: { type: 'tool_use', id: part.id, name: part.name, input: {} },
        deltas: ['', ...part.chunks].map((text) => ({ type: 'input_json_delta', partial_json: text })),
      };
  }
}

function sse(event: JsonObject): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Anthropic counts cached input apart: `input_tokens` is what is left after reads and writes of the cache. */
function inputUsage(usage: TurnUsage): JsonObject {
  const cacheRead = usage.cacheRead ?? 0;
  const cacheWrite = usage.cacheWrite ?? 0;
  const cacheWrite1h = usage.cacheWrite1h ?? 0;
  return {
    input_tokens: usage.input - cacheRead - cacheWrite,
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    cache_creation: { ephemeral_5m_input_tokens: cacheWrite - cacheWrite1h, ephemeral_1h_input_tokens: cacheWrite1h },
  };
}

const STOP: Record<string, string> = {
  stop: 'end_turn',
  length: 'max_tokens',
  'tool-calls': 'tool_use',
  'content-filter': 'refusal',
};

function stopWord(finish: string): string {
  return STOP[finish] ?? finish;
}
