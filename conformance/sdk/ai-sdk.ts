import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import type { Part, RefusalPart, TextPart } from '@turnpike/wire/canon/part.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { CanonResponse, Choice, UnifiedFinish } from '@turnpike/wire/canon/response.ts';

export interface AiSdkRequest {
  dialect: DialectId;
  /** Base address without `/v1`. */
  url: string;
  key: string;
  model: string;
  isStreamed: boolean;
}

/** What the AI SDK's provider package read of an answer. */
export interface AnswerRead {
  text: string;
  reasoning: string;
  toolCalls: { id: string; name: string; input: unknown }[];
  finish: string | undefined;
  usage: { input: number | undefined; cacheRead: number | undefined; output: number | undefined };
  /** Everything it read, for comparing two readings of the same bytes. */
  raw: unknown;
}

type Model = ReturnType<ReturnType<typeof createAnthropic>>;
type Content = Awaited<ReturnType<Model['doGenerate']>>['content'][number];
type Usage = Awaited<ReturnType<Model['doGenerate']>>['usage'];

/** Asks once, with a prompt of no importance: the answer is a recording. An error is an answer, too. */
export async function ask(request: AiSdkRequest): Promise<AnswerRead> {
  const model = modelOf(request);
  try {
    return request.isStreamed ? await askStreamed(model) : await askWhole(model);
  } catch (error) {
    const { name, message, statusCode, isRetryable } = error as Error & { statusCode?: number; isRetryable?: boolean };
    return { ...NOTHING, raw: { error: { name, message, statusCode, isRetryable } } };
  }
}

const NOTHING: AnswerRead = {
  text: '',
  reasoning: '',
  toolCalls: [],
  finish: undefined,
  usage: { input: undefined, cacheRead: undefined, output: undefined },
  raw: undefined,
};

const CALL: Parameters<Model['doGenerate']>[0] = {
  prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
  maxOutputTokens: 1000,
};

function modelOf({ dialect, url, key, model }: AiSdkRequest): Model {
  const settings = { baseURL: `${url}/v1`, apiKey: key };
  return dialect === 'openai-chat' ? createOpenAI(settings).chat(model) : createAnthropic(settings)(model);
}

async function askWhole(model: Model): Promise<AnswerRead> {
  const { content, finishReason, usage, providerMetadata, response, warnings } = await model.doGenerate(CALL);
  const { id, modelId, timestamp } = response ?? {};
  return {
    ...contentRead(content),
    finish: finishReason.unified,
    usage: usageRead(usage),
    raw: plain({
      content: withoutMadeIds(content),
      finishReason,
      usage,
      providerMetadata,
      id,
      modelId,
      timestamp,
      warnings,
    }),
  };
}

async function askStreamed(model: Model): Promise<AnswerRead> {
  const { stream } = await model.doStream(CALL);
  const read: AnswerRead = structuredClone(NOTHING);
  const parts: unknown[] = [];
  const failures: unknown[] = [];
  for await (const part of stream) {
    parts.push(part.type === 'error' ? { type: 'error', error: String(part.error) } : part);
    if (part.type === 'text-delta') read.text += part.delta;
    if (part.type === 'reasoning-delta') read.reasoning += part.delta;
    if (part.type === 'tool-call' && !part.providerExecuted) {
      read.toolCalls.push({ id: part.toolCallId, name: part.toolName, input: inputRead(part.input) });
    }
    if (part.type === 'finish') {
      read.finish = part.finishReason.unified;
      read.usage = usageRead(part.usage);
    }
    if (part.type === 'error') failures.push(part.error);
  }
  read.raw = plain(withoutMadeIds(parts));
  if (failures.length > 0) read.finish = `error ${String(failures[0])}`;
  return read;
}

/** Ids the SDK makes up itself (of sources, and of calls that have none) are new each time. */
function withoutMadeIds(parts: readonly unknown[]): unknown[] {
  return parts.map((part) => {
    const one = part as { type?: string; id?: string };
    return one.type === 'source' ? { ...one, id: undefined } : part;
  });
}

function contentRead(content: readonly Content[]): Pick<AnswerRead, 'text' | 'reasoning' | 'toolCalls'> {
  return {
    text: content.map((part) => (part.type === 'text' ? part.text : '')).join(''),
    reasoning: content.map((part) => (part.type === 'reasoning' ? part.text : '')).join(''),
    toolCalls: content.flatMap((part) =>
      part.type === 'tool-call' && !part.providerExecuted
        ? [{ id: part.toolCallId, name: part.toolName, input: inputRead(part.input) }]
        : [],
    ),
  };
}

/** Arguments as an object; whatever else they are as the text they are; no arguments as none. */
function inputRead(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : text;
  } catch {
    return text;
  }
}

function usageRead(usage: Usage): AnswerRead['usage'] {
  return {
    input: usage.inputTokens.total,
    cacheRead: usage.inputTokens.cacheRead || undefined,
    output: usage.outputTokens.total,
  };
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The same facts from the recording. `@ai-sdk/openai` reads no reasoning from chat completions. */
export function whatMatters(response: CanonResponse, client: DialectId): Omit<AnswerRead, 'finish' | 'raw'> {
  const parts = response.choices[0]?.parts ?? [];
  const { usage } = response;
  return {
    text: parts.map((part) => (isSaid(part, client) ? part.text : '')).join(''),
    reasoning:
      client === 'openai-chat' ? '' : parts.map((part) => (part.type === 'reasoning' ? part.text : '')).join(''),
    toolCalls: parts.flatMap((part) =>
      part.type === 'tool-call' && part.ranBy === 'client'
        ? [{ id: part.id, name: part.name, input: inputRead(part.argumentsJson) }]
        : [],
    ),
    usage: { input: usage?.inputTokens, cacheRead: usage?.cacheReadTokens || undefined, output: usage?.outputTokens },
  };
}

/** Only chat completions tell a refusal from text; and the AI SDK does not read it there. */
function isSaid(part: Part, client: DialectId): part is TextPart | RefusalPart {
  return part.type === 'text' || (part.type === 'refusal' && client !== 'openai-chat');
}

/** The AI SDK's words for a finish; it has fewer. A word no dialect shares may become `other`. */
const LIKE: Record<UnifiedFinish, readonly string[]> = {
  stop: ['stop'],
  length: ['length'],
  'tool-calls': ['tool-calls'],
  'content-filter': ['content-filter'],
  refusal: ['content-filter'],
  pause: ['stop', 'other'],
  'context-exceeded': ['length'],
  error: ['error', 'other', 'stop'],
  other: ['other', 'stop'],
};

/** An answer with a refusal in it may finish as one, whatever its provider called it. */
export function finishesLike({ finish, parts }: Choice, read: string | undefined): boolean {
  if (parts.some((part) => part.type === 'refusal') && read === 'content-filter') return true;
  const unified = finish?.unified;
  return unified === undefined ? read !== undefined : LIKE[unified].includes(read ?? '');
}
