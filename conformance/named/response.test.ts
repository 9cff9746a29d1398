/** Whole responses, and proofs over two turns. */
import { describe, expect, test } from 'bun:test';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { dialects, objectsOf, translateRequest, translateResponse } from '../trip.ts';

const chat = dialects['openai-chat'];
const messages = dialects['anthropic-messages'];

function message(content: JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 500, cache_read_input_tokens: 10000, cache_creation_input_tokens: 0, output_tokens: 200 },
    ...fields,
  };
}

function firstChoice(body: JsonObject): JsonObject & { message: JsonObject } {
  return (body.choices as (JsonObject & { message: JsonObject })[])[0] ?? { message: {} };
}

describe('usage', () => {
  test('cached input counts into prompt_tokens and the total', () => {
    expect(translateResponse(messages, chat, message([{ type: 'text', text: 'Hi' }])).body.usage).toMatchObject({
      prompt_tokens: 10500,
      completion_tokens: 200,
      total_tokens: 10700,
      prompt_tokens_details: { cached_tokens: 10000 },
    });
  });

  test('and is taken out again on the way back', () => {
    const { body } = translateResponse(messages, chat, message([{ type: 'text', text: 'Hi' }]));
    expect(translateResponse(chat, messages, body).body.usage).toMatchObject({
      input_tokens: 500,
      cache_read_input_tokens: 10000,
      output_tokens: 200,
    });
  });

  test('written cache is input too', () => {
    const usage = {
      input_tokens: 3,
      cache_creation_input_tokens: 12304,
      cache_read_input_tokens: 0,
      output_tokens: 550,
    };
    const read = messages.readResponse(message([{ type: 'text', text: 'Hi' }], { usage }), { quirks: {} }).usage;
    expect(read).toMatchObject({ inputTokens: 12307, cacheWriteTokens: 12304, outputTokens: 550 });
  });
});

test('a schema answer is content that ends with stop; a real call stays a call', () => {
  const { body } = translateResponse(
    messages,
    chat,
    message([{ type: 'tool_use', id: 'toolu_1', name: 'get_current_weather', input: { a: 1 } }], {
      stop_reason: 'tool_use',
    }),
  );
  const choice = firstChoice(body);
  expect(choice.finish_reason).toBe('tool_calls');
  expect((choice.message.tool_calls as JsonObject[])[0]).toMatchObject({
    id: 'toolu_1',
    type: 'function',
    function: { name: 'get_current_weather', arguments: '{"a":1}' },
  });
});

describe('a search the provider ran', () => {
  const { body, losses } = translateResponse(
    messages,
    chat,
    message([
      { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
      { type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [] },
      { type: 'text', text: 'Found' },
    ]),
  );

  test('is no call for the client', () => {
    expect(firstChoice(body).message.tool_calls).toBeUndefined();
    expect(firstChoice(body).message.content).toBe('Found');
  });

  test('is reported as lost', () => {
    expect(losses.length).toBeGreaterThan(0);
  });
});

describe('proofs over two turns through a chat client', () => {
  const SIGNATURE = 'EqQBCkYIBxgCKkBzaWduYXR1cmUtb2YtdGhpcy10aGlua2luZw==';
  const proofs: [string, JsonObject][] = [
    ['a signed thinking block', { type: 'thinking', thinking: 'let me see', signature: SIGNATURE }],
    ['a signed block with empty text', { type: 'thinking', thinking: '', signature: SIGNATURE }],
    ['a redacted block', { type: 'redacted_thinking', data: 'ZW5jcnlwdGVk' }],
  ];

  test.each(proofs)('%s goes back as it came, before the tool call', (_name, proof) => {
    const call = { type: 'tool_use', id: 'toolu_1', name: 'w', input: {} };
    const { body } = translateResponse(messages, chat, message([proof, call], { stop_reason: 'tool_use' }));
    const next = translateRequest(chat, messages, {
      model: 'm',
      reasoning_effort: 'high',
      max_tokens: 32_000,
      messages: [
        { role: 'user', content: 'weather?' },
        firstChoice(body).message,
        { role: 'tool', tool_call_id: 'toolu_1', content: '18C' },
      ],
    });
    const assistant = (next.body.messages as JsonObject[]).find((one) => one.role === 'assistant');
    expect(objectsOf(assistant?.content)[0]).toEqual(proof);
    expect(objectsOf(assistant?.content)[1]).toMatchObject({ type: 'tool_use', id: 'toolu_1' });
  });
});

test('two texts with no other content between them are one answer', () => {
  const { body } = translateResponse(
    messages,
    chat,
    message([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
    ]),
  );
  expect(firstChoice(body).message.content).toBe('ab');
});

test('a refusal is not a plain stop in silence', () => {
  const { body, losses } = translateResponse(messages, chat, message([], { stop_reason: 'refusal' }));
  expect(firstChoice(body).finish_reason !== 'stop' || losses.length > 0).toBe(true);
});
