import { describe, expect, test } from 'bun:test';
import { covers } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { CanonRequest, Message, Tool } from '../../canon/request.ts';
import type { CanonResponse } from '../../canon/response.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import type { Quirks } from '../../quirks.ts';
import { anthropicMessages } from './index.ts';
import { WRITE } from './trip.test-support.ts';

const OLD = 'claude-sonnet-4-5-20250929';
const NEW = 'claude-opus-4-8';
const HI = user(text('Hi'));
const F: Tool = { type: 'function', name: 'f', parameters: { type: 'object', properties: {} } };

function text(value: string): Part {
  return { type: 'text', text: value };
}
function user(...parts: Part[]): Message {
  return { role: 'user', parts };
}
function call(id: string, argumentsJson = '{}'): Part {
  return { type: 'tool-call', id, name: 'f', argumentsJson, ranBy: 'client' };
}
function result(callId: string, ...content: Part[]): Message {
  return { role: 'tool', parts: [{ type: 'tool-result', callId, content, ranBy: 'client' }] };
}
function write(request: Partial<CanonRequest>, model = OLD, quirks: Quirks = {}) {
  return anthropicMessages.writeRequest({ model: 'x', messages: [HI], sampling: {}, ...request }, { model, quirks });
}
/** The blocks of a message of a written request; `i` counts messages of the wire. */
function blocksOf(body: JsonObject, i: number): JsonObject[] {
  const content = (body.messages as JsonObject[])[i]?.content;
  return Array.isArray(content) ? content.filter(isObject) : [];
}
function paths(request: Partial<CanonRequest>, model = OLD): string[] {
  return write(request, model).losses.map((loss) => `${loss.kind} ${loss.path}`);
}

describe('messages of another dialect', () => {
  test('leading instructions become the system; one of two developers does not vanish', () => {
    const { body } = write({
      messages: [{ role: 'developer', parts: [text('A')] }, { role: 'system', parts: [text('B')] }, HI],
    });
    expect(body.system).toEqual([
      { type: 'text', text: 'A' },
      { type: 'text', text: 'B' },
    ]);
    expect(body.messages).toEqual([{ role: 'user', content: 'Hi' }]);
  });

  test('T34: an instruction in the middle stays in its place', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [text('Yes')] },
      { role: 'system', parts: [text('Be brief')] },
      user(text('Go')),
    ];
    const { body, losses } = write({ messages });
    expect(body.system).toBeUndefined();
    expect(body.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '<system>\nBe brief\n</system>' },
          { type: 'text', text: 'Go' },
        ],
      },
    ]);
    expect(covers(losses, 'messages[2].role')).toBe(true);
  });

  test('results of parallel calls stand in one message, before any text', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [call('a'), call('b')] },
      user(text('wait')),
      result('a', text('1')),
      result('b', text('2')),
    ];
    const { body, losses } = write({ messages });
    expect((body.messages as JsonObject[])[2]).toEqual({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: '1' },
        { type: 'tool_result', tool_use_id: 'b', content: '2' },
        { type: 'text', text: 'wait' },
      ],
    });
    expect(covers(losses, 'messages[2].parts[0]')).toBe(true);
  });

  test('T35: empty text is left out, neighbours of one role are joined', () => {
    const { body, losses } = write({ messages: [user(text(' ')), user(text('a')), user(text('b'))] });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
    expect(covers(losses, 'messages[0].parts[0]')).toBe(true);
  });

  test('T35: instructions alone get a minimal turn of the user', () => {
    const { body, losses } = write({ messages: [{ role: 'system', parts: [text('A')] }] });
    expect(body).toMatchObject({ system: 'A', messages: [{ role: 'user' }] });
    expect(losses).toContainEqual(expect.objectContaining({ path: 'messages', kind: 'added' }));
  });

  test('T29: marks on results and assistant text are kept with their time; a fifth mark gives way', () => {
    const marked = (value: string): Part => ({ type: 'text', text: value, cacheMark: { ttl: '1h' } });
    const tool: Message = {
      role: 'tool',
      parts: [{ type: 'tool-result', callId: 'a', content: [marked('r')], ranBy: 'client' }],
    };
    const { body } = write({ messages: [HI, { role: 'assistant', parts: [marked('t'), call('a')] }, tool] });
    expect(JSON.stringify(body.messages).match(/"cache_control":\{"type":"ephemeral","ttl":"1h"\}/g)).toHaveLength(2);
    const five = write({ messages: [user(...['1', '2', '3', '4', '5'].map(marked))] });
    expect(JSON.stringify(five.body).match(/cache_control/g)).toHaveLength(4);
    expect(covers(five.losses, 'messages[0].parts[0].cacheMark')).toBe(true);
    expect(JSON.stringify(write({ messages: [user(marked('1'))] }, OLD, { cacheMarks: false }).body)).not.toContain(
      'cache_control',
    );
  });
});

