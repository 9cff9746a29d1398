import { describe, expect, test } from 'bun:test';
import { Fault } from '../../fault.ts';
import { differences } from '../../json/equal.ts';
import { parseJson } from '../../json/parse.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import type { Quirks } from '../../quirks.ts';
import { openaiChat } from './index.ts';

const user = (content: JsonObject[] | string): JsonObject => ({ role: 'user', content });
const ask = (...messages: JsonObject[]): JsonObject => ({ model: 'm', messages });
const call = (id: string, name: string, text: string): JsonObject => ({
  id,
  type: 'function',
  function: { name, arguments: text },
});

/** Requests of every kind, which must come back as they were. */
const kinds: Record<string, JsonObject> = {
  text: ask({ role: 'system', content: 's' }, { role: 'developer', content: 'd', name: 'n' }, user('hello')),
  'empty text': ask(user(''), { role: 'assistant', content: '' }, user([])),
  'text parts': ask(
    user([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b', x: 1 },
    ]),
  ),
  'image by address': ask(user([{ type: 'image_url', image_url: { url: 'https://e.example/a.png', detail: 'low' } }])),
  'image with parameters': ask(
    user([{ type: 'image_url', image_url: { url: 'data:image/png;charset=utf-8;base64,AAAA', x: 2 } }]),
  ),
  'image percent-encoded': ask(user([{ type: 'image_url', image_url: { url: 'data:image/svg+xml,%3Csvg/%3E' } }])),
  'image as bare string': ask(user([{ type: 'image_url', image_url: 'https://e.example/a.png' }])),
  'pdf by data': ask(
    user([{ type: 'file', file: { filename: 'a b.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } }]),
  ),
  'file by id': ask(user([{ type: 'file', file: { file_id: 'file-1' } }])),
  'file by address': ask(user([{ type: 'file', file: { filename: 'a.pdf', file_data: 'https://e.example/a.pdf' } }])),
  'file without data': ask(user([{ type: 'file', file: { filename: 'a.pdf' } }])),
  'bare base64 file': ask(user([{ type: 'file', file: { filename: 'a.pdf', file_data: 'JVBERi0=' } }])),
  audio: ask(user([{ type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } }])),
  'audio as data URL': ask(user([{ type: 'input_audio', input_audio: { data: 'data:audio/ogg;base64,T2dn' } }])),
  video: ask(user([{ type: 'video_url', video_url: { url: 'data:video/mp4;base64,AAAA' } }])),
  'unknown part': ask(user([{ type: 'hologram', hologram: { data: 'x' } }])),
  'tool calls': ask(
    { role: 'assistant', content: null, tool_calls: [call('a', 'f', '{"x":1}'), call('b', 'g', '')] },
    { role: 'tool', tool_call_id: 'a', content: 'r' },
    { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: 'r' }], name: 'g' },
  ),
  'tool calls without content': ask({ role: 'assistant', tool_calls: [call('a', 'f', '{bad')] }),
  'tool call without id': ask({
    role: 'assistant',
    content: 'x',
    tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{}' } }],
  }),
  'null and object arguments': ask({
    role: 'assistant',
    tool_calls: [
      { id: 'a', type: 'function', function: { name: 'f', arguments: null } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: { x: 1 }, y: 2 }, index: 1 },
      { id: 'c', type: 'function', function: { name: 'h' } },
    ],
  }),
  'custom tools': {
    ...ask({ role: 'assistant', tool_calls: [{ id: 'a', type: 'custom', custom: { name: 'sql', input: 'SELECT' } }] }),
    tools: [{ type: 'custom', custom: { name: 'sql', format: { type: 'text' } } }],
    tool_choice: { type: 'custom', custom: { name: 'sql' } },
  },
  'legacy functions': {
    ...ask(
      { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
      { role: 'function', name: 'f', content: '1' },
    ),
    functions: [{ name: 'f', parameters: { type: 'object' } }],
    function_call: { name: 'f' },
  },
  tools: {
    ...ask(user('x')),
    tools: [
      { type: 'function', function: { name: 'f', description: 'd', parameters: {}, strict: true, x: 1 }, y: 2 },
      { type: 'function', function: { name: 'g' }, cache_control: { type: 'ephemeral', ttl: '1h' } },
      { type: 'function', name: 'flat', parameters: { type: 'object' } },
      { type: 'openrouter:web_search', parameters: { max: 1 } },
    ],
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [] } },
    parallel_tool_calls: false,
  },
  'choice any': { ...ask(user('x')), tool_choice: 'any' },
  'named choice': { ...ask(user('x')), tool_choice: { type: 'function', function: { name: 'f' } } },
  refusal: ask(
    { role: 'assistant', content: null, refusal: 'no' },
    { role: 'assistant', content: [{ type: 'refusal', refusal: 'no' }] },
  ),
  reasoning_content: ask({ role: 'assistant', reasoning_content: 'hm', content: 'x' }),
  'reasoning and its details': ask({
    role: 'assistant',
    content: 'x',
    reasoning: 'think',
    reasoning_details: [
      { type: 'reasoning.text', text: 'think', signature: 'S', format: 'anthropic-claude-v1', index: 0, id: null },
    ],
  }),
  'details in pieces': ask({
    role: 'assistant',
    content: 'x',
    reasoning_content: 'thinking',
    reasoning_details: [
      { type: 'reasoning.text', text: 'think', index: 0 },
      { type: 'reasoning.text', text: 'ing', index: 0 },
      { type: 'reasoning.text', signature: 'S', format: 'anthropic-claude-v1', index: 0 },
      { type: 'reasoning.encrypted', data: 'E', format: 'google-gemini-v1', id: 'tool_1', index: 1 },
      { type: 'reasoning.new', value: 1 },
    ],
  }),
  'thinking blocks': ask({
    role: 'assistant',
    content: 'x',
    reasoning_content: 'think',
    thinking_blocks: [
      { type: 'thinking', thinking: 'think', signature: 'S' },
      { type: 'redacted_thinking', data: 'R' },
    ],
  }),
  'signature apart from its text': ask({
    role: 'assistant',
    content: 'x',
    reasoning_content: 'think',
    reasoning_details: [{ type: 'reasoning.text', signature: 'S', format: 'anthropic-claude-v1', index: 0 }],
  }),
  'two different reasonings': ask({ role: 'assistant', content: 'x', reasoning_content: 'a', reasoning: 'b' }),
  'thinking in content': ask({
    role: 'assistant',
    content: [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }], closed: true },
      { type: 'text', text: 'x' },
    ],
  }),
  'produced audio': ask({ role: 'assistant', audio: { id: 'audio_1' } }),
  'cache marks': {
    ...ask(
      { role: 'system', content: [{ type: 'text', text: 's', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
      { role: 'user', content: 'u', cache_control: { type: 'ephemeral' } },
      { role: 'tool', tool_call_id: 'a', content: 'r', cache_control: { type: 'ephemeral', x: 1 } },
    ),
    cache_control: { type: 'ephemeral' },
  },
  'blocks of another API': ask(
    { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: { a: 1 } }] },
    user([{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'r' }], is_error: true }]),
  ),
  parameters: {
    ...ask(user('x')),
    temperature: 0.5,
    top_p: 1,
    top_k: 5,
    min_p: 0.1,
    frequency_penalty: 0,
    presence_penalty: -1,
    seed: 7,
    max_tokens: 10,
    stop: ['a'],
    n: 2,
    logprobs: true,
    top_logprobs: 3,
    stream: true,
    stream_options: { include_usage: true, x: 1 },
    user: 'u',
    metadata: { a: 'b' },
    service_tier: 'flex',
    logit_bias: { '5': 1 },
    web_search_options: {},
    prediction: { type: 'content', content: 'x' },
  },
  nulls: { ...ask(user('x')), temperature: null, tools: null, stop: null, max_tokens: null, x: null },
  'stop as string': { ...ask(user('x')), stop: 'END', stream_options: {}, tools: [] },
  'both bounds': { ...ask(user('x')), max_tokens: 5, max_completion_tokens: 5 },
  'different bounds': { ...ask(user('x')), max_tokens: 5, max_completion_tokens: 6 },
  'reasoning effort': { ...ask(user('x')), reasoning_effort: 'xhigh' },
  'reasoning object': { ...ask(user('x')), reasoning: { max_tokens: 2000, exclude: true } },
  thinking: { ...ask(user('x')), thinking: { type: 'enabled', budget_tokens: 1024 }, enable_thinking: true },
  'json object': { ...ask(user('x')), response_format: { type: 'json_object', schema: { type: 'object' } } },
  'json schema': {
    ...ask(user('x')),
    response_format: {
      type: 'json_schema',
      json_schema: { name: 'n', schema: { $ref: '#' }, strict: true, x: 1 },
      y: 2,
    },
  },
  'text format': { ...ask(user('x')), response_format: { type: 'text' } },
  'unknown format': { ...ask(user('x')), response_format: { type: 'grammar', grammar: 'g' } },
  'unknown role': ask({ role: 'critic', content: 'x' }),
};

