import { describe, expect, test } from 'bun:test';
import type { Part } from '../../canon/part.ts';
import type { CanonResponse, Finish } from '../../canon/response.ts';
import { differences } from '../../json/equal.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

const options = { fallbackId: 'fallback', nowSec: 1 };

const answer = (message: JsonObject, more: JsonObject = {}): JsonObject => ({
  id: 'r',
  object: 'chat.completion',
  created: 5,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: 'stop', ...more }],
});

/** Responses of every kind, which must come back as they were. */
const kinds: Record<string, JsonObject> = {
  text: answer({ content: 'x', refusal: null, annotations: [] }, { logprobs: null }),
  'no content': answer({}),
  'empty content': answer({ content: '' }),
  'content as an object': answer({ content: { age: 1 } }),
  'content as parts': answer({
    content: [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'x' },
      { type: 'reference', reference_ids: [1] },
    ],
  }),
  refusal: answer({ content: null, refusal: 'no' }),
  citations: answer({
    content: 'x',
    annotations: [
      { type: 'url_citation', url_citation: { url: 'u', title: 't', start_index: 0, end_index: 1 } },
      { type: 'file_citation', file: 'f' },
    ],
  }),
  'citations without text': answer({
    content: null,
    annotations: [{ type: 'url_citation', url_citation: { url: 'u' } }],
  }),
  'tool calls': answer(
    {
      content: null,
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, index: 0 }],
    },
    { finish_reason: 'tool_calls' },
  ),
  'legacy function': answer(
    { content: null, function_call: { name: 'f', arguments: '{}' } },
    { finish_reason: 'function_call' },
  ),
  'custom tool': answer({ tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'sql', input: 'x' } }] }),
  'empty fields everywhere': answer(
    {
      content: 'x',
      audio: { data: '', id: '' },
      function_call: { name: '', arguments: '' },
      reasoning_content: '',
      tool_calls: [
        { id: 'a', type: 'function', function: { name: 'f', arguments: '' }, custom: { name: '', input: '' } },
      ],
    },
    { finish_reason: '', logprobs: { content: null, refusal: null, x: 1 } },
  ),
  audio: answer({ content: null, audio: { id: 'a', data: 'AAAA', transcript: 'hey', expires_at: 9 } }),
  'audio without bytes': answer({ content: null, audio: { id: 'a', transcript: 'hey' } }),
  'audio by id': answer({ content: null, audio: { id: 'a', transcript: '' } }),
  images: answer({
    content: 'x',
    images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' }, index: 0 }],
  }),
  'all reasoning': answer({
    content: 'x',
    reasoning: 'think',
    reasoning_content: 'think',
    reasoning_details: [
      { type: 'reasoning.summary', summary: 'think', format: 'xai-responses-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'E', format: 'xai-responses-v1', id: 'rs_1', index: 1 },
    ],
  }),
  'thinking blocks': answer({
    content: 'x',
    reasoning_content: 't',
    thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 'S' }],
  }),
  logprobs: answer({ content: 'x' }, { logprobs: { content: [{ token: 'x', logprob: -0.1 }], refusal: null } }),
  'several choices': {
    ...answer({ content: 'x' }),
    choices: [
      { index: 1, message: { role: 'assistant', content: 'b' }, finish_reason: 'length' },
      { index: 0, message: { role: 'assistant', content: 'a' }, finish_reason: null },
    ],
  },
  bare: { choices: [{ message: { content: 'x' } }] },
  'odd envelope': {
    ...answer({ content: 'x' }),
    id: '',
    object: 'chat.completion.chunk',
    created: null,
    service_tier: null,
    system_fingerprint: null,
  },
  'usage and news': {
    ...answer({ content: 'x', mood: 1 }, { native: 'STOP' }),
    usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, cost: 0.1 },
    service_tier: 'flex',
    provider: 'p',
  },
};

const read = (body: JsonObject) => openaiChat.readResponse(body, { quirks: {} });

describe('a response comes back as it was', () => {
  for (const [name, body] of Object.entries(kinds)) {
    test(name, () => {
      const { body: again, losses } = openaiChat.writeResponse(read(body), options);
      expect(differences(body, again)).toEqual([]);
      expect(losses).toEqual([]);
    });
  }

  test('with unknown fields in every object', () => {
    const withNews = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(withNews);
      if (typeof value !== 'object' || value === null) return value;
      return {
        ...Object.fromEntries(Object.entries(value).map(([k, v]) => [k, withNews(v)])),
        x_new: { a: [1] },
        x_null: null,
      };
    };
    for (const body of Object.values(kinds)) {
      const news = withNews(body);
      if (isObject(news)) expect(differences(news, openaiChat.writeResponse(read(news), options).body)).toEqual([]);
    }
  });
});