describe('media', () => {
  const image = (source: Extract<Part, { type: 'media' }>['source'], mediaType?: string): Part => ({
    type: 'media',
    kind: 'image',
    source,
    mediaType,
  });
  const sent = (part: Part) => blocksOf(write({ messages: [user(part)] }).body, 0)[0];

  test('T32: an address is sent as an address', () => {
    expect(sent(image({ type: 'url', url: 'https://a.test/x.png' }))).toEqual({
      type: 'image',
      source: { type: 'url', url: 'https://a.test/x.png' },
    });
  });

  test('data URLs with parameters are bytes', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' };
    expect(sent(image({ type: 'url', url: 'data:image/png;charset=utf-8;base64,iVBORw0=' }))).toEqual({
      type: 'image',
      source,
    });
    expect(sent(image({ type: 'base64', data: 'iVBORw0=' }, 'image/png;x=y'))).toEqual({ type: 'image', source });
    expect(sent(image({ type: 'base64', data: 'iVBORw0=' }))).toEqual({ type: 'image', source });
  });

  test('T33: a PDF becomes a document, text becomes a text document', () => {
    const file = (data: string, mediaType: string | undefined): Part => ({
      type: 'media',
      kind: 'document',
      filename: 'a b.pdf',
      mediaType,
      source: { type: 'base64', data },
    });
    expect(sent(file('JVBERi0=', undefined))).toEqual({
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
      title: 'a b.pdf',
    });
    expect(sent(file(btoa('hello'), 'text/markdown'))).toMatchObject({
      source: { type: 'text', media_type: 'text/plain', data: 'hello' },
    });
  });

  test('T31: an image in the result of a tool is sent', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [call('a')] },
      result('a', text('shot'), image({ type: 'base64', data: 'AA==' }, 'image/png')),
    ];
    const [block] = blocksOf(write({ messages }).body, 2);
    expect(block?.content).toEqual([
      { type: 'text', text: 'shot' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
    ]);
  });

  test('sound and files of elsewhere are reported', () => {
    const audio: Part = { type: 'media', kind: 'audio', source: { type: 'base64', data: 'AA==' } };
    const foreign = image({ type: 'file', id: 'f', dialect: 'openai-chat' });
    const { losses } = write({ messages: [user(text('a'), audio, foreign)] });
    expect(covers(losses, 'messages[0].parts[1]')).toBe(true);
    expect(covers(losses, 'messages[0].parts[2]')).toBe(true);
  });
});