const send = (body: JsonObject, quirks: Quirks = {}) => {
  const request = openaiChat.readRequest(body);
  return openaiChat.writeRequest(request, { model: request.model, quirks });
};

describe('a request comes back as it was', () => {
  for (const [name, body] of Object.entries(kinds)) {
    test(name, () => {
      const { body: again, losses } = send(body);
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
      if (isObject(news)) expect(differences(news, send(news).body)).toEqual([]);
    }
  });

  test('with numbers as they were written', () => {
    const text = '{"model":"m","messages":[],"temperature":1.0,"seed":12345678901234567890,"top_p":1e-1}';
    const body = parseJson(text);
    if (isObject(body)) expect(differences(body, send(body).body)).toEqual([]);
    expect(isObject(body)).toBe(true);
  });
});

describe('what cannot be understood is refused with its path', () => {
  const bad: [string, JsonObject][] = [
    ['messages', { model: 'm' }],
    ['messages[0]', ask('x' as unknown as JsonObject)],
    ['messages[0].role', ask({ content: 'x' })],
    ['messages[0].content', ask({ role: 'user', content: 5 })],
    ['temperature', { ...ask(), temperature: 'hot' }],
    ['stop', { ...ask(), stop: 5 }],
    ['tools', { ...ask(), tools: {} }],
  ];
  for (const [param, body] of bad) {
    test(param, () => {
      let fault: unknown;
      try {
        openaiChat.readRequest(body);
      } catch (thrown) {
        fault = thrown;
      }
      expect(fault).toBeInstanceOf(Fault);
      expect(fault).toMatchObject({ code: 'body_invalid', param });
    });
  }
});

