/** Chat completion streams as a client of the Messages API sees them. */
import { describe, expect, test } from 'bun:test';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { dialects, translateStream } from '../trip.ts';

const chat = dialects['openai-chat'];
const messages = dialects['anthropic-messages'];

function chunk(delta: JsonObject, finish: string | null = null): JsonObject {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  };
}

function call(index: number, fields: JsonObject, fn: JsonObject): JsonObject {
  return { tool_calls: [{ index, ...fields, function: fn }] };
}

/** `type index detail` of each event, pings left out. */
function story(events: readonly JsonObject[]): string[] {
  return events.flatMap((event) => {
    const delta = (event.delta ?? {}) as JsonObject;
    const block = (event.content_block ?? {}) as JsonObject;
    switch (event.type) {
      case 'ping':
        return [];
      case 'content_block_start':
        return [`start ${event.index} ${block.type}`];
      case 'content_block_delta':
        return [
          `delta ${event.index} ${delta.type} ${delta.text ?? delta.thinking ?? delta.partial_json ?? ''}`.trim(),
        ];
      case 'content_block_stop':
        return [`stop ${event.index}`];
      case 'message_delta':
        return [`message_delta ${delta.stop_reason}`];
      default:
        return [String(event.type)];
    }
  });
}

function seen(chunks: readonly JsonObject[]): JsonObject[] {
  return translateStream(chat, messages, chunks).events;
}

describe('a tool call whose name and arguments come in one chunk', () => {
  const events = seen([
    chunk({
      role: 'assistant',
      ...call(0, { id: 'call_1', type: 'function' }, { name: 'get_weather', arguments: '{"city":"Paris"}' }),
    }),
    chunk({}, 'tool_calls'),
  ]);

  test('keeps its arguments, and no empty text block stands before it', () => {
    expect(story(events)).toEqual([
      'message_start',
      'start 0 tool_use',
      'delta 0 input_json_delta {"city":"Paris"}',
      'stop 0',
      'message_delta tool_use',
      'message_stop',
    ]);
    const block = events.find((event) => event.type === 'content_block_start')?.content_block;
    expect(block).toMatchObject({ type: 'tool_use', id: 'call_1', name: 'get_weather', input: {} });
  });
});

test('reasoning then text: one message_start, two blocks, in this order', () => {
  expect(
    story(seen([chunk({ reasoning_content: 'think' }), chunk({ content: 'Hi' }), chunk({}, 'stop')])).filter(
      (line) => !line.includes('signature_delta'),
    ),
  ).toEqual([
    'message_start',
    'start 0 thinking',
    'delta 0 thinking_delta think',
    'stop 0',
    'start 1 text',
    'delta 1 text_delta Hi',
    'stop 1',
    'message_delta end_turn',
    'message_stop',
  ]);
});

test('reasoning and text in one chunk: both arrive, reasoning first', () => {
  const lines = story(seen([chunk({ reasoning_content: 'r', content: 't' }), chunk({}, 'stop')]));
  expect(lines.indexOf('delta 0 thinking_delta r')).toBeGreaterThan(0);
  expect(lines.indexOf('delta 1 text_delta t')).toBeGreaterThan(lines.indexOf('delta 0 thinking_delta r'));
});

test('parallel tool calls that interleave: one block each, arguments unmixed, blocks not overlapping', () => {
  const lines = story(
    seen([
      chunk(call(0, { id: 'a', type: 'function' }, { name: 'f', arguments: '' })),
      chunk(call(1, { id: 'b', type: 'function' }, { name: 'g', arguments: '' })),
      chunk(call(0, {}, { arguments: '{"x":' })),
      chunk(call(1, {}, { arguments: '{"y":' })),
      chunk(call(0, {}, { arguments: '1}' })),
      chunk(call(1, {}, { arguments: '2}' })),
      chunk({}, 'tool_calls'),
    ]),
  );
  const argumentsOf = (index: number) =>
    lines
      .filter((line) => line.startsWith(`delta ${index} input_json_delta`))
      .map((line) => line.replace(`delta ${index} input_json_delta`, '').trim())
      .join('');
  expect([argumentsOf(0), argumentsOf(1)]).toEqual(['{"x":1}', '{"y":2}']);
  const frame = lines.filter((line) => /^(start|stop)/.test(line));
  expect(frame).toEqual(['start 0 tool_use', 'stop 0', 'start 1 tool_use', 'stop 1']);
  expect(lines.at(-2)).toBe('message_delta tool_use');
});

test('usage that comes after the finish stands in the one message_delta', () => {
  const events = seen([
    chunk({ content: 'Hi' }),
    chunk({}, 'stop'),
    { ...chunk({}), choices: [], usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 } },
  ]);
  const deltas = events.filter((event) => event.type === 'message_delta');
  expect(deltas).toHaveLength(1);
  expect(deltas[0]).toMatchObject({
    delta: { stop_reason: 'end_turn' },
    usage: { input_tokens: 10, output_tokens: 5 },
  });
});

test('usage in a chunk that has choices is taken as well', () => {
  const events = seen([
    chunk({ content: 'Hi' }),
    { ...chunk({}, 'stop'), usage: { prompt_tokens: 16111, completion_tokens: 7, total_tokens: 16118 } },
  ]);
  expect(events.find((event) => event.type === 'message_delta')).toMatchObject({
    usage: { input_tokens: 16111, output_tokens: 7 },
  });
});

test('cached input is taken out of input_tokens', () => {
  const usage = {
    prompt_tokens: 10500,
    completion_tokens: 200,
    total_tokens: 10700,
    prompt_tokens_details: { cached_tokens: 10000 },
  };
  const events = seen([chunk({ content: 'Hi' }), chunk({}, 'stop'), { ...chunk({}), choices: [], usage }]);
  expect(events.find((event) => event.type === 'message_delta')).toMatchObject({
    usage: { input_tokens: 500, cache_read_input_tokens: 10000, output_tokens: 200 },
  });
});

test('a tool block starts as soon as its name is known, before any argument', () => {
  const lines = story(
    translateStream(
      chat,
      messages,
      `data: ${JSON.stringify(chunk(call(0, { id: 'a', type: 'function' }, { name: 'f', arguments: '' })))}\n\n`,
    ).events,
  );
  expect(lines).toContain('start 0 tool_use');
});

test('a call without arguments is a call with none', () => {
  const events = seen([
    chunk(call(0, { id: 'a', type: 'function' }, { name: 'f', arguments: '' })),
    chunk({}, 'tool_calls'),
  ]);
  const json = events
    .filter((event) => event.type === 'content_block_delta')
    .map((event) => (event.delta as JsonObject).partial_json ?? '')
    .join('');
  expect(['', '{}']).toContain(json);
  expect(story(events).filter((line) => line.startsWith('start'))).toEqual(['start 0 tool_use']);
});

test('a stream that was cut does not end like a whole one', () => {
  const { events, text } = translateStream(chat, messages, `data: ${JSON.stringify(chunk({ content: 'Hi' }))}\n\n`);
  expect(story(events)).not.toContain('message_stop');
  expect(text).toContain('event: error');
});