describe('tools', () => {
  test('T15: a name that does not fit is mapped the same everywhere, and restored', () => {
    const name = `files.${'x'.repeat(140)}`;
    const history: Message = {
      role: 'assistant',
      parts: [{ type: 'tool-call', id: 'a', name, argumentsJson: '', ranBy: 'client' }],
    };
    const written = write({
      messages: [HI, history, result('a', text('1'))],
      tools: [{ type: 'function', name }],
      toolChoice: { type: 'tool', name },
    });
    const [tool] = written.body.tools as JsonObject[];
    expect(tool?.name).toMatch(/^[a-zA-Z0-9_-]{1,128}$/);
    expect(written.body.tool_choice).toEqual({ type: 'tool', name: tool?.name as string });
    expect(JSON.stringify(written.body.messages)).toContain(`"name":"${tool?.name}"`);
    expect(written.toolNames?.get(tool?.name as string)).toBe(name);
    const other = write(
      {
        tools: [
          { type: 'function', name },
          { type: 'function', name: `${name}y` },
        ],
      },
      OLD,
      { toolNameCharsMax: 64 },
    );
    const names = (other.body.tools as JsonObject[]).map((one) => one.name as string);
    expect(new Set(names).size).toBe(2);
    expect(names.every((one) => one.length <= 64)).toBe(true);
  });

  test('T16: forbidding parallel calls makes a choice of auto, keeps a forced one, and needs tools', () => {
    expect(write({ tools: [F], parallelToolCalls: false }).body.tool_choice).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    });
    expect(
      write({ tools: [F], parallelToolCalls: false, toolChoice: { type: 'tool', name: 'f' } }).body.tool_choice,
    ).toEqual({
      type: 'tool',
      name: 'f',
      disable_parallel_tool_use: true,
    });
    const none = write({ parallelToolCalls: false });
    expect(none.body).not.toHaveProperty('tool_choice');
    expect(covers(none.losses, 'parallelToolCalls')).toBe(true);
  });

  test('schemas are sent whole; one that is missing is added', () => {
    const schema = { type: 'object', additionalProperties: false, anyOf: [{}], description: 'd', $defs: { a: {} } };
    const { body } = write({
      tools: [
        { ...F, parameters: schema, strict: true },
        { type: 'function', name: 'g' },
      ],
    });
    expect(body.tools).toEqual([
      { name: 'f', input_schema: schema, strict: true },
      { name: 'g', input_schema: { type: 'object', properties: {} } },
    ]);
  });

  test('arguments: none, no JSON, no object', () => {
    const parts = [call('a', ''), call('b', '{bad'), call('c', '[1]')];
    const { body, losses } = write({ messages: [HI, { role: 'assistant', parts }] });
    const blocks = blocksOf(body, 1);
    expect(blocks.map((block) => block.input)).toEqual([{}, { invalid_json: '{bad' }, { value: [1] }]);
    expect(covers(losses, 'messages[1].parts[1].argumentsJson')).toBe(true);
    expect(covers(losses, 'messages[1].parts[2].argumentsJson')).toBe(true);
  });

  test('ids with characters refused here are mapped in the call and in its result', () => {
    const { body } = write({
      messages: [HI, { role: 'assistant', parts: [call('functions.f:0')] }, result('functions.f:0', text('1'))],
    });
    const id = blocksOf(body, 1)[0]?.id;
    expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
    expect(blocksOf(body, 2)[0]?.tool_use_id).toBe(id as string);
  });
});

