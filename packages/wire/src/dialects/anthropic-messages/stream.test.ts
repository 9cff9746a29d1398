import { describe, expect, test } from 'bun:test';
import type { StreamEvent } from '../../canon/stream.ts';
import { Fault } from '../../fault.ts';
import type { JsonObject } from '../../json/value.ts';
import { anthropicMessages } from './index.ts';
import { expectSame, folded, READ, readStream, sseOf, WRITE, wireValues, writeStream } from './trip.test-support.ts';

const START: StreamEvent = { type: 'response-start', id: 'chat-1', model: 'm' };
const CALL = { type: 'tool-call', id: 'call_1', name: 'f', argumentsJson: '', ranBy: 'client' } as const;

function start(part: number, value: Extract<StreamEvent, { type: 'part-start' }>['value']): StreamEvent {
  return { type: 'part-start', choice: 0, part, value };
}
function grow(part: number, delta: Extract<StreamEvent, { type: 'part-delta' }>['delta']): StreamEvent {
  return { type: 'part-delta', choice: 0, part, delta };
}
function end(part: number): StreamEvent {
  return { type: 'part-end', choice: 0, part };
}
function finish(unified: 'stop' | 'tool-calls', raw: string): StreamEvent {
  return { type: 'choice-end', choice: 0, finish: { unified, raw } };
}
function args(argumentsJson: string) {
  return { type: 'arguments', argumentsJson } as const;
}

/** What the client is told, each event in a few words. */
function told(events: StreamEvent[]): string[] {
  return wireValues(new TextDecoder().decode(writeStream(events))).map(brief);
}

function brief(event: JsonObject): string {
  const { type, index, content_block: block, delta } = event as Record<string, JsonObject>;
  if (block) return `start ${index} ${block.type}${block.name ? ` ${block.name} ${JSON.stringify(block.input)}` : ''}`;
  if (type === ('content_block_stop' as never)) return `stop ${index}`;
  if (type === ('message_delta' as never)) return `end ${delta?.stop_reason} ${JSON.stringify(event.usage)}`;
  const said = delta?.text ?? delta?.thinking ?? delta?.partial_json ?? delta?.signature;
  return delta ? `${delta.type} ${index} ${said}` : String(type);
}

const NO_USAGE = '{"input_tokens":0,"output_tokens":0}';

