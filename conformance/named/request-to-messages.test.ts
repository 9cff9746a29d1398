/** Chat completion requests as the Messages API receives them. */
import { describe, expect, test } from 'bun:test';
import { covers } from '@turnpike/wire/canon/loss.ts';
import type { Json, JsonObject } from '@turnpike/wire/json/value.ts';
import { dialects, objectsOf, translateRequest } from '../trip.ts';

const chat = dialects['openai-chat'];
const messages = dialects['anthropic-messages'];
const USER = { role: 'user', content: 'Hi' };

function sent(fields: JsonObject) {
  return translateRequest(chat, messages, { model: 'm', messages: [USER], ...fields });
}

function tool(name: string, parameters?: Json): JsonObject {
  return { type: 'function', function: { name, ...(parameters === undefined ? {} : { parameters }) } };
}

/** All blocks of all messages, with the role of their message. */
function blocks(body: JsonObject): JsonObject[] {
  return ((body.messages ?? []) as JsonObject[]).flatMap((message) => {
    const content = message.content;
    const list = typeof content === 'string' ? [{ type: 'text', text: content }] : ((content ?? []) as JsonObject[]);
    return list.map((block) => ({ ...block, role: message.role }));
  });
}

describe('sampling and bounds', () => {
  test('a single stop string becomes a list', () => {
    expect(sent({ stop: 'END' }).body.stop_sequences).toEqual(['END']);
  });

  test('max_tokens is demanded: a value is filled in and said to be added', () => {
    const { body, losses } = sent({});
    expect(typeof body.max_tokens).toBe('number');
    expect(losses).toContainEqual(expect.objectContaining({ path: 'maxOutputTokens', kind: 'added' }));
  });

  test('max_completion_tokens bounds the output', () => {
    expect(sent({ max_completion_tokens: 77 }).body.max_tokens).toBe(77);
  });

  test('a temperature above 1 is not clamped in silence', () => {
    const { body, losses } = sent({ temperature: 1.5 });
    const isKept = body.temperature === 1.5;
    expect(isKept || covers(losses, 'sampling.temperature')).toBe(true);
  });

  test('what has no counterpart is reported', () => {
    const { losses } = sent({ seed: 1, presence_penalty: 0.5, logit_bias: { '50256': -100 }, n: 2, logprobs: true });
    for (const path of ['sampling.seed', 'sampling.presencePenalty', 'residue.openai-chat.logit_bias', 'n']) {
      expect({ path, isCovered: covers(losses, path) }).toEqual({ path, isCovered: true });
    }
    expect(losses.some((loss) => loss.path.startsWith('logprobs'))).toBe(true);
  });

  test('the end user is named in metadata', () => {
    expect(sent({ user: 'u-1' }).body.metadata).toEqual({ user_id: 'u-1' });
  });
});

describe('tools', () => {
  const schema = {
    type: 'object',
    description: 'where',
    properties: { city: { anyOf: [{ type: 'string' }, { type: 'null' }] }, days: { type: ['integer', 'null'] } },
    additionalProperties: false,
  };

  test('parameters arrive untouched: nothing lost, nothing put in', () => {
    const { body } = sent({ tools: [tool('f', schema)] });
    expect((body.tools as JsonObject[])[0]?.input_schema).toEqual(schema);
  });

  test.each([[undefined], [{}]])('a tool with parameters %p gets the object schema that is demanded', (parameters) => {
    const { body } = sent({ tools: [tool('f', parameters)] });
    expect((body.tools as JsonObject[])[0]?.input_schema).toMatchObject({ type: 'object' });
  });

  test('strict is kept or reported', () => {
    const { body, losses } = sent({
      tools: [{ type: 'function', function: { name: 'f', parameters: schema, strict: true } }],
    });
    expect((body.tools as JsonObject[])[0]?.strict === true || covers(losses, 'tools[0].strict')).toBe(true);
  });

  test('parallel_tool_calls: false alone says auto, and disables parallel use', () => {
    const { body } = sent({ tools: [tool('f', schema)], parallel_tool_calls: false });
    expect(body.tool_choice).toEqual({ type: 'auto', disable_parallel_tool_use: true });
  });

  test('parallel_tool_calls: false with a forced tool says it once', () => {
    const choice = { type: 'function', function: { name: 'f' } };
    const { body } = sent({ tools: [tool('f', schema)], parallel_tool_calls: false, tool_choice: choice });
    expect(body.tool_choice).toEqual({ type: 'tool', name: 'f', disable_parallel_tool_use: true });
  });

  test('parallel_tool_calls: false without tools sends no choice', () => {
    expect(sent({ parallel_tool_calls: false }).body).not.toHaveProperty('tool_choice');
  });

  test.each([
    ['required', { type: 'any' }],
    ['auto', { type: 'auto' }],
    ['none', { type: 'none' }],
  ])('tool_choice %s', (word, expected) => {
    expect(sent({ tools: [tool('f', schema)], tool_choice: word }).body.tool_choice).toEqual(expected);
  });
});