describe('reasoning', () => {
  test('T13: a budget is at least 1024 and less than all output', () => {
    expect(write({ reasoning: { budgetTokens: 10 }, maxOutputTokens: 5000 }).body.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 1024,
    });
    expect(write({ reasoning: { budgetTokens: 9000 }, maxOutputTokens: 5000 }).body.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 4999,
    });
    const tight = write({ reasoning: { effort: 'high' }, maxOutputTokens: 500 });
    expect(tight.body.thinking).toBeUndefined();
    expect(covers(tight.losses, 'reasoning')).toBe(true);
    const free = write({ reasoning: { effort: 'high' } }).body;
    expect(free.max_tokens as number).toBeGreaterThan((free.thinking as JsonObject).budget_tokens as number);
  });

  test('T38: words become budgets for older models, adaptive effort for newer ones', () => {
    for (const [effort, budget] of [
      ['minimal', 1024],
      ['low', 2000],
      ['medium', 5000],
      ['high', 10_000],
    ] as const) {
      expect(write({ reasoning: { effort }, maxOutputTokens: 64_000 }).body.thinking).toMatchObject({
        budget_tokens: budget,
      });
    }
    expect(write({ reasoning: { effort: 'high' } }, NEW).body).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
    expect(write({ reasoning: { budgetTokens: 6000 } }, NEW).body.output_config).toEqual({ effort: 'medium' });
    expect(write({ reasoning: { effort: 'none' } }, NEW).body.thinking).toEqual({ type: 'disabled' });
    expect(write({ reasoning: { effort: 'high' } }, 'alias', { thinkingForm: 'adaptive' }).body.thinking).toEqual({
      type: 'adaptive',
    });
  });

  test('T9: thinking lost from a turn with calls: this turn does not think; kept thinking goes back first', () => {
    const turn = (...parts: Part[]): Message[] => [HI, { role: 'assistant', parts }, result('a', text('18C'))];
    const lost = write({ messages: turn(call('a')), reasoning: { effort: 'high' } });
    expect(lost.body.thinking).toBeUndefined();
    expect(covers(lost.losses, 'reasoning')).toBe(true);
    const seal = { issuer: 'anthropic', kind: 'signature', value: 'c2ln' } as const;
    const kept = write({
      messages: turn({ type: 'reasoning', text: '', seal }, call('a')),
      reasoning: { effort: 'high' },
    });
    expect(kept.body.thinking).toMatchObject({ type: 'enabled' });
    expect(blocksOf(kept.body, 1)[0]).toEqual({
      type: 'thinking',
      thinking: '',
      signature: 'c2ln',
    });
  });

  test('T9: the same when this dialect history held the thinking of another provider', () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: '' };
    const request = anthropicMessages.readRequest({
      model: 'm',
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [thinking, { type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '1' }] },
      ],
    });
    const { body, losses } = anthropicMessages.writeRequest(request, { model: OLD, quirks: {} });
    expect(body.thinking).toBeUndefined();
    expect(covers(losses, 'reasoning')).toBe(true);
  });

  test('T10: sealed thinking is replayed as it was; thinking of others is not', () => {
    const sealed: Part = {
      type: 'reasoning',
      text: '',
      seal: { issuer: 'anthropic', kind: 'encrypted', value: 'ZW5j' },
    };
    const foreign: Part = { type: 'reasoning', text: 'x', seal: { issuer: 'openai', kind: 'encrypted', value: 'y' } };
    const { body, losses } = write({ messages: [HI, { role: 'assistant', parts: [sealed, foreign, text('a')] }] });
    expect((body.messages as JsonObject[])[1]?.content).toEqual([
      { type: 'redacted_thinking', data: 'ZW5j' },
      { type: 'text', text: 'a' },
    ]);
    expect(losses).toContainEqual(expect.objectContaining({ path: 'messages[1].parts[1]', kind: 'dropped' }));
  });

  test('what thinking excludes gives way', () => {
    const asked = {
      reasoning: { effort: 'low' },
      maxOutputTokens: 9000,
      sampling: { temperature: 0.2, topK: 3, topP: 0.5 },
    };
    expect(paths(asked)).toEqual(
      expect.arrayContaining(['dropped sampling.temperature', 'dropped sampling.topK', 'dropped sampling.topP']),
    );
    expect(
      write({ reasoning: { effort: 'low' }, maxOutputTokens: 9000, tools: [F], toolChoice: { type: 'required' } }).body,
    ).not.toHaveProperty('thinking');
  });
});

