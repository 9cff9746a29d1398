import { describe, expect, test } from 'bun:test';
import { Fold } from '../../canon/fold.ts';
import type { Part } from '../../canon/part.ts';
import type { StreamEvent } from '../../canon/stream.ts';
import { Fault } from '../../fault.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

/** Defects that other gateways had in this dialect, each with the input that showed it. */

function read(chunks: readonly JsonObject[]): StreamEvent[] {
  const reader = openaiChat.streamReader({ quirks: {} });
  const events = chunks.flatMap((chunk) => reader.read({ data: JSON.stringify(chunk) }));
  return [...events, ...reader.read({ data: '[DONE]' }), ...reader.end()];
}

function partsOf(chunks: readonly JsonObject[]): Part[] {
  const fold = new Fold();
  for (const event of read(chunks)) fold.add(event);
  return fold.result().choices[0]?.parts ?? [];
}

const chunk = (delta: JsonObject, finish?: string): JsonObject => ({
  id: 'c',
  choices: [{ index: 0, delta, ...(finish === undefined ? {} : { finish_reason: finish }) }],
});
const types = (events: readonly StreamEvent[]) => events.map((event) => event.type);
const options = { fallbackId: 'f', nowSec: 1 };
const requestOf = (message: JsonObject) => openaiChat.readRequest({ model: 'm', messages: [message] });

describe('streams', () => {
  const call = {
    index: 0,
    id: 'call_1',
    type: 'function',
    function: { name: 'get_weather', arguments: '{"city":"Paris"}' },
  };

  test('name and arguments in one chunk keep the arguments, and no empty text comes before (T1, T2)', () => {
    const events = read([chunk({ role: 'assistant', content: '', tool_calls: [call] }), chunk({}, 'tool_calls')]);
    expect(types(events)).toEqual([
      'response-start',
      'part-start',
      'part-delta',
      'part-end',
      'choice-end',
      'response-end',
    ]);
    expect(events[1]).toMatchObject({ part: 0, value: { type: 'tool-call', id: 'call_1', name: 'get_weather' } });
    expect(events[2]).toMatchObject({ delta: { type: 'arguments', argumentsJson: '{"city":"Paris"}' } });
  });

  test('reasoning_content, then content: two parts in this order (T3)', () => {
    const found = partsOf([chunk({ reasoning_content: 'think' }), chunk({ content: 'Hi' }), chunk({}, 'stop')]);
    expect(found).toMatchObject([
      { type: 'reasoning', text: 'think' },
      { type: 'text', text: 'Hi' },
    ]);
  });

  test('interleaved parallel calls keep their arguments apart, one start and end each (T4)', () => {
    const piece = (value: JsonObject) => chunk({ tool_calls: [value] });
    const events = read([
      piece({ index: 0, id: 'a', function: { name: 'f', arguments: '' } }),
      piece({ index: 1, id: 'b', function: { name: 'g', arguments: '' } }),
      piece({ index: 0, function: { arguments: '{"x":1}' } }),
      piece({ index: 1, function: { arguments: '{"y":2}' } }),
      chunk({}, 'tool_calls'),
    ]);
    expect(types(events).filter((type) => type === 'part-start' || type === 'part-end')).toHaveLength(4);
    const fold = new Fold();
    for (const event of events) fold.add(event);
    expect(fold.result().choices[0]?.parts).toMatchObject([
      { id: 'a', name: 'f', argumentsJson: '{"x":1}' },
      { id: 'b', name: 'g', argumentsJson: '{"y":2}' },
    ]);
  });

  test('usage after the finish, or beside choices, is taken (T5, A1)', () => {
    const usageOf = (events: StreamEvent[]) => events.find((event) => event.type === 'usage')?.usage;
    const late = read([chunk({}, 'stop'), { choices: [], usage: { prompt_tokens: 10, completion_tokens: 5 } }]);
    expect(usageOf(late)).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    const beside = { ...chunk({}), usage: { prompt_tokens: 16111, completion_tokens: 1 } };
    expect(usageOf(read([chunk({}, 'stop'), beside]))).toMatchObject({ inputTokens: 16111 });
    const tap = openaiChat.streamTap({});
    tap.push(new TextEncoder().encode(`data: ${JSON.stringify(beside)}\n\n`));
    expect(tap.usage).toMatchObject({ inputTokens: 16111 });
  });

  test('a report nobody asked for is taken out again (A2)', () => {
    const said = `data: ${JSON.stringify(chunk({ content: 'x' }, 'stop'))}\n\n`;
    const report = `data: ${JSON.stringify({ id: 'c', choices: [], usage: { prompt_tokens: 1 } })}\n\n`;
    const tap = openaiChat.streamTap({ stripUsage: true });
    const passed = [tap.push(new TextEncoder().encode(`${said}${report}data: [DONE]\n\n`)), tap.flush()];
    expect(passed.map((bytes) => new TextDecoder().decode(bytes)).join('')).toBe(`${said}data: [DONE]\n\n`);
    expect(tap).toMatchObject({ usage: { inputTokens: 1 }, ended: true });
  });

  test('stop beside tool calls means that tools are called (Ollama, Gemini)', () => {
    const end = read([chunk({ tool_calls: [call] }, 'stop')]).find((event) => event.type === 'choice-end');
    expect(end).toMatchObject({ finish: { unified: 'tool-calls', raw: 'stop' } });
  });

  test('an unknown event or a comment does not end the stream', () => {
    const reader = openaiChat.streamReader({ quirks: {} });
    reader.read({ data: JSON.stringify(chunk({ content: 'a' })) });
    reader.read({ event: 'vendor_note', data: '{"note":1,"choices":[]}' });
    expect(reader.read({ data: JSON.stringify(chunk({ content: 'b' }, 'stop')) })).toContainEqual({
      type: 'part-delta',
      choice: 0,
      part: 0,
      delta: { type: 'text', text: 'b' },
    });
  });
});

