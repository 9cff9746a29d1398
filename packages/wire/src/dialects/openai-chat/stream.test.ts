import { describe, expect, test } from 'bun:test';
import { Fold } from '../../canon/fold.ts';
import type { CanonResponse } from '../../canon/response.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { Fault } from '../../fault.ts';
import { SseDecoder } from '../../framing/sse.ts';
import { differences } from '../../json/equal.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

const options = { fallbackId: 'fallback', nowSec: 1, streamUsage: true };
const head = { id: 'r1', object: 'chat.completion.chunk', created: 5, model: 'm' };

const delta = (value: JsonObject, finish: string | null = null): JsonObject => ({
  ...head,
  choices: [{ index: 0, delta: value, finish_reason: finish }],
});
const sse = (...chunks: (JsonObject | string)[]): string =>
  chunks.map((chunk) => `data: ${typeof chunk === 'string' ? chunk : JSON.stringify(chunk)}\n\n`).join('');

function read(text: string, toolNames?: ReadonlyMap<string, string>): StreamEvent[] {
  const decoder = new SseDecoder();
  const reader = openaiChat.streamReader({ quirks: {}, toolNames });
  const events: StreamEvent[] = [];
  const bytes = new TextEncoder().encode(text);
  for (const event of [...decoder.push(bytes), ...decoder.end().events]) events.push(...reader.read(event));
  return [...events, ...reader.end()];
}

function folded(events: readonly StreamEvent[]): CanonResponse {
  const fold = new Fold();
  for (const event of events) fold.add(event);
  return fold.result();
}

function write(events: readonly StreamEvent[], more: { streamUsage?: boolean; model?: string } = {}) {
  const writer = openaiChat.streamWriter({ ...options, ...more });
  const text = events.map((event) => writer.write(event)).join('');
  return { text, losses: writer.losses };
}

/** The chunks of written SSE text. */
function chunksOf(text: string): JsonObject[] {
  const datas = text.split('\n\n').filter((event) => event !== '' && event !== 'data: [DONE]');
  return datas.map((event) => JSON.parse(event.slice(6))).filter(isObject);
}

const toolDelta = (call: Json): JsonObject => delta({ tool_calls: [call] });
const parts = (text: string) => folded(read(text)).choices[0]?.parts;