describe('reading', () => {
  test('each kind is what it is', () => {
    const parts = (name: string) => read(kinds[name] ?? {}).choices[0]?.parts;
    expect(parts('content as an object')).toEqual([{ type: 'text', text: '{"age":1}' }]);
    expect(parts('content as parts')).toMatchObject([
      { type: 'reasoning', text: 'hm' },
      { type: 'text' },
      { type: 'opaque' },
    ]);
    expect(parts('empty content')).toEqual([]);
    expect(parts('citations')).toMatchObject([{ citations: [{ url: 'u', title: 't', start: 0, end: 1 }, {}] }]);
    expect(parts('audio')).toMatchObject([
      { kind: 'audio', transcript: 'hey', source: { type: 'base64', data: 'AAAA' } },
    ]);
    expect(parts('images')).toMatchObject([{ type: 'text' }, { kind: 'image', mediaType: 'image/png' }]);
    expect(parts('all reasoning')).toMatchObject([
      { type: 'reasoning', text: 'think' },
      { type: 'reasoning', text: '', seal: { issuer: 'xai', kind: 'encrypted', value: 'E', id: 'rs_1' } },
      { type: 'text', text: 'x' },
    ]);
    expect(parts('legacy function')).toMatchObject([{ type: 'tool-call', id: 'call_r_0_0', name: 'f' }]);
  });

  test('finish reasons', () => {
    const unified = (finish: string) =>
      read(answer({ content: 'x' }, { finish_reason: finish })).choices[0]?.finish?.unified;
    expect(['stop', 'length', 'tool_calls', 'content_filter', 'error', 'odd', ''].map(unified)).toEqual([
      'stop',
      'length',
      'tool-calls',
      'content-filter',
      'error',
      'other',
      'stop',
    ]);
  });
});

describe('writing what comes from another dialect', () => {
  const write = (parts: Part[], finish: Finish = { unified: 'stop', raw: 'end_turn' }) => {
    const response: CanonResponse = { id: 'msg', model: 'claude', choices: [{ index: 0, parts, finish }] };
    const { body, losses } = openaiChat.writeResponse(response, { ...options, model: 'mine' });
    const [choice] = Array.isArray(body.choices) ? body.choices : [];
    return { body, choice, losses: losses.map(({ path, kind }) => `${kind} ${path}`) };
  };

  test('an answer with reasoning, text and calls', () => {
    const { body, losses } = write(
      [
        { type: 'reasoning', text: 't', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
        { type: 'text', text: 'hi' },
        { type: 'tool-call', id: 'c', name: 'f', argumentsJson: '{}', ranBy: 'client' },
      ],
      { unified: 'tool-calls', raw: 'tool_use' },
    );
    expect(body).toEqual({
      id: 'msg',
      object: 'chat.completion',
      created: 1,
      model: 'mine',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'hi',
            refusal: null,
            reasoning_content: 't',
            reasoning_details: [
              { type: 'reasoning.text', text: 't', signature: 'S', format: 'anthropic-claude-v1', index: 0 },
            ],
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
    });
    expect(losses).toEqual([]);
    expect(read(body).choices[0]?.parts).toMatchObject([
      { text: 't', seal: { issuer: 'anthropic', value: 'S' } },
      {},
      {},
    ]);
  });

  test('texts are joined, citations keep their place, order and server tools are reported', () => {
    const raw = { dialect: 'anthropic-messages' as const, value: {} };
    const { choice, losses } = write([
      { type: 'text', text: 'ab' },
      { type: 'tool-call', id: 's', name: 'web_search', argumentsJson: '{}', ranBy: 'provider' },
      { type: 'tool-result', callId: 's', content: [], ranBy: 'provider' },
      {
        type: 'text',
        text: 'cde',
        citations: [
          { url: 'u', raw },
          { citedText: 'page 3', raw },
        ],
      },
      { type: 'reasoning', text: 'late' },
    ]);
    expect(choice).toMatchObject({
      message: {
        content: 'abcde',
        annotations: [{ type: 'url_citation', url_citation: { url: 'u', title: 'u', start_index: 2, end_index: 5 } }],
      },
    });
    expect(isObject(choice) && isObject(choice.message) && choice.message.tool_calls).toBeUndefined();
    expect(losses).toEqual([
      'dropped choices[0].parts[1]',
      'dropped choices[0].parts[2]',
      'changed choices[0].parts[4]',
      'changed choices[0].parts[3].citations[0].raw',
      'dropped choices[0].parts[3].citations[1]',
      'changed choices[0].parts[3]',
    ]);
  });

  test('finish reasons without a word of their own', () => {
    const finish = (unified: Finish['unified']) => write([], { unified, raw: 'x', stopSequence: undefined });
    expect(finish('refusal').choice).toMatchObject({ finish_reason: 'content_filter', message: { content: null } });
    expect(finish('refusal').losses).toEqual(['changed choices[0].finish.unified']);
    expect(finish('pause').choice).toMatchObject({ finish_reason: 'stop' });
    expect(write([], { unified: 'stop', raw: 'stop_sequence', stopSequence: 'END' }).losses).toEqual([
      'dropped choices[0].finish.stopSequence',
    ]);
  });
});