describe('requests', () => {
  test('thinking blocks of the history keep their signatures; a history without any has none made up (T9)', () => {
    const calls = [{ id: 'c1', type: 'function', function: { name: 'w', arguments: '{}' } }];
    const kept = requestOf({
      role: 'assistant',
      tool_calls: calls,
      thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 'S' }],
    });
    expect(kept.messages[0]?.parts).toMatchObject([
      { type: 'reasoning', text: 't', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
      { type: 'tool-call', id: 'c1' },
    ]);
    expect(requestOf({ role: 'assistant', tool_calls: calls }).messages[0]?.parts).toMatchObject([
      { type: 'tool-call' },
    ]);
  });

  test('a name of 90 characters is sent with 64 and restored in response and stream (T15)', () => {
    const name = `computer_tool_with_a_very_long_name_${'x'.repeat(54)}`;
    const sent = openaiChat.writeRequest(
      { model: 'm', messages: [], sampling: {}, tools: [{ type: 'function', name, parameters: { type: 'object' } }] },
      { model: 'm', quirks: {} },
    );
    const short = [...(sent.toolNames?.keys() ?? [])][0] ?? '';
    expect(short).toMatch(/^computer_tool_with_a_very_long_name_x+_[0-9a-f]{8}$/);
    expect(short).toHaveLength(64);
    expect(sent.losses).toMatchObject([{ path: 'tools[0].name', kind: 'changed' }]);
    const calls = [{ index: 0, id: 'a', type: 'function', function: { name: short, arguments: '{}' } }];
    const reading = { quirks: {}, toolNames: sent.toolNames };
    const whole = openaiChat.readResponse(
      { choices: [{ index: 0, message: { role: 'assistant', tool_calls: calls } }] },
      reading,
    );
    expect(whole.choices[0]?.parts).toMatchObject([{ name }]);
    const streamed = openaiChat.streamReader(reading).read({ data: JSON.stringify(chunk({ tool_calls: calls })) });
    expect(streamed).toContainEqual(expect.objectContaining({ value: expect.objectContaining({ name }) }));
  });

  test('tool_result blocks in content are understood (T21)', () => {
    const block = { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'r' }], is_error: true };
    expect(requestOf({ role: 'user', content: [block] }).messages[0]?.parts).toMatchObject([
      { type: 'tool-result', callId: 't', isError: true, content: [{ type: 'text', text: 'r' }] },
    ]);
  });

  test('response format beside tools: both are carried (T28)', () => {
    const body = {
      model: 'm',
      messages: [],
      response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { type: 'object' } } },
      tools: [{ type: 'function', function: { name: 'get_current_weather' } }],
      tool_choice: 'required',
    };
    expect(openaiChat.readRequest(body)).toMatchObject({
      responseFormat: { type: 'json-schema', name: 'n' },
      tools: [{ name: 'get_current_weather' }],
      toolChoice: { type: 'required' },
    });
  });

  test('a cache mark with ttl inside a tool message is read (T29)', () => {
    const content = [{ type: 'text', text: 'r', cache_control: { type: 'ephemeral', ttl: '1h' } }];
    expect(requestOf({ role: 'tool', tool_call_id: 'a', content }).messages[0]?.parts).toMatchObject([
      { type: 'tool-result', content: [{ type: 'text', text: 'r', cacheMark: { ttl: '1h' } }] },
    ]);
  });

  test('a PDF is a document with its name and type (T33)', () => {
    const file = { filename: 'a b.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' };
    expect(requestOf({ role: 'user', content: [{ type: 'file', file }] }).messages[0]?.parts).toMatchObject([
      {
        type: 'media',
        kind: 'document',
        mediaType: 'application/pdf',
        filename: 'a b.pdf',
        source: { data: 'JVBERi0=' },
      },
    ]);
  });

  test('empty text, no messages, instructions alone, messages of one role in a row: all are read as they stand (T35)', () => {
    const same = {
      model: 'm',
      messages: [
        { role: 'system', content: '' },
        { role: 'user', content: 'a' },
        { role: 'user', content: ' ' },
      ],
    };
    expect(openaiChat.readRequest(same).messages.map((message) => message.parts)).toMatchObject([
      [{ type: 'text', text: '' }],
      [{ type: 'text', text: 'a' }],
      [{ type: 'text', text: ' ' }],
    ]);
    expect(openaiChat.readRequest({ model: 'm', messages: [] }).messages).toEqual([]);
    expect(requestOf({ role: 'assistant', content: '', tool_calls: [] }).messages[0]?.parts).toEqual([]);
  });

  test('what Portkey dropped on the way is all there', () => {
    const request = openaiChat.readRequest({
      model: 'm',
      stop: 'END',
      temperature: 1.5,
      n: 2,
      presence_penalty: 1,
      parallel_tool_calls: false,
      reasoning_effort: 'high',
      tools: [
        {
          type: 'function',
          function: { name: 'f', strict: true, parameters: { anyOf: [], additionalProperties: false } },
        },
      ],
      messages: [
        { role: 'developer', content: 'd' },
        { role: 'system', content: 's' },
        {
          role: 'user',
          name: 'ann',
          content: [
            { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
            { type: 'image_url', image_url: { url: 'data:image/png;charset=utf-8;base64,AAAA' } },
          ],
        },
        { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{bad' } }] },
        {
          role: 'tool',
          tool_call_id: 'a',
          content: [{ type: 'image_url', image_url: { url: 'https://e.example/i.png' } }],
        },
      ],
    });
    expect(request).toMatchObject({
      stop: ['END'],
      sampling: { temperature: 1.5, presencePenalty: 1 },
      n: 2,
      parallelToolCalls: false,
      reasoning: { effort: 'high' },
      tools: [{ strict: true, parameters: { anyOf: [], additionalProperties: false } }],
      messages: [
        { role: 'developer' },
        { role: 'system' },
        {
          name: 'ann',
          parts: [
            { kind: 'audio', mediaType: 'audio/wav' },
            { kind: 'image', mediaType: 'image/png', source: { type: 'base64', data: 'AAAA' } },
          ],
        },
        { parts: [{ argumentsJson: '{bad' }] },
        { parts: [{ content: [{ kind: 'image', source: { type: 'url' } }] }] },
      ],
    });
  });
});

describe('usage', () => {
  test('cached input is part of prompt_tokens and of the total (T30)', () => {
    const usage = { inputTokens: 10_500, cacheReadTokens: 10_000, cacheWriteTokens: 0, outputTokens: 200 };
    const { body } = openaiChat.writeResponse({ id: 'a', model: 'm', choices: [], usage }, options);
    expect(body.usage).toEqual({
      prompt_tokens: 10_500,
      completion_tokens: 200,
      total_tokens: 10_700,
      prompt_tokens_details: { cached_tokens: 10_000 },
    });
  });

  const counted: [string, JsonObject, JsonObject][] = [
    [
      'OpenAI',
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        total_tokens: 13,
        prompt_tokens_details: { cached_tokens: 5, audio_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 1 },
      },
      {
        inputTokens: 9,
        outputTokens: 4,
        cacheReadTokens: 5,
        reasoningTokens: 3,
        inputAudioTokens: 1,
        outputAudioTokens: 1,
      },
    ],
    [
      'DeepSeek',
      { prompt_tokens: 9, completion_tokens: 4, prompt_cache_hit_tokens: 8, prompt_cache_miss_tokens: 1 },
      { inputTokens: 9, cacheReadTokens: 8 },
    ],
    [
      'OpenRouter',
      { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 7 } },
      { cacheReadTokens: 0, cacheWriteTokens: 7 },
    ],
    [
      'xAI, reasoning apart',
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        total_tokens: 113,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { inputTokens: 9, outputTokens: 104, reasoningTokens: 100 },
    ],
    [
      'cache apart',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 122,
        cache_read_input_tokens: 100,
        cache_creation_input_tokens: 7,
      },
      { inputTokens: 117, outputTokens: 5, cacheReadTokens: 100, cacheWriteTokens: 7 },
    ],
    [
      'one hour',
      {
        prompt_tokens: 9,
        completion_tokens: 4,
        cache_creation_input_tokens: 6,
        cache_creation: { ephemeral_1h_input_tokens: 6 },
      },
      { cacheWriteTokens: 6, cacheWrite1hTokens: 6 },
    ],
    [
      'server tools',
      { prompt_tokens: 9, completion_tokens: 4, server_tool_use: { web_search_requests: 2 } },
      { serverToolCalls: { web_search_requests: 2 } },
    ],
  ];
  for (const [name, usage, expected] of counted) {
    test(name, () => {
      const { usage: read } = openaiChat.readResponse({ choices: [], usage }, { quirks: {} });
      expect(read).toMatchObject(expected);
    });
  }
});

describe('bodies that are no answer', () => {
  const bodies: [JsonObject, string][] = [
    [{ error: { message: 'no', code: 429 } }, 'upstream_rate_limited'],
    [{ error: 'no' }, 'upstream_failed'],
    [{ message: 'no', code: 'model_not_found' }, 'upstream_not_found'],
    [{ hello: 1 }, 'upstream_garbled'],
  ];
  for (const [body, code] of bodies) {
    test(`${JSON.stringify(body)} is ${code}`, () => {
      let fault: unknown;
      try {
        openaiChat.readResponse(body, { quirks: {} });
      } catch (thrown) {
        fault = thrown;
      }
      expect(fault).toBeInstanceOf(Fault);
      expect(isObject(fault) && fault.code).toBe(code);
    });
  }
});
