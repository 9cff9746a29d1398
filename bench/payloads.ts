/** The two vocabularies that the upstream speaks and that clients use here. */
export type BenchDialect = 'openai-chat' | 'anthropic-messages';

/** Path of the one inference call of a dialect, below the base address that ends in `/v1`. */
export const CALL_PATH: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': '/chat/completions',
  'anthropic-messages': '/messages',
};

/** What stands last in a proper stream of each dialect. */
export const END_MARKER: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': 'data: [DONE]',
  'anthropic-messages': '"message_stop"}',
};

/** One piece of streamed text; every piece is the same, so the whole text is known from their count. */
export const PIECE = ' and so the toll was counted';

/** The answer of a reply that is not streamed: with its envelope about 900 bytes. */
export const REPLY_TEXT = `${'The gate lets a cart through once its toll is counted. '.repeat(7)}End of answer.`;

const USAGE = { prompt_tokens: 61, completion_tokens: 114, total_tokens: 175 };

/** A request of about `bytes` bytes: a system message and one user message, padded with plain prose. */
export function requestBody(dialect: BenchDialect, model: string, isStream: boolean, bytes: number): string {
  const build = (padding: string): string => {
    const user = { role: 'user', content: `How is the toll of a cart counted?${padding}` };
    const sampling = { max_tokens: 512, temperature: 0.2 };
    const system = 'You answer in few words.';
    const streaming = isStream ? { stream: true } : {};
    if (dialect === 'anthropic-messages')
      return JSON.stringify({ model, ...sampling, ...streaming, system, messages: [user] });
    const withUsage = isStream ? { stream_options: { include_usage: true } } : {};
    const messages = [{ role: 'system', content: system }, user];
    return JSON.stringify({ model, ...sampling, ...streaming, ...withUsage, messages });
  };
  const missing = bytes - build('').length;
  const prose = ' Each cart pays for its axles, its load and the hour of the day.';
  return build(missing <= 0 ? '' : prose.repeat(Math.ceil(missing / prose.length)).slice(0, missing));
}

/** The whole reply of the upstream, as compact JSON. */
export function replyBody(dialect: BenchDialect): string {
  if (dialect === 'anthropic-messages') {
    return JSON.stringify({
      id: 'msg_01BenchBenchBenchBenchBench',
      type: 'message',
      role: 'assistant',
      model: 'upstream-model',
      content: [{ type: 'text', text: REPLY_TEXT }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: 61, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 114 },
    });
  }
  const details = {
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
  };
  return JSON.stringify({
    id: 'chatcmpl-BenchBenchBenchBenchBenchBe',
    object: 'chat.completion',
    created: 1760000000,
    model: 'upstream-model',
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: REPLY_TEXT, refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: 'stop',
      },
    ],
    usage: { ...USAGE, ...details },
    service_tier: 'default',
    system_fingerprint: 'fp_bench',
  });
}

/** The events of a stream with `pieces` pieces of text: what opens it, each piece, what closes it. */
export interface StreamScript {
  readonly opening: string;
  readonly piece: string;
  readonly closing: string;
}

/** The stream of a dialect as SSE text. Openings carry the first events, closings the finish, usage and end. */
export function streamScript(dialect: BenchDialect): StreamScript {
  return dialect === 'anthropic-messages' ? anthropicScript() : chatScript();
}

function chatScript(): StreamScript {
  const chunk = (delta: object, finish: string | null): string =>
    `data: ${JSON.stringify({
      id: 'chatcmpl-BenchBenchBenchBenchBenchBe',
      object: 'chat.completion.chunk',
      created: 1760000000,
      model: 'upstream-model',
      service_tier: 'default',
      system_fingerprint: 'fp_bench',
      choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
      usage: null,
    })}\n\n`;
  const usage = JSON.stringify({
    id: 'chatcmpl-BenchBenchBenchBenchBenchBe',
    object: 'chat.completion.chunk',
    created: 1760000000,
    model: 'upstream-model',
    choices: [],
    usage: USAGE,
  });
  return {
    opening: chunk({ role: 'assistant', content: '', refusal: null }, null),
    piece: chunk({ content: PIECE }, null),
    closing: `${chunk({}, 'stop')}data: ${usage}\n\ndata: [DONE]\n\n`,
  };
}

function anthropicScript(): StreamScript {
  const event = (data: { type: string } & Record<string, unknown>): string =>
    `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
  const message = {
    id: 'msg_01BenchBenchBenchBenchBench',
    type: 'message',
    role: 'assistant',
    model: 'upstream-model',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 61, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 },
  };
  const delta = { stop_reason: 'end_turn', stop_sequence: null };
  return {
    opening:
      event({ type: 'message_start', message }) +
      event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    piece: event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: PIECE } }),
    closing:
      event({ type: 'content_block_stop', index: 0 }) +
      event({ type: 'message_delta', delta, usage: { output_tokens: 114 } }) +
      event({ type: 'message_stop' }),
  };
}
