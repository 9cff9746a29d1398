/** Messages API requests as chat completions receive them. */
import { describe, expect, test } from 'bun:test';
import { covers } from '@turnpike/wire/canon/loss.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { bytesOf, dialects, objectsOf, readStream, sseOf, translateRequest, writeStream } from '../trip.ts';

const chat = dialects['openai-chat'];
const messages = dialects['anthropic-messages'];

function sent(fields: JsonObject) {
  return translateRequest(messages, chat, {
    model: 'm',
    max_tokens: 100,
    messages: [{ role: 'user', content: 'Hi' }],
    ...fields,
  });
}

const LONG = `computer_tool_with_a_very_long_name_${'x'.repeat(54)}`;

describe('a tool name of more than 64 characters', () => {
  const tools = [LONG, `${LONG}y`].map((name) => ({ name, input_schema: { type: 'object' } }));
  const written = sent({
    tools,
    tool_choice: { type: 'tool', name: LONG },
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: LONG, input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'ok' }] },
    ],
  });
  const names = (written.body.tools as JsonObject[]).map((tool) => String((tool.function as JsonObject).name));

  test('is shortened to what is allowed, one for one', () => {
    for (const name of names) expect(name).toMatch(/^[a-zA-Z0-9_-]{1,64}$/);
    expect(new Set(names).size).toBe(2);
  });

  test('is the same in the choice and in history', () => {
    expect(written.body.tool_choice).toEqual({ type: 'function', function: { name: names[0] } });
    const calls = (written.body.messages as JsonObject[]).flatMap(
      (message) => (message.tool_calls ?? []) as JsonObject[],
    );
    expect(calls.map((call) => (call.function as JsonObject).name)).toEqual([names[0]]);
  });

  test('is the same the next time', () => {
    expect(sent({ tools }).toolNames).toEqual(written.toolNames);
  });

  const call = { id: 'c', type: 'function', function: { name: names[1], arguments: '{}' } };

  test('is restored in a response', () => {
    const body = {
      id: 'r',
      object: 'chat.completion',
      created: 1,
      model: 'm',
      choices: [
        { index: 0, message: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: 'tool_calls' },
      ],
    };
    const read = chat.readResponse(body, { quirks: {}, toolNames: written.toolNames });
    expect(read.choices[0]?.parts).toContainEqual(expect.objectContaining({ type: 'tool-call', name: `${LONG}y` }));
  });

  test('is restored in a stream', () => {
    const chunk = {
      id: 'r',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'm',
      choices: [{ index: 0, delta: { role: 'assistant', tool_calls: [{ index: 0, ...call }] }, finish_reason: null }],
    };
    const { text } = writeStream(messages, readStream(chat, [bytesOf(sseOf(chat, [chunk]))], written.toolNames));
    expect(text).toContain(`"name":"${LONG}y"`);
  });
});

test('every tool call id meets what chat completions accept, and result and call agree', () => {
  const id = `toolu_${'a'.repeat(400)}`;
  const { body } = sent({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id, name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content: 'ok' }] },
    ],
  });
  const list = body.messages as JsonObject[];
  const call = list.flatMap((message) => (message.tool_calls ?? []) as JsonObject[])[0];
  const result = list.find((message) => message.role === 'tool');
  expect(result?.tool_call_id).toBe(call?.id);
  expect(String(call?.id)).toMatch(/^[a-zA-Z0-9_-]{1,40}$/);
});

test('tool results become tool messages before the text of the same turn', () => {
  const { body } = sent({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'f', input: { a: 1 } }] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't1', content: 'ok' },
          { type: 'text', text: 'go on' },
        ],
      },
    ],
  });
  const tail = (body.messages as JsonObject[]).slice(-2);
  expect(tail.map((message) => message.role)).toEqual(['tool', 'user']);
  expect(tail[0]).toMatchObject({ tool_call_id: 't1' });
});

test('an image in a tool result is not lost: it is sent, or its loss is reported', () => {
  const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' };
  const { body, losses } = sent({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'f', input: {} }] },
      {
        role: 'user',
        content: [
          {
            type: 'tool_result',
            tool_use_id: 't1',
            content: [
              { type: 'text', text: 'shot' },
              { type: 'image', source },
            ],
          },
        ],
      },
    ],
  });
  expect(JSON.stringify(body)).toContain('shot');
  const isSent = JSON.stringify(body).includes('iVBORw0KGgo=');
  expect(isSent || covers(losses, 'messages[2].parts[0].content[1]')).toBe(true);
});

test('a failed tool is not reported as a success in silence', () => {
  const { body, losses } = sent({
    messages: [
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't1', content: 'boom', is_error: true }] },
    ],
  });
  expect(JSON.stringify(body)).toContain('boom');
  expect(covers(losses, 'messages[2].parts[0].isError')).toBe(true);
});

test('stop sequences and top_k are carried or reported', () => {
  const { body, losses } = sent({ stop_sequences: ['A', 'B'], top_k: 40 });
  expect(body.stop).toEqual(['A', 'B']);
  expect(body.top_k === 40 || covers(losses, 'sampling.topK')).toBe(true);
});

test('a thinking budget asks for reasoning, and saying it otherwise is reported', () => {
  const { body, losses } = sent({ max_tokens: 20_000, thinking: { type: 'enabled', budget_tokens: 12_000 } });
  expect(typeof body.reasoning_effort).toBe('string');
  expect(covers(losses, 'reasoning.budgetTokens')).toBe(true);
});

test('fields of the Messages API without counterpart are each reported', () => {
  const { losses } = sent({
    context_management: { edits: [] },
    container: 'c',
    system: [{ type: 'text', text: 's', cache_control: { type: 'ephemeral' } }],
  });
  for (const path of [
    'residue.anthropic-messages.context_management',
    'residue.anthropic-messages.container',
    'messages[0].parts[0].cacheMark',
  ]) {
    expect({ path, isCovered: covers(losses, path) }).toEqual({ path, isCovered: true });
  }
});

test('a schema is asked for natively', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string' } },
    required: ['a'],
    additionalProperties: false,
  };
  const { body } = sent({ output_config: { format: { type: 'json_schema', schema } } });
  expect(body.response_format).toMatchObject({ type: 'json_schema', json_schema: { schema } });
});

test('disable_parallel_tool_use is said', () => {
  const { body } = sent({
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
  });
  expect(body.parallel_tool_calls).toBe(false);
});

test('a PDF is sent as a file', () => {
  const source = { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' };
  const { body } = sent({ messages: [{ role: 'user', content: [{ type: 'document', source, title: 'a.pdf' }] }] });
  const part = objectsOf(objectsOf(body.messages)[0]?.content)[0];
  expect(part).toMatchObject({ type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=' } });
});

test('a cache mark on the whole request is reported', () => {
  const { losses } = sent({ cache_control: { type: 'ephemeral' } });
  expect(covers(losses, 'cacheMark')).toBe(true);
});