describe('tool history', () => {
  const history = (args: string, ...results: JsonObject[]) => [
    USER,
    {
      role: 'assistant',
      content: null,
      tool_calls: [{ id: 'c1', type: 'function', function: { name: 'w', arguments: args } }],
    },
    ...results,
  ];
  const result = (id: string, content: Json) => ({ role: 'tool', tool_call_id: id, content });

  test('results of parallel calls stand in one user message, in order', () => {
    const calls = ['c1', 'c2'].map((id) => ({ id, type: 'function', function: { name: 'w', arguments: '{}' } }));
    const { body } = sent({
      messages: [USER, { role: 'assistant', tool_calls: calls }, result('c1', 'A'), result('c2', 'B')],
    });
    const last = (body.messages as JsonObject[]).at(-1);
    expect(last?.role).toBe('user');
    expect(objectsOf(last?.content).map((block) => [block.type, block.tool_use_id])).toEqual([
      ['tool_result', 'c1'],
      ['tool_result', 'c2'],
    ]);
    expect(body.messages).toHaveLength(3);
  });

  test('arguments that are no JSON do not fail the request, and the change is reported', () => {
    const { body, losses } = sent({ messages: history('{bad', result('c1', 'x')) });
    const call = blocks(body).find((block) => block.type === 'tool_use');
    expect(typeof call?.input).toBe('object');
    expect(losses.some((loss) => loss.path.startsWith('messages[1].parts[0]'))).toBe(true);
  });

  test('no arguments are an empty object', () => {
    expect(blocks(sent({ messages: history('', result('c1', 'x')) }).body)).toContainEqual(
      expect.objectContaining({ type: 'tool_use', id: 'c1', name: 'w', input: {} }),
    );
  });

  test('a result that looks like a JSON reference stays text', () => {
    const text = '{"$ref":"#/components/x"}';
    const block = blocks(sent({ messages: history('{}', result('c1', text)) }).body).find(
      (one) => one.type === 'tool_result',
    );
    const content = block?.content;
    expect(typeof content === 'string' ? content : (content as JsonObject[])[0]?.text).toBe(text);
  });

  test('a result with an image carries the image', () => {
    const image = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
    const { body } = sent({ messages: history('{}', result('c1', [{ type: 'text', text: 'shot' }, image])) });
    expect(JSON.stringify(body)).toContain('"data":"iVBORw0KGgo="');
    expect(JSON.stringify(body)).not.toContain('image_url');
  });

  test('a cache mark on a tool message is kept with its lifetime', () => {
    const marked = [{ type: 'text', text: 'r', cache_control: { type: 'ephemeral', ttl: '1h' } }];
    const { body } = sent({ messages: history('{}', result('c1', marked)) });
    expect(JSON.stringify(body)).toContain('"cache_control":{"type":"ephemeral","ttl":"1h"}');
  });

  test('reasoning is not demanded for a turn whose thinking the client did not keep', () => {
    const { body } = sent({
      messages: history('{}', result('c1', '18C')),
      reasoning_effort: 'high',
      tools: [tool('w', { type: 'object' })],
      max_tokens: 32_000,
    });
    const assistant = (body.messages as JsonObject[]).find((message) => message.role === 'assistant');
    const first = objectsOf(assistant?.content)[0]?.type;
    const thinking = (body.thinking as JsonObject | undefined)?.type ?? 'disabled';
    expect(
      thinking === 'disabled' || first === 'thinking' || first === 'redacted_thinking' || thinking === 'adaptive',
    ).toBe(true);
  });
});

describe('reasoning', () => {
  const budgetOf = (body: JsonObject) => {
    const thinking = (body.thinking ?? {}) as JsonObject;
    return thinking.type === 'enabled' ? Number(thinking.budget_tokens) : undefined;
  };

  test.each(
    ['minimal', 'low', 'medium', 'high'].flatMap((effort) =>
      [200, 1024, 1500, 5000, 100_000].map((max) => [effort, max] as const),
    ),
  )('effort %s within %d tokens is a budget that the API accepts, or none', (effort, max) => {
    const { body } = sent({ reasoning_effort: effort, max_completion_tokens: max });
    const budget = budgetOf(body);
    if (budget === undefined) return;
    expect(budget).toBeGreaterThanOrEqual(1024);
    expect(budget).toBeLessThan(Number(body.max_tokens));
  });

  test('goes with no forced tool: the API refuses the two together', () => {
    const { body, losses } = sent({
      reasoning_effort: 'high',
      max_tokens: 32_000,
      tools: [tool('w', { type: 'object' })],
      tool_choice: 'required',
    });
    const isForced = ['any', 'tool'].includes(String((body.tool_choice as JsonObject | undefined)?.type));
    expect(isForced && budgetOf(body) !== undefined).toBe(false);
    expect(losses.some((loss) => /^(reasoning|toolChoice)/.test(loss.path))).toBe(true);
  });

  test('goes with no other temperature than the one the API takes then', () => {
    const { body, losses } = sent({ reasoning_effort: 'high', max_tokens: 32_000, temperature: 0.2 });
    const isRefused = budgetOf(body) !== undefined && body.temperature !== undefined && body.temperature !== 1;
    expect(isRefused).toBe(false);
    expect(losses.some((loss) => /^(reasoning|sampling)/.test(loss.path))).toBe(true);
  });
});