describe('output', () => {
  const schema = { type: 'object', properties: { a: { type: 'object' } } };

  test('T14, T28: a schema goes to the native field, beside tools and thinking; no tool is forced for it', () => {
    const { body, losses } = write({
      responseFormat: { type: 'json-schema', schema, name: 'n', strict: true },
      tools: [F],
      reasoning: { effort: 'low' },
    });
    expect(body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { a: { type: 'object', additionalProperties: false } },
          additionalProperties: false,
        },
      },
    });
    expect(body.tools).toHaveLength(1);
    expect(body).not.toHaveProperty('tool_choice');
    expect(covers(losses, 'responseFormat.name') && covers(losses, 'responseFormat.schema')).toBe(true);
  });

  test('JSON without a schema cannot be asked for; text is what comes anyway', () => {
    expect(paths({ responseFormat: { type: 'json' } })).toContain('dropped responseFormat');
    expect(paths({ responseFormat: { type: 'text' } })).not.toContain('dropped responseFormat');
  });

  test('everything else that has no counterpart is reported', () => {
    const sampling = { temperature: 1.5, seed: 1, frequencyPenalty: 1, presencePenalty: 1, minP: 0.1 };
    const lost = paths({
      sampling,
      n: 2,
      logprobs: { enabled: true },
      metadata: { a: '1' },
      stop: ['END', '\n'],
      serviceTier: 'flex',
    });
    for (const path of [
      'dropped n',
      'dropped logprobs',
      'dropped metadata',
      'dropped serviceTier',
      'dropped stop[1]',
      'changed sampling.temperature',
    ]) {
      expect(lost).toContain(path);
    }
    expect(write({ sampling, stop: ['END', '\n'], userId: 'u' }).body).toMatchObject({
      temperature: 1,
      stop_sequences: ['END'],
      metadata: { user_id: 'u' },
    });
    expect(lost).toContain('added maxOutputTokens');
    expect(write({}, OLD, { maxTokensDefault: 99 }).body.max_tokens).toBe(99);
    const refused = write({ sampling: { topK: 3 } }, OLD, { refusedFields: ['top_k'] });
    expect(refused.body).not.toHaveProperty('top_k');
    expect(refused.losses.some((loss) => loss.kind === 'dropped')).toBe(true);
  });
});

describe('answers of another dialect', () => {
  const answer = (fields: Partial<CanonResponse>): CanonResponse => ({
    id: 'r',
    model: 'm',
    choices: [{ index: 0, parts: [text('a')] }],
    ...fields,
  });

  test('T30: cached input is taken out of the input again', () => {
    const usage = { inputTokens: 10_500, cacheReadTokens: 10_000, outputTokens: 200, reasoningTokens: 50 };
    expect(anthropicMessages.writeResponse(answer({ usage }), WRITE).body.usage).toEqual({
      input_tokens: 500,
      output_tokens: 200,
      cache_read_input_tokens: 10_000,
      output_tokens_details: { thinking_tokens: 50 },
    });
  });

  test('the words for the end', () => {
    const said = (
      unified: 'stop' | 'length' | 'content-filter' | 'context-exceeded',
      parts: Part[] = [text('a')],
      stopSequence?: string,
    ) =>
      anthropicMessages.writeResponse(
        answer({ choices: [{ index: 0, parts, finish: { unified, raw: 'x', stopSequence } }] }),
        WRITE,
      ).body;
    expect(said('stop').stop_reason).toBe('end_turn');
    expect(said('stop', [text('a')], 'END')).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'END' });
    expect(said('stop', [call('a')]).stop_reason).toBe('tool_use');
    expect(said('length').stop_reason).toBe('max_tokens');
    expect(said('content-filter').stop_reason).toBe('refusal');
    expect(said('context-exceeded').stop_reason).toBe('model_context_window_exceeded');
  });

  test('further choices, citations of the web, refusals and missing ids are told', () => {
    const citation = { url: 'https://a.test', title: 'A', raw: { dialect: 'openai-chat', value: {} } } as const;
    const parts: Part[] = [
      { type: 'text', text: 'a', citations: [citation] },
      { type: 'refusal', text: 'no' },
      text(''),
    ];
    const { body, losses } = anthropicMessages.writeResponse(
      answer({
        id: '',
        createdSec: 1,
        choices: [
          { index: 0, parts },
          { index: 1, parts: [] },
        ],
      }),
      { ...WRITE, model: 'alias' },
    );
    expect(body).toMatchObject({ id: 'msg_fallback', model: 'alias', role: 'assistant', type: 'message' });
    expect(body.content).toEqual([
      {
        type: 'text',
        text: 'a',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://a.test',
            title: 'A',
            cited_text: '',
            encrypted_index: '',
          },
        ],
      },
      { type: 'text', text: 'no' },
    ]);
    for (const path of [
      'choices[1]',
      'createdSec',
      'id',
      'choices[0].parts[1]',
      'choices[0].parts[2]',
      'choices[0].parts[0].citations[0]',
    ]) {
      expect({ path, isCovered: covers(losses, path) }).toEqual({ path, isCovered: true });
    }
  });
});
