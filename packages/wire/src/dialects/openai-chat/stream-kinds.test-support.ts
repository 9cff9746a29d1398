import { delta, head, sse, toolDelta } from './stream.test-support.ts';

/** Streams of every kind: what is read, written and read again must be the same. */
export const kinds: Record<string, string> = {
  text: sse(
    delta({ role: 'assistant', content: '' }),
    delta({ content: 'He' }),
    delta({ content: 'y' }),
    delta({}, 'stop'),
    '[DONE]',
  ),
  reasoning_content: sse(delta({ reasoning_content: 'think' }), delta({ content: 'Hi' }), delta({}, 'stop'), '[DONE]'),
  'reasoning with details': sse(
    delta({
      reasoning: 'a',
      reasoning_details: [{ type: 'reasoning.text', text: 'a', index: 0, format: 'anthropic-claude-v1' }],
    }),
    delta({
      reasoning: 'b',
      reasoning_details: [{ type: 'reasoning.text', text: 'b', index: 0, format: 'anthropic-claude-v1' }],
    }),
    delta({ reasoning_details: [{ type: 'reasoning.text', signature: 'S', index: 0, format: 'anthropic-claude-v1' }] }),
    delta({ content: 'x' }),
    delta(
      {
        reasoning_details: [{ type: 'reasoning.encrypted', data: 'E', id: 't', index: 1, format: 'google-gemini-v1' }],
      },
      'stop',
    ),
    '[DONE]',
  ),
  'summary and encrypted': sse(
    delta({
      reasoning_details: [{ type: 'reasoning.summary', summary: 'a', index: 0, format: 'openai-responses-v1', x: 1 }],
    }),
    delta({
      reasoning_details: [
        { type: 'reasoning.encrypted', data: 'E', id: 'rs', index: 0, format: 'openai-responses-v1' },
      ],
    }),
    delta({ content: 'x' }, 'stop'),
    '[DONE]',
  ),
  'thinking blocks': sse(
    delta({ reasoning_content: 'th', thinking_blocks: [{ type: 'thinking', thinking: 'th', signature: null }] }),
    delta({ reasoning_content: 'ink', thinking_blocks: [{ type: 'thinking', thinking: 'ink', signature: null }] }),
    delta({ thinking_blocks: [{ type: 'thinking', thinking: '', signature: 'S' }] }),
    delta({ content: 'x' }, 'stop'),
    '[DONE]',
  ),
  'thinking in content': sse(
    delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'a' }] }] }),
    delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'b' }] }] }),
    delta({ content: 'x' }, 'stop'),
    '[DONE]',
  ),
  'tool calls': sse(
    toolDelta({ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' }, x: 1 }),
    toolDelta({ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }),
    toolDelta({ index: 0, function: { arguments: '{"x":1}' } }),
    toolDelta({ index: 1, function: { arguments: '{"y":2}' } }),
    delta({}, 'tool_calls'),
    '[DONE]',
  ),
  'text between tool calls': sse(
    delta({ content: 'a' }),
    toolDelta({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
    delta({ content: 'b' }),
    toolDelta({ index: 1, id: 'b', function: { name: 'g', arguments: '{}' } }),
    delta({}, 'tool_calls'),
    '[DONE]',
  ),
  'custom tool': sse(
    toolDelta({ index: 0, id: 'a', type: 'custom', custom: { name: 'sql', input: 'SEL' } }),
    toolDelta({ index: 0, type: 'custom', custom: { input: 'ECT' } }),
    delta({}, 'tool_calls'),
    '[DONE]',
  ),
  'legacy function': sse(
    delta({ function_call: { name: 'f', arguments: '' } }),
    delta({ function_call: { arguments: '{}' } }),
    delta({}, 'function_call'),
    '[DONE]',
  ),
  refusal: sse(delta({ refusal: 'no' }), delta({ refusal: 'pe' }), delta({}, 'stop'), '[DONE]'),
  citations: sse(
    delta({
      annotations: [{ type: 'url_citation', url_citation: { url: 'u', title: 't', start_index: 0, end_index: 1 } }],
    }),
    delta({ content: 'x' }, 'stop'),
    '[DONE]',
  ),
  audio: sse(
    delta({ audio: { id: 'a', transcript: 'he' } }),
    delta({ audio: { data: 'AAAA' } }),
    delta({ audio: { transcript: 'y', data: 'BBBB' } }),
    delta({ audio: { expires_at: 9 } }, 'stop'),
    '[DONE]',
  ),
  images: sse(
    delta({ images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' }, index: 0 }] }, 'stop'),
    '[DONE]',
  ),
  'several choices': sse(
    {
      ...head,
      choices: [
        { index: 1, delta: { content: 'b' }, finish_reason: null },
        { index: 0, delta: { content: 'a' }, finish_reason: 'stop' },
      ],
    },
    { ...head, choices: [{ index: 1, delta: {}, finish_reason: 'length' }] },
    '[DONE]',
  ),
  logprobs: sse(
    {
      ...head,
      choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }], refusal: null } }],
    },
    {
      ...head,
      choices: [{ index: 0, delta: { content: 'b' }, logprobs: { content: [{ token: 'b' }] }, finish_reason: 'stop' }],
    },
    '[DONE]',
  ),
  'unknown fields': sse(
    {
      ...head,
      provider: 'p',
      x_groq: { id: 'q' },
      choices: [{ index: 0, delta: { content: 'a', channel: 'c1' }, native: 'n' }],
    },
    {
      ...head,
      x_groq: { seed: 1 },
      choices: [{ index: 0, delta: { content: 'b', mood: { a: 1 } }, native: null, finish_reason: 'stop' }],
    },
    { ...head, choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, cost: 0.5 } },
    '[DONE]',
  ),
};