/** Streams of every kind: what is read, written and read again must be the same. */
const kinds: Record<string, string> = {
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

describe('a stream comes back as it was', () => {
  for (const [name, text] of Object.entries(kinds)) {
    test(name, () => {
      const events = read(text);
      const again = write(events);
      expect(differences(folded(events), folded(read(again.text)))).toEqual([]);
      expect(again.losses).toEqual([]);
      expect(again.text.endsWith('data: [DONE]\n\n')).toBe(true);
    });
  }
});

describe('reading', () => {
  test('parts begin, go on and end, in this order', () => {
    const events = read(kinds.reasoning_content ?? '');
    expect(events.map((event) => event.type)).toEqual([
      'response-start',
      'part-start',
      'part-end',
      'part-start',
      'part-end',
      'choice-end',
      'response-end',
    ]);
  });

  test('reasoning given twice is read once, its seal kept', () => {
    expect(parts(kinds['reasoning with details'] ?? '')).toMatchObject([
      { type: 'reasoning', text: 'ab', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
      { type: 'text', text: 'x' },
      { type: 'reasoning', text: '', seal: { issuer: 'google', kind: 'encrypted', value: 'E', id: 't' } },
    ]);
    expect(parts(kinds['thinking blocks'] ?? '')).toMatchObject([
      { type: 'reasoning', text: 'think', seal: { issuer: 'anthropic', value: 'S' } },
      { type: 'text' },
    ]);
  });

  test('tool calls with index or id missing, repeated or reused', () => {
    const calls = (...pieces: JsonObject[]) => {
      const found = parts(sse(...pieces.map(toolDelta), delta({}, 'stop'), '[DONE]')) ?? [];
      return found.map((part) => (part.type === 'tool-call' ? [part.id, part.name, part.argumentsJson] : part));
    };
    const f = (name: string, text: string) => ({ name, arguments: text });
    expect(
      calls({ id: 'a', function: f('f', '{') }, { function: { arguments: '}' } }, { id: 'b', function: f('g', '{}') }),
    ).toEqual([
      ['a', 'f', '{}'],
      ['b', 'g', '{}'],
    ]);
    expect(calls({ index: 0, id: 'a', function: f('f', '{}') }, { index: 0, id: 'b', function: f('f', '{}') })).toEqual(
      [
        ['a', 'f', '{}'],
        ['b', 'f', '{}'],
      ],
    );
    expect(calls({ index: 0, id: 'a', function: f('f', '{') }, { index: 0, id: 'a', function: f('f', '}') })).toEqual([
      ['a', 'f', '{}'],
    ]);
    expect(calls({ index: 0, function: f('f', '') }, { index: 0, function: { arguments: null } })).toEqual([
      ['call_r1_0_0', 'f', ''],
    ]);
    expect(calls({ index: 0, id: 'a', function: { arguments: '{' } }, { index: 0, function: f('f', '}') })).toEqual([
      ['a', 'f', '{}'],
    ]);
  });

  test('names are restored', () => {
    const text = sse(
      toolDelta({ index: 0, id: 'a', function: { name: 'short', arguments: '' } }),
      delta({}, 'tool_calls'),
      '[DONE]',
    );
    const [part] = folded(read(text, new Map([['short', 'long']]))).choices[0]?.parts ?? [];
    expect(part).toMatchObject({ name: 'long' });
  });

  test('a whole message in place of a delta is read once', () => {
    const message = (content: string, finish: string | null) => ({
      ...head,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
    });
    expect(parts(sse(message('Hel', null), message('Hello', 'stop')))).toEqual([{ type: 'text', text: 'Hello' }]);
  });

  test('a finish without [DONE] is an end; neither is a cut', () => {
    expect(read(sse(delta({ content: 'x' }, 'stop'))).at(-1)).toEqual({ type: 'response-end' });
    const cut = read(sse(delta({ content: 'x' }))).at(-1);
    expect(cut).toMatchObject({ type: 'fault', fault: { code: 'upstream_cut_short' } });
    expect(read('').at(-1)).toMatchObject({ type: 'fault', fault: { code: 'upstream_cut_short' } });
  });

  test('comments, empty events and usage: null say nothing', () => {
    const text = `: OPENROUTER PROCESSING\n\ndata:\n\n${sse({ ...delta({ content: 'x' }, 'stop'), usage: null }, '[DONE]')}`;
    expect(read(text).map((event) => event.type)).toEqual([
      'response-start',
      'part-start',
      'part-end',
      'choice-end',
      'response-end',
    ]);
  });

  test('a chunk before the id does not start the response', () => {
    const filter = { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: [1] };
    expect(read(sse(filter, delta({ content: 'x' }, 'stop'), '[DONE]'))[0]).toEqual({
      type: 'response-start',
      id: 'r1',
      model: 'm',
      createdSec: 5,
      residue: { 'openai-chat': { prompt_filter_results: [1] } },
    });
  });

  test('an error inside the stream is a fault, whatever its shape', () => {
    const shapes: [string, string][] = [
      [sse({ error: { message: 'slow down', code: 429 } }), 'upstream_rate_limited'],
      [sse({ error: 'boom' }), 'upstream_failed'],
      [`event: error\ndata: {"error":{"message":"bad","status_code":400}}\n\n`, 'upstream_rejected'],
      [sse({ ...head, error: { message: 'x', type: 'server_error' }, choices: [] }), 'upstream_failed'],
    ];
    for (const [text, code] of shapes) {
      const events = read(sse(delta({ content: 'x' })) + text);
      expect(events.at(-1)).toMatchObject({ type: 'fault', fault: { code } });
      expect(events.some((event) => event.type === 'response-end')).toBe(false);
    }
  });

  test('what is not JSON is garbled', () => {
    expect(() => read('data: {"choices":[\n\n')).toThrow(Fault);
  });
});

describe('writing', () => {
  const answer: StreamEvent[] = [
    { type: 'response-start', id: 'msg_1', model: 'claude', residue: { 'anthropic-messages': { container: 1 } } },
    { type: 'part-start', choice: 0, part: 0, value: { type: 'reasoning', text: '' } },
    { type: 'part-delta', choice: 0, part: 0, delta: { type: 'text', text: 'think' } },
    {
      type: 'part-delta',
      choice: 0,
      part: 0,
      delta: { type: 'seal', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
    },
    { type: 'part-end', choice: 0, part: 0 },
    {
      type: 'part-start',
      choice: 0,
      part: 1,
      value: { type: 'tool-call', id: 's', name: 'web_search', argumentsJson: '', ranBy: 'provider' },
    },
    { type: 'part-delta', choice: 0, part: 1, delta: { type: 'arguments', argumentsJson: '{"q":1}' } },
    { type: 'part-end', choice: 0, part: 1 },
    { type: 'part-start', choice: 0, part: 2, value: { type: 'text', text: 'Hi' } },
    {
      type: 'part-delta',
      choice: 0,
      part: 2,
      delta: {
        type: 'citation',
        citation: { url: 'u', title: 't', citedText: 'c', raw: { dialect: 'anthropic-messages', value: {} } },
      },
    },
    { type: 'part-end', choice: 0, part: 2 },
    {
      type: 'part-start',
      choice: 0,
      part: 3,
      value: { type: 'tool-call', id: 'c', name: 'f', argumentsJson: '', ranBy: 'client' },
    },
    { type: 'part-delta', choice: 0, part: 3, delta: { type: 'arguments', argumentsJson: '{}' } },
    { type: 'part-end', choice: 0, part: 3 },
    { type: 'choice-end', choice: 0, finish: { unified: 'tool-calls', raw: 'tool_use' } },
    { type: 'usage', usage: { inputTokens: 10, outputTokens: 5 } },
    { type: 'response-end' },
  ];

  test("another dialect's answer, chunk by chunk", () => {
    const { text, losses } = write(answer, { model: 'mine' });
    const chunks = chunksOf(text);
    for (const chunk of chunks)
      expect(chunk).toMatchObject({ id: 'msg_1', object: 'chat.completion.chunk', created: 1, model: 'mine' });
    const deltas = chunks.map((chunk) =>
      Array.isArray(chunk.choices) && isObject(chunk.choices[0]) ? chunk.choices[0].delta : 'none',
    );
    expect(deltas).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'think', reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'think' }] },
      { reasoning_details: [{ type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0, signature: 'S' }] },
      { content: 'Hi' },
      {
        annotations: [
          { type: 'url_citation', url_citation: { url: 'u', title: 't', start_index: 0, end_index: 2, content: 'c' } },
        ],
      },
      { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
      {},
      'none',
    ]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    });
    expect(losses.map((loss) => loss.path)).toEqual([
      'residue.anthropic-messages.container',
      'choices[0].parts[1]',
      'choices[0].parts[2].citations[0].raw',
    ]);
  });

  test('read again, the seal is whole', () => {
    const [reasoning] = parts(write(answer).text) ?? [];
    expect(reasoning).toMatchObject({ text: 'think', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } });
  });

  test('usage only when asked for, and never null', () => {
    const { text } = write(answer, { streamUsage: false });
    expect(text).not.toContain('usage');
  });

  test('nothing is said before there is something to say', () => {
    const writer = openaiChat.streamWriter(options);
    expect(writer.write({ type: 'response-start', id: 'a', model: 'm' })).toBe('');
    expect(writer.write({ type: 'ping' })).toBe('');
  });

  test('a fault ends the stream without a finish and without [DONE]', () => {
    const fault = new Fault('upstream_overloaded', { message: 'busy', upstream: { type: 'overloaded_error' } });
    const { text } = write([...answer.slice(0, 3), { type: 'fault', fault }]);
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"finish_reason":"');
    expect(chunksOf(text).at(-1)).toEqual({
      error: { message: 'busy', type: 'overloaded_error', param: null, code: 'upstream_overloaded' },
    });
  });

  test('an id is made where the provider gave none', () => {
    const { text } = write([{ type: 'response-start', id: '', model: 'm' }, ...answer.slice(8)]);
    expect(chunksOf(text)[0]).toMatchObject({ id: 'fallback' });
  });
});
