import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { type Answer, type AnswerPart, type ReadyTurn, type TurnUsage, textOf } from '../turn.ts';

/**
 * Renders answers as OpenAI chat completions.
 * Source: https://platform.openai.com/docs/api-reference/chat; reasoning fields as DeepSeek (`reasoning_content`) and,
 * for sealed reasoning, OpenRouter (`reasoning`, `reasoning_details`) have them.
 */
export function renderChatBody(turn: ReadyTurn): JsonObject {
  return {
    id: turn.id,
    object: 'chat.completion',
    created: turn.createdSec,
    model: turn.model,
    choices: turn.answers.map((answer, index) => ({
      index,
      message: messageOf(answer),
      logprobs: answer.logprobs ?? null,
      finish_reason: finishWord(answer.finish),
    })),
    usage: chatUsage(turn.usage),
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  };
}

const FINGERPRINT = 'fp_emulator';

function messageOf(answer: Answer): JsonObject {
  const message: JsonObject = {
    role: 'assistant',
    content: joined(answer, 'text'),
    refusal: joined(answer, 'refusal'),
  };
  const calls = answer.parts.filter((part) => part.type === 'tool-call');
  for (const part of answer.parts) Object.assign(message, wholeReasoning(part));
  if (calls.length > 0) {
    message.tool_calls = calls.map((call) => ({
      id: call.id,
      type: 'function',
      function: { name: call.name, arguments: textOf(call) },
    }));
  }
  return message;
}

function joined(answer: Answer, type: 'text' | 'refusal'): string | null {
  const parts = answer.parts.filter((part) => part.type === type);
  return parts.length === 0 ? null : parts.map(textOf).join('');
}

function wholeReasoning(part: AnswerPart): JsonObject {
  if (part.type === 'redacted-reasoning') {
    return { reasoning_details: [{ type: 'reasoning.encrypted', data: part.data, ...DETAIL_FORM }] };
  }
  if (part.type !== 'reasoning') return {};
  const text = textOf(part);
  if (part.signature === undefined) return { reasoning_content: text };
  const detail = { type: 'reasoning.text', text, signature: part.signature, ...DETAIL_FORM };
  return { reasoning: text, reasoning_details: [detail] };
}

const DETAIL_FORM = { format: 'anthropic-claude-v1', index: 0 } as const;

/** @param includeUsage whether the request said `stream_options.include_usage`. @returns SSE text, one item per event. */
export function renderChatStream(turn: ReadyTurn, includeUsage: boolean): string[] {
  const ownUsageChunk = turn.streamUsage === 'always' || (turn.streamUsage === 'asked' && includeUsage);
  const envelope: JsonObject = {
    id: turn.id,
    object: 'chat.completion.chunk',
    created: turn.createdSec,
    model: turn.model,
    service_tier: 'default',
    system_fingerprint: FINGERPRINT,
  };
  const events: string[] = [];
  const send = (choices: JsonObject[], usage?: JsonObject | null) => {
    events.push(`data: ${JSON.stringify({ ...envelope, choices, ...(usage === undefined ? {} : { usage }) })}\n\n`);
  };
  const noUsageYet = ownUsageChunk ? null : undefined;
  for (const choice of turn.answers.flatMap(choiceChunks)) send([choice], noUsageYet);
  turn.answers.forEach((answer, index) => {
    const last = index === turn.answers.length - 1 && turn.streamUsage === 'with-finish';
    const finish = { index, delta: {}, logprobs: null, finish_reason: finishWord(answer.finish) };
    send([finish], last ? chatUsage(turn.usage) : noUsageYet);
  });
  if (ownUsageChunk) send([], chatUsage(turn.usage));
  events.push('data: [DONE]\n\n');
  return events;
}

function choiceChunks(answer: Answer, index: number): JsonObject[] {
  const deltas: JsonObject[] = [{ role: 'assistant', content: '', refusal: null }];
  let callIndex = 0;
  for (const part of answer.parts) {
    deltas.push(...partDeltas(part, callIndex));
    if (part.type === 'tool-call') callIndex++;
  }
  return deltas.map((delta, at) => ({
    index,
    delta,
    // Log probabilities ride on the first delta that has content.
    logprobs: at === 1 ? (answer.logprobs ?? null) : null,
    finish_reason: null,
  }));
}

function partDeltas(part: AnswerPart, callIndex: number): JsonObject[] {
  switch (part.type) {
    case 'text':
      return part.chunks.map((content) => ({ content }));
    case 'refusal':
      return part.chunks.map((refusal) => ({ refusal }));
    case 'redacted-reasoning':
      return [wholeReasoning(part)];
    case 'reasoning':
      return reasoningDeltas(part.chunks, part.signature);
    case 'tool-call':
      return [
        {
          tool_calls: [
            { index: callIndex, id: part.id, type: 'function', function: { name: part.name, arguments: '' } },
          ],
        },
        ...part.chunks.map((text) => ({ tool_calls: [{ index: callIndex, function: { arguments: text } }] })),
      ];
  }
}

function reasoningDeltas(chunks: string[], signature: string | undefined): JsonObject[] {
  if (signature === undefined) return chunks.map((text) => ({ reasoning_content: text }));
  const deltas: JsonObject[] = chunks.map((text) => ({
    reasoning: text,
    reasoning_details: [{ type: 'reasoning.text', text, ...DETAIL_FORM }],
  }));
  deltas.push({ reasoning_details: [{ type: 'reasoning.text', signature, ...DETAIL_FORM }] });
  return deltas;
}

function chatUsage(usage: TurnUsage): JsonObject {
  return {
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead ?? 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: usage.reasoning ?? 0, audio_tokens: 0 },
  };
}

const FINISH: Record<string, string> = {
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'stop',
};

function finishWord(finish: string): string {
  return FINISH[finish] ?? finish;
}
