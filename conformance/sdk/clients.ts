import Anthropic from '@anthropic-ai/sdk';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import OpenAI from 'openai';
import { objectsOf } from '../trip.ts';

/** What an application got from its SDK, in words that fit both. */
export interface Seen {
  /** Texts of all choices. */
  texts: string[];
  reasoning: string;
  toolCalls: { id: string; name: string; arguments: unknown }[];
  finish: string;
  usage: { input: number; cacheRead: number; output: number };
  /** The answer's message as the application would append it to its history. */
  message: JsonObject;
  id: string;
  /** What the gateway said it could not carry (`x-turnpike-losses`). */
  losses: string;
}

export interface AskOptions {
  isStreamed: boolean;
  signal?: AbortSignal;
  /** Called at the first piece of the answer. */
  onFirst?: () => void;
}

/** An official client, as an application uses it. Retries are off, so that one call is one request. */
export interface SdkClient {
  id: DialectId;
  /** @param request in the SDK's own vocabulary, without `stream`. @throws the SDK's own errors. */
  ask(request: JsonObject, options: AskOptions): Promise<Seen>;
  /** The class the SDK documents for a status. */
  errorClass(status: number): abstract new (...given: never[]) => Error;
}

export function openaiClient(baseUrl: string, apiKey: string): SdkClient {
  const client = new OpenAI({ baseURL: `${baseUrl}/v1`, apiKey, maxRetries: 0, timeout: 10_000 });
  return {
    id: 'openai-chat',
    ask: (request, options) =>
      options.isStreamed ? askStreamed(client, request, options) : askWhole(client, request, options),
    errorClass: (status) => OPENAI_ERRORS[status] ?? (status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError),
  };
}

const OPENAI_ERRORS: Record<number, SdkClient['errorClass'] extends (status: number) => infer C ? C : never> = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  409: OpenAI.ConflictError,
  422: OpenAI.UnprocessableEntityError,
  429: OpenAI.RateLimitError,
};

async function askWhole(client: OpenAI, request: JsonObject, { signal }: AskOptions): Promise<Seen> {
  const params = request as unknown as OpenAI.ChatCompletionCreateParamsNonStreaming;
  const { data, response } = await client.chat.completions.create(params, { signal }).withResponse();
  return seenOfCompletion(data, reasoningOf(data.choices[0]?.message as unknown as JsonObject), lossesOf(response));
}

async function askStreamed(client: OpenAI, request: JsonObject, { signal, onFirst }: AskOptions): Promise<Seen> {
  const params = { ...request, stream: true, stream_options: { include_usage: true } };
  const stream = client.chat.completions.stream(
    params as unknown as Parameters<typeof client.chat.completions.stream>[0],
    { signal },
  );
  let reasoning = '';
  const details: JsonObject[] = [];
  let isFirst = true;
  for await (const chunk of stream) {
    if (isFirst) onFirst?.();
    isFirst = false;
    const delta = chunk.choices[0]?.delta as unknown as JsonObject | undefined;
    reasoning += reasoningOf(delta);
    joinDetails(details, objectsOf(delta?.reasoning_details));
  }
  const completion = await stream.finalChatCompletion();
  const seen = seenOfCompletion(completion, reasoning, '');
  // The SDK knows no reasoning fields; applications that use them gather the pieces themselves.
  const message = { ...seen.message };
  for (const name of ['reasoning', 'reasoning_content']) if (name in message) message[name] = reasoning;
  return { ...seen, message: details.length > 0 ? { ...message, reasoning_details: details } : message };
}

/** Pieces of one entry share `index` and `type`; text is added up, the rest set. */
function joinDetails(all: JsonObject[], pieces: readonly JsonObject[]): void {
  for (const piece of pieces) {
    const open = all.find((one) => one.index === piece.index && one.type === piece.type);
    if (open === undefined) all.push({ ...piece });
    else Object.assign(open, { ...piece, text: `${open.text ?? ''}${piece.text ?? ''}` });
  }
}

function reasoningOf(message: JsonObject | undefined): string {
  return String(message?.reasoning_content ?? message?.reasoning ?? '');
}

function seenOfCompletion(completion: OpenAI.ChatCompletion, reasoning: string, losses: string): Seen {
  const [first] = completion.choices;
  const { usage } = completion;
  return {
    texts: completion.choices.map((choice) => choice.message.content ?? ''),
    reasoning,
    toolCalls: (first?.message.tool_calls ?? []).flatMap((call) =>
      call.type === 'function'
        ? [{ id: call.id, name: call.function.name, arguments: JSON.parse(call.function.arguments || '{}') as unknown }]
        : [],
    ),
    finish: first?.finish_reason ?? 'none',
    usage: {
      input: usage?.prompt_tokens ?? -1,
      cacheRead: usage?.prompt_tokens_details?.cached_tokens ?? 0,
      output: usage?.completion_tokens ?? -1,
    },
    message: JSON.parse(JSON.stringify(first?.message ?? {})) as JsonObject,
    id: completion.id,
    losses,
  };
}

export function anthropicClient(baseUrl: string, apiKey: string): SdkClient {
  const client = new Anthropic({ baseURL: baseUrl, apiKey, maxRetries: 0, timeout: 10_000 });
  return {
    id: 'anthropic-messages',
    ask: (request, options) => askMessages(client, request, options),
    errorClass: (status) =>
      ANTHROPIC_ERRORS[status] ?? (status >= 500 ? Anthropic.InternalServerError : Anthropic.APIError),
  };
}

const ANTHROPIC_ERRORS: typeof OPENAI_ERRORS = {
  400: Anthropic.BadRequestError,
  401: Anthropic.AuthenticationError,
  403: Anthropic.PermissionDeniedError,
  404: Anthropic.NotFoundError,
  409: Anthropic.ConflictError,
  422: Anthropic.UnprocessableEntityError,
  429: Anthropic.RateLimitError,
};

async function askMessages(client: Anthropic, request: JsonObject, options: AskOptions): Promise<Seen> {
  const params = { max_tokens: 1024, ...request } as unknown as Anthropic.MessageCreateParamsNonStreaming;
  if (!options.isStreamed) {
    const { data, response } = await client.messages.create(params, { signal: options.signal }).withResponse();
    return seenOfMessage(data, lossesOf(response));
  }
  const stream = client.messages.stream(params, { signal: options.signal });
  let isFirst = true;
  for await (const event of stream) {
    if (isFirst && event.type === 'content_block_delta') {
      options.onFirst?.();
      isFirst = false;
    }
  }
  return seenOfMessage(await stream.finalMessage(), '');
}

function seenOfMessage(message: Anthropic.Message, losses: string): Seen {
  const blocks = message.content;
  const { usage } = message;
  const cacheRead = usage.cache_read_input_tokens ?? 0;
  return {
    texts: [blocks.map((block) => (block.type === 'text' ? block.text : '')).join('')],
    reasoning: blocks.map((block) => (block.type === 'thinking' ? block.thinking : '')).join(''),
    toolCalls: blocks.flatMap((block) =>
      block.type === 'tool_use' ? [{ id: block.id, name: block.name, arguments: block.input }] : [],
    ),
    finish: message.stop_reason ?? 'none',
    usage: {
      input: usage.input_tokens + cacheRead + (usage.cache_creation_input_tokens ?? 0),
      cacheRead,
      output: usage.output_tokens,
    },
    message: { role: 'assistant', content: JSON.parse(JSON.stringify(blocks)) },
    id: message.id,
    losses,
  };
}

function lossesOf(response: Response): string {
  return response.headers.get('x-turnpike-losses') ?? '';
}