describe('what a client is told of a foreign stream', () => {
  test('T1, T2: a call in one piece gets its arguments, and no empty text before it', () => {
    const events = [
      START,
      start(0, { type: 'text', text: '' }),
      start(1, CALL),
      grow(1, args('{"city":"Paris"}')),
      end(1),
      end(0),
    ];
    expect(told([...events, finish('tool-calls', 'tool_calls'), { type: 'response-end' }])).toEqual([
      'message_start',
      'start 0 tool_use f {}',
      'input_json_delta 0 {"city":"Paris"}',
      'stop 0',
      `end tool_use ${NO_USAGE}`,
      'message_stop',
    ]);
  });

  test('T3: reasoning, then text: one start, two blocks', () => {
    const thinking = [start(0, { type: 'reasoning', text: '' }), grow(0, { type: 'text', text: 'think' }), end(0)];
    const text = [start(1, { type: 'text', text: '' }), grow(1, { type: 'text', text: 'Hi' }), end(1)];
    expect(told([START, ...thinking, ...text, finish('stop', 'stop'), { type: 'response-end' }])).toEqual([
      'message_start',
      'start 0 thinking',
      'thinking_delta 0 think',
      'stop 0',
      'start 1 text',
      'text_delta 1 Hi',
      'stop 1',
      `end end_turn ${NO_USAGE}`,
      'message_stop',
    ]);
  });

  test('T4: interleaved parallel calls become two blocks, one after the other', () => {
    const second = { ...CALL, id: 'call_2', name: 'g' };
    const events = [
      START,
      start(0, CALL),
      start(1, second),
      grow(0, args('{"x"')),
      grow(1, args('{"y":2}')),
      grow(0, args(':1}')),
    ];
    expect(told([...events, end(0), end(1), finish('tool-calls', 'tool_calls'), { type: 'response-end' }])).toEqual([
      'message_start',
      'start 0 tool_use f {}',
      'input_json_delta 0 {"x"',
      'input_json_delta 0 :1}',
      'stop 0',
      'start 1 tool_use g {}',
      'input_json_delta 1 {"y":2}',
      'stop 1',
      `end tool_use ${NO_USAGE}`,
      'message_stop',
    ]);
  });

  test('T5: usage after the finish still stands in the one message_delta', () => {
    const usage: StreamEvent = { type: 'usage', usage: { inputTokens: 10, cacheReadTokens: 4, outputTokens: 5 } };
    expect(told([START, finish('stop', 'stop'), usage, { type: 'response-end' }])).toEqual([
      'message_start',
      'end end_turn {"input_tokens":6,"output_tokens":5,"cache_read_input_tokens":4}',
      'message_stop',
    ]);
  });

  test('T8: a call and a thought show themselves as soon as they start', () => {
    for (const [value, shown] of [
      [CALL, 'tool_use'],
      [{ type: 'reasoning', text: '' }, 'thinking'],
    ] as const) {
      const writer = anthropicMessages.streamWriter(WRITE);
      const text = writer.write(START) + writer.write(start(0, value));
      expect(text).toContain(`"content_block":{"type":"${shown}"`);
    }
  });

  test('calls without a word for it end in tool_use all the same', () => {
    expect(told([START, start(0, CALL), end(0), finish('stop', 'stop'), { type: 'response-end' }])).toContain(
      `end tool_use ${NO_USAGE}`,
    );
  });

  test('free-text input is JSON for the client, however it is cut', () => {
    const custom = { ...CALL, input: 'custom', argumentsJson: 'a"' } as const;
    const events = [
      START,
      start(0, custom),
      grow(0, args('\n\ud83d')),
      grow(0, args('\ude00')),
      end(0),
      { type: 'response-end' } as const,
    ];
    const [part] = folded(readStream(writeStream(events))).choices[0]?.parts ?? [];
    expect(JSON.parse(part?.type === 'tool-call' ? part.argumentsJson : '')).toEqual({ input: 'a"\n😀' });
  });

  test('a fault ends the stream without a false end', () => {
    const fault = new Fault('upstream_overloaded', { message: 'Overloaded' });
    const open = [START, start(0, { type: 'text', text: 'a' }), { type: 'fault', fault } as const];
    expect(told([...open, { type: 'response-end' }])).toEqual([
      'message_start',
      'start 0 text',
      'text_delta 0 a',
      'error',
    ]);
    const text = new TextDecoder().decode(writeStream([{ type: 'fault', fault }]));
    expect(wireValues(text)).toEqual([{ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }]);
  });

  test('what a message cannot hold is reported once', () => {
    const writer = anthropicMessages.streamWriter(WRITE);
    const media = { type: 'media', kind: 'audio', source: { type: 'base64', data: '' } } as const;
    const other = { choice: 1, part: 0 } as const;
    for (const event of [
      START,
      start(0, media),
      grow(0, { type: 'media', data: 'AA==' }),
      end(0),
      { type: 'part-start', ...other, value: { type: 'text', text: 'b' } },
      { type: 'part-end', ...other },
      { type: 'logprobs', choice: 0, value: {} },
      { type: 'logprobs', choice: 0, value: {} },
    ] satisfies StreamEvent[]) {
      writer.write(event);
    }
    expect(writer.losses.map((loss) => loss.path)).toEqual([
      'choices[0].parts[0]',
      'choices[1]',
      'choices[0].logprobs',
    ]);
  });
});

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  content: [],
  stop_reason: null,
  stop_sequence: null,
};
const OPEN = {
  type: 'message_start',
  message: { ...MESSAGE, usage: { input_tokens: 500, cache_read_input_tokens: 10_000, output_tokens: 1 } },
};
const CLOSE = [
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 200 } },
  { type: 'message_stop' },
];

function block(index: number, content: JsonObject, ...deltas: JsonObject[]): JsonObject[] {
  return [
    { type: 'content_block_start', index, content_block: content },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ];
}

function parts(...events: JsonObject[]) {
  return folded(readStream(sseOf([OPEN, ...events, ...CLOSE]))).choices[0]?.parts;
}