describe('reasoning of earlier turns', () => {
  test('given twice it is one', () => {
    for (const name of ['reasoning and its details', 'details in pieces', 'thinking blocks']) {
      const body = kinds[name] ?? {};
      const parts = openaiChat.readRequest(body).messages[0]?.parts ?? [];
      const texts = parts.flatMap((part) => (part.type === 'reasoning' && part.text !== '' ? [part.text] : []));
      expect(texts).toHaveLength(1);
    }
  });

  test('seals keep value, issuer and id', () => {
    const parts = openaiChat.readRequest(kinds['details in pieces'] ?? {}).messages[0]?.parts ?? [];
    expect(parts.slice(0, 2)).toMatchObject([
      { type: 'reasoning', text: 'thinking', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
      { type: 'reasoning', text: '', seal: { issuer: 'google', kind: 'encrypted', value: 'E', id: 'tool_1' } },
    ]);
    expect(openaiChat.readRequest(kinds['thinking blocks'] ?? {}).messages[0]?.parts[1]).toMatchObject({
      seal: { issuer: 'anthropic', kind: 'encrypted', value: 'R' },
    });
  });

  test('an edited text is not overwritten by what was noted', () => {
    const request = openaiChat.readRequest(kinds['details in pieces'] ?? {});
    const part = request.messages[0]?.parts[0];
    if (part?.type === 'reasoning') part.text = 'redacted';
    const { body } = openaiChat.writeRequest(request, { model: 'm', quirks: {} });
    expect(JSON.stringify(body)).not.toContain('think');
    expect(JSON.stringify(body)).toContain('redacted');
  });

  test('obeys the quirk, with a loss for each seal', () => {
    const body = kinds['reasoning and its details'] ?? {};
    const as = (reasoningHistory: Quirks['reasoningHistory']) => send(body, { reasoningHistory });
    expect(as('content').body.messages).toEqual([{ role: 'assistant', content: 'x', reasoning_content: 'think' }]);
    expect(as('content').losses).toMatchObject([{ path: 'messages[0].parts[0].seal', kind: 'dropped' }]);
    expect(as('reasoning').body.messages).toEqual([{ role: 'assistant', content: 'x', reasoning: 'think' }]);
    expect(as('none').body.messages).toEqual([{ role: 'assistant', content: 'x' }]);
    expect(as('none').losses).toMatchObject([{ path: 'messages[0].parts[0]', kind: 'dropped' }]);
  });
});

describe('quirks', () => {
  const body = { ...kinds.parameters, ...ask({ role: 'system', content: 's' }, user('x')) };

  test('fields are renamed, refused and reported', () => {
    const sent = send(body, {
      maxTokensField: 'max_completion_tokens',
      systemRole: 'developer',
      streamUsageOption: false,
      refusedFields: ['seed', 'logit_bias'],
    });
    expect(sent.body).toMatchObject({ max_completion_tokens: 10, messages: [{ role: 'developer' }, {}] });
    for (const gone of ['max_tokens', 'seed', 'logit_bias']) expect(sent.body).not.toHaveProperty(gone);
    const paths = sent.losses.map((loss) => loss.path);
    expect(paths).toEqual(['messages[0].role', 'streamUsage', 'sampling.seed', 'residue.openai-chat.logit_bias']);
  });

  test('reasoning is asked for as the provider wants it', () => {
    const withBudget = { ...ask(user('x')), thinking: { type: 'enabled', budget_tokens: 8000 } };
    expect(send(withBudget, { reasoningRequest: 'effort' }).body.reasoning_effort).toBe('medium');
    expect(send(withBudget, { reasoningRequest: 'object' }).body.reasoning).toEqual({ max_tokens: 8000 });
    const none = send(withBudget, { reasoningRequest: 'none' });
    expect(none.body).not.toHaveProperty('thinking');
    expect(none.losses).toMatchObject([{ path: 'reasoning', kind: 'dropped' }]);
  });

  test('tool choice, response format and cache marks', () => {
    expect(send({ ...ask(user('x')), tool_choice: 'required' }, { toolChoiceRequiredAs: 'any' }).body.tool_choice).toBe(
      'any',
    );
    const format = send(kinds['json schema'] ?? {}, { responseFormats: ['json'] });
    expect(format.body.response_format).toEqual({ type: 'json_object' });
    expect(format.losses).toMatchObject([{ path: 'responseFormat', kind: 'changed' }]);
    const unmarked = send(kinds['cache marks'] ?? {}, { cacheMarks: false });
    expect(JSON.stringify(unmarked.body)).not.toContain('cache_control');
    expect(unmarked.losses.map((loss) => loss.path)).toEqual([
      'messages[0].parts[0].cacheMark',
      'messages[1].cacheMark',
      'messages[2].cacheMark',
      'cacheMark',
    ]);
  });
});
