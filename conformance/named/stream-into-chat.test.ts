/** Messages API streams as a client of chat completions sees them. */
import { describe, expect, test } from 'bun:test';
import type { Json, JsonObject } from '@turnpike/wire/json/value.ts';
import { dialects, sseOf, translateStream } from '../trip.ts';

const chat = dialects['openai-chat'];
const messages = dialects['anthropic-messages'];

const START: JsonObject = {
  type: 'message_start',
  message: {
    id: 'msg_abc',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 500, cache_read_input_tokens: 10000, cache_creation_input_tokens: 0, output_tokens: 1 },
  },
};

function block(index: number, start: JsonObject, ...deltas: JsonObject[]): JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block: start },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function ending(reason: string): JsonObject[] {
  return [
    { type: 'message_delta', delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 200 } },
    { type: 'message_stop' },
  ];
}

const HELLO = block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'Hello' });

function choicesOf(events: readonly JsonObject[]): JsonObject[] {
  return events.flatMap((event) => event.choices as JsonObject[]);
}

function contentOf(events: readonly JsonObject[]): string {
  return choicesOf(events)
    .map((choice) => (choice.delta as JsonObject).content ?? '')
    .join('');
}

function finishesOf(events: readonly JsonObject[]): Json[] {
  return choicesOf(events).flatMap((choice) => (choice.finish_reason ? [choice.finish_reason] : []));
}

describe('a plain text stream', () => {
  const { events, text } = translateStream(messages, chat, [START, ...HELLO, ...ending('end_turn')]);

  test('carries the message id in every chunk', () => {
    expect(new Set(events.map((event) => event.id))).toEqual(new Set(['msg_abc']));
  });

  test('has whole chunks: object, created, model, and an index in each choice', () => {
    for (const event of events) expect(event).toMatchObject({ object: 'chat.completion.chunk', model: 'm' });
    for (const choice of choicesOf(events)) expect(choice.index).toBe(0);
  });

  test('finishes once and ends with [DONE]', () => {
    expect(finishesOf(events)).toEqual(['stop']);
    expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  test('reports usage once, cached input included in prompt_tokens', () => {
    const reports = events.flatMap((event) => (event.usage ? [event.usage] : []));
    expect(reports).toHaveLength(1);
    expect(reports[0]).toMatchObject({
      prompt_tokens: 10500,
      completion_tokens: 200,
      total_tokens: 10700,
      prompt_tokens_details: { cached_tokens: 10000 },
    });
  });
});

test('no usage for a client that did not ask', () => {
  const { events } = translateStream(messages, chat, [START, ...HELLO, ...ending('end_turn')], { streamUsage: false });
  expect(events.every((event) => !event.usage)).toBe(true);
});

test('unknown events and comments do not cut the answer short', () => {
  const noisy = sseOf(messages, [START, ...HELLO]).replace(
    'event: content_block_stop',
    ': a comment\n\nevent: vendor_note\ndata: {"type":"vendor_note","note":"hi"}\n\nevent: content_block_stop',
  );
  const { events, text } = translateStream(messages, chat, noisy + sseOf(messages, ending('end_turn')));
  expect(contentOf(events)).toBe('Hello');
  expect(text).toContain('[DONE]');
});

test('signature and block starts make no empty chunks', () => {
  const thinking = block(
    0,
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'thinking_delta', thinking: 'hm' },
    { type: 'signature_delta', signature: 'c2lnbmF0dXJl' },
  );
  const answer = block(1, { type: 'text', text: '' }, { type: 'text_delta', text: 'Hello' });
  const { events } = translateStream(messages, chat, [START, ...thinking, ...answer, ...ending('end_turn')]);
  const empty = choicesOf(events).filter(
    (choice) => Object.keys(choice.delta as JsonObject).length === 0 && !choice.finish_reason,
  );
  expect(empty).toEqual([]);
  expect(contentOf(events)).toBe('Hello');
});

test('tools the provider ran are not calls for the client', () => {
  const search = block(
    0,
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: {} },
    { type: 'input_json_delta', partial_json: '{"query":"q"}' },
  );
  const found = block(1, {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: [{ type: 'web_search_result', url: 'https://example.com', title: 't', encrypted_content: 'x' }],
  });
  const answer = block(2, { type: 'text', text: '' }, { type: 'text_delta', text: 'Found' });
  const { events, losses } = translateStream(messages, chat, [
    START,
    ...search,
    ...found,
    ...answer,
    ...ending('end_turn'),
  ]);
  expect(choicesOf(events).some((choice) => 'tool_calls' in (choice.delta as JsonObject))).toBe(false);
  expect(contentOf(events)).toBe('Found');
  expect(losses.length).toBeGreaterThan(0);
});

test('parallel calls have indexes 0 and 1 and their own ids', () => {
  const calls = ['a', 'b'].flatMap((id, index) =>
    block(
      index,
      { type: 'tool_use', id: `toolu_${id}`, name: 'f', input: {} },
      { type: 'input_json_delta', partial_json: `{"n":${index}}` },
    ),
  );
  const { events } = translateStream(messages, chat, [START, ...calls, ...ending('tool_use')]);
  const pieces = choicesOf(events).flatMap((choice) => ((choice.delta as JsonObject).tool_calls ?? []) as JsonObject[]);
  const args = (index: number) =>
    pieces
      .filter((piece) => piece.index === index)
      .map((piece) => (piece.function as JsonObject).arguments ?? '')
      .join('');
  expect([args(0), args(1)]).toEqual(['{"n":0}', '{"n":1}']);
  expect(pieces.flatMap((piece) => (piece.id ? [piece.id] : []))).toEqual(['toolu_a', 'toolu_b']);
  expect(finishesOf(events)).toEqual(['tool_calls']);
});

test('an error inside the stream is an error for the client, not a finish', () => {
  const { events, text } = translateStream(messages, chat, [
    START,
    ...HELLO,
    { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } },
  ]);
  const failure = events.find((event) => event.error !== undefined);
  expect((failure?.error as JsonObject | undefined)?.message).toContain('Overloaded');
  expect(choicesOf(events.filter((event) => event.choices)).some((choice) => choice.finish_reason)).toBe(false);
  expect(text).not.toContain('[DONE]');
});