describe('what is read of a stream', () => {
  test('T30: usage of start and end together, all input counted', () => {
    const { usage } = folded(readStream(sseOf([OPEN, ...CLOSE])));
    expect(usage).toMatchObject({ inputTokens: 10_500, cacheReadTokens: 10_000, outputTokens: 200 });
  });

  test('calls: pieces joined, no pieces, or all in the start', () => {
    const call = { type: 'tool_use', id: 't', name: 'f', input: {} };
    const piece = (text: string) => ({ type: 'input_json_delta', partial_json: text });
    const read = parts(
      ...block(0, call, piece(''), piece('{"a":'), piece(' 1}')),
      ...block(1, call, piece('')),
      ...block(2, { ...call, input: { a: 2 } }),
    );
    expect(read).toMatchObject([{ argumentsJson: '{"a": 1}' }, { argumentsJson: '{}' }, { argumentsJson: '{"a":2}' }]);
  });

  test('T7: a tool the provider ran is no call of the client', () => {
    const read = parts(
      ...block(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      ...block(1, {
        type: 'web_search_tool_result',
        tool_use_id: 's',
        content: [{ type: 'web_search_result', url: 'u' }],
      }),
    );
    expect(read).toMatchObject([
      { type: 'tool-call', ranBy: 'provider', name: 'web_search' },
      { type: 'tool-result', ranBy: 'provider', callId: 's', content: [{ type: 'opaque' }] },
    ]);
  });

  test('a block of unknown kind is gathered from its deltas', () => {
    const read = parts(
      ...block(
        0,
        { type: 'smell', notes: '' },
        { type: 'smell_delta', notes: 'o' },
        { type: 'smell_delta', notes: 'ak', x: 1 },
      ),
      ...block(1, { type: 'compaction', content: null }, { type: 'compaction_delta', content: 'So far' }),
    );
    expect(read).toMatchObject([
      { type: 'opaque', value: { type: 'smell', notes: 'oak', x: 1 } },
      { type: 'opaque', value: { type: 'compaction', content: 'So far' } },
    ]);
  });

  test('unknown events, deltas and fields are carried to a client of this dialect', () => {
    const events = [
      { ...OPEN, extra: 1 },
      { type: 'weather', sky: 'blue' },
      { type: 'ping' },
      ...block(
        0,
        { type: 'text', text: '' },
        { type: 'text_delta', text: 'a', tone: 'dry' },
        { type: 'glow_delta', hue: 5 },
      ),
      { ...CLOSE[0], context_management: { applied_edits: [] } },
      { type: 'message_stop', metrics: { ms: 3 } },
    ];
    const written = new TextDecoder().decode(writeStream(readStream(sseOf(events))));
    for (const piece of [
      '"extra":1',
      '"sky":"blue"',
      '"ping"',
      '"tone":"dry"',
      '"hue":5',
      '"applied_edits"',
      '"ms":3',
    ]) {
      expect(written).toContain(piece);
    }
    expectSame(folded(readStream(new TextEncoder().encode(written))), folded(readStream(sseOf(events))));
  });

  test('an error event is a fault with its own words; nothing follows', () => {
    const events = readStream(
      sseOf([OPEN, { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' }, request_id: 'req_1' }]),
    );
    const last = events.at(-1);
    expect(last).toMatchObject({
      type: 'fault',
      fault: { code: 'upstream_overloaded', upstream: { message: 'Overloaded', requestId: 'req_1' } },
    });
    expect(events.filter((event) => event.type === 'fault')).toHaveLength(1);
  });

  test('a stream that stops without its end was cut, even after a reason to stop', () => {
    for (const events of [[], [OPEN], [OPEN, CLOSE[0] as JsonObject]]) {
      expect(readStream(sseOf(events)).at(-1)).toMatchObject({ type: 'fault', fault: { code: 'upstream_cut_short' } });
    }
  });

  test('what is no JSON is garbled; foreign end marks and unnamed events are understood', () => {
    const reader = anthropicMessages.streamReader(READ);
    expect(() => reader.read({ data: '{"type":' })).toThrow(Fault);
    expect(reader.read({ event: 'data', data: '[DONE]' })).toEqual([]);
    expect(reader.read({ event: 'error', data: '{"error":{"message":"no","status":"INTERNAL"}}' })).toMatchObject([
      { type: 'fault', fault: { upstream: { message: 'no' } } },
    ]);
  });
});

describe('a tap', () => {
  const stream = sseOf([
    OPEN,
    { type: 'ping' },
    ...block(0, { type: 'text', text: '' }, { type: 'text_delta', text: 'event: error' }),
    ...CLOSE,
  ]);
  const unnamed = new TextEncoder().encode(
    new TextDecoder()
      .decode(stream)
      .replaceAll(/^event: .*\n/gm, '')
      .replaceAll('\n', '\r\n'),
  );

  for (const [name, bytes] of Object.entries({ stream, unnamed })) {
    test(`sees the same at any cut (${name})`, () => {
      for (let size = 1; size <= bytes.length; size += 17) {
        const tap = anthropicMessages.streamTap({});
        for (let at = 0; at < bytes.length; at += size) tap.push(bytes.subarray(at, at + size));
        tap.flush();
        expect(tap).toMatchObject({ ended: true, contentEvents: 1, responseId: 'msg_1' });
        expect(tap.usage).toMatchObject({ inputTokens: 10_500, outputTokens: 200 });
        expect(tap.finish).toEqual({ unified: 'stop', raw: 'end_turn' });
        expect(tap.fault).toBeUndefined();
      }
    });
  }

  test('sees an error and that there was no end', () => {
    const tap = anthropicMessages.streamTap({});
    tap.push(sseOf([OPEN, { type: 'error', error: { type: 'api_error', message: 'no' } }]));
    expect(tap).toMatchObject({ ended: false, fault: { code: 'upstream_failed' } });
  });
});