describe('messages', () => {
  test('a tool result in the shape of the other dialect is not lost in silence', () => {
    const foreign = { type: 'tool_result', tool_use_id: 't1', content: 'the result' };
    const { body, losses } = sent({
      messages: [USER, { role: 'user', content: [{ type: 'text', text: 'see' }, foreign] }],
    });
    const isReported = losses.some((loss) => loss.path.startsWith('messages[1].parts[1]'));
    expect(JSON.stringify(body).includes('the result') || isReported).toBe(true);
  });

  test('a system message in mid conversation is not moved to the top in silence', () => {
    const roles = ['system', 'user', 'assistant', 'system', 'user'];
    const { body, losses } = sent({ messages: roles.map((role, at) => ({ role, content: `text ${at}` })) });
    const top = JSON.stringify(body.system ?? '');
    expect(top).toContain('text 0');
    const isInPlace = JSON.stringify(body.messages).includes('text 3') && !top.includes('text 3');
    expect(isInPlace || covers(losses, 'messages[3]') || covers(losses, 'messages[3].parts[0]')).toBe(true);
  });

  test('both developer and system messages survive', () => {
    const { body } = sent({
      messages: [{ role: 'developer', content: 'dev' }, { role: 'system', content: 'sys' }, USER],
    });
    expect(JSON.stringify(body.system)).toContain('dev');
    expect(JSON.stringify(body.system)).toContain('sys');
  });

  test('empty texts are not sent: they would be refused', () => {
    const { body } = sent({
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: '' },
            { type: 'text', text: 'Hi' },
          ],
        },
      ],
    });
    expect(blocks(body).filter((block) => block.type === 'text' && block.text === '')).toEqual([]);
  });

  test('a participant name is reported as lost or carried', () => {
    const { body, losses } = sent({ messages: [{ role: 'user', name: 'alice', content: 'Hi' }] });
    expect(JSON.stringify(body).includes('alice') || covers(losses, 'messages[0].name')).toBe(true);
  });

  test('roles alternate', () => {
    const { body } = sent({
      messages: [USER, USER, { role: 'assistant', content: 'a' }, { role: 'assistant', content: 'b' }, USER],
    });
    const roles = (body.messages as JsonObject[]).map((message) => message.role);
    expect(roles.every((role, at) => at === 0 || role !== roles[at - 1])).toBe(true);
  });
});

describe('media', () => {
  const part = (content: JsonObject) => blocks(sent({ messages: [{ role: 'user', content: [content] }] }).body)[0];

  test('an image address stays an address', () => {
    expect(part({ type: 'image_url', image_url: { url: 'https://example.com/a.png' } })).toMatchObject({
      type: 'image',
      source: { type: 'url', url: 'https://example.com/a.png' },
    });
  });

  test('a data address with parameters in its media type is an image all the same', () => {
    expect(
      part({ type: 'image_url', image_url: { url: 'data:image/png;charset=utf-8;base64,iVBORw0KGgo=' } }),
    ).toMatchObject({
      type: 'image',
      source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
    });
  });

  test('a PDF is a document', () => {
    const file = { filename: 'a b.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' };
    expect(part({ type: 'file', file })).toMatchObject({
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    });
  });

  test('audio cannot be sent, and that is reported', () => {
    const audio = { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } };
    const { losses } = sent({ messages: [{ role: 'user', content: [{ type: 'text', text: 'hear' }, audio] }] });
    expect(covers(losses, 'messages[0].parts[1]')).toBe(true);
  });
});

describe('structured output', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  };
  const format = { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } };

  test('a schema goes native, and real tools stay what they are', () => {
    const { body } = sent({
      response_format: format,
      tools: [tool('get_current_weather', { type: 'object' })],
      tool_choice: 'required',
    });
    expect(body.output_config).toMatchObject({ format: { type: 'json_schema', schema } });
    expect((body.tools as JsonObject[]).map((one) => one.name)).toEqual(['get_current_weather']);
    expect(body.tool_choice).toEqual({ type: 'any' });
  });

  test('a schema beside reasoning forces no tool', () => {
    const { body } = sent({ response_format: format, reasoning_effort: 'high', max_tokens: 32_000 });
    expect(body).not.toHaveProperty('tool_choice');
    expect(body.output_config).toMatchObject({ format: { type: 'json_schema' } });
  });

  test('the format text asks for nothing', () => {
    const { body } = sent({ response_format: { type: 'text' } });
    expect(body).not.toHaveProperty('output_config');
  });
});
