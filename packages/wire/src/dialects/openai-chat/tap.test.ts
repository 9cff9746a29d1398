import { describe, expect, test } from 'bun:test';
import type { StreamTap } from '../../dialect.ts';
import { openaiChat } from './index.ts';
import { stripUsage } from './strip-usage.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function run(text: string, stripUsage: boolean, size: number): { tap: StreamTap; text: string } {
  const tap = openaiChat.streamTap({ stripUsage });
  const bytes = encode(text);
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(...tap.push(bytes.subarray(at, at + size)));
  out.push(...tap.flush());
  return { tap, text: decode(new Uint8Array(out)) };
}

const stream = [
  ': keep-alive\n\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}\n\n',
  'data: {"id":"r","usage": null, "choices":[{"index":0,"delta":{"content":"é \\"usage\\":null [DONE]"},"finish_reason":null}]}\r\n\r\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{"content":"usage"},"x":{"usage":null}}],"usage":null,"z":1}\n\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n',
  'data: {"id":"r","choices": [],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n',
  'data: [DONE]\n\n',
];

const stripped = [
  ': keep-alive\n\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}\n\n',
  'data: {"id":"r", "choices":[{"index":0,"delta":{"content":"é \\"usage\\":null [DONE]"},"finish_reason":null}]}\r\n\r\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{"content":"usage"},"x":{"usage":null}}],"z":1}\n\n',
  'data: {"id":"r","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}\n\n',
  'data: [DONE]\n\n',
];

describe('the tap of a stream', () => {
  test('observes and passes every byte on, at any split', () => {
    for (const size of [1, 2, 5, 64, 10_000]) {
      const { tap, text } = run(stream.join(''), false, size);
      expect(tap).toMatchObject({
        usage: { inputTokens: 3, outputTokens: 4 },
        finish: { unified: 'stop', raw: 'stop' },
        responseId: 'r',
        ended: true,
        fault: undefined,
        contentEvents: 2,
      });
      expect(text).toBe(stream.join(''));
    }
  });

  test('takes the report out and nothing else, at any split', () => {
    for (const size of [1, 2, 5, 64, 10_000]) {
      const { tap, text } = run(stream.join(''), true, size);
      expect(text).toBe(stripped.join(''));
      expect(tap.usage).toMatchObject({ inputTokens: 3, outputTokens: 4 });
    }
  });

  test('leaves the bytes it was given as they are, a view of others included', () => {
    const bytes = Buffer.from(stream.join(''));
    const tap = openaiChat.streamTap({ stripUsage: true });
    tap.push(bytes);
    expect(bytes.toString()).toBe(stream.join(''));
  });

  test('gives back the very chunk when nothing is taken out', () => {
    const tap = openaiChat.streamTap({});
    const chunk = encode(stream[1] ?? '');
    expect(tap.push(chunk)).toBe(chunk);
    // A part of an event waits for the rest.
    expect(tap.push(encode('data: {"id'))).toHaveLength(0);
  });

  test('an error inside is a fault; a word in content is not', () => {
    const failed = run('data: {"id":"r","choices":[]}\n\ndata: {"error":{"message":"busy","code":503}}\n\n', false, 7);
    expect(failed.tap.fault).toMatchObject({ code: 'upstream_overloaded', message: 'busy' });
    expect(failed.tap.ended).toBe(false);
    const fine = run(
      'data: {"id":"r","choices":[{"delta":{"content":"error"}}]}\n\ndata: {"choices":[{"delta":{"content":"[DONE]"}}]}\n\n',
      false,
      7,
    );
    expect(fine.tap).toMatchObject({ fault: undefined, ended: false, contentEvents: 2 });
  });

  test('a cut last event is held back, one that only lacks its blank line passes', () => {
    const whole = 'data: {"id":"r","choices":[{"delta":{"content":"a"}}]}\n\n';
    expect(run(`${whole}data: {"id":"r","cho`, true, 3).text).toBe(whole);
    expect(run(`${whole}data: [DONE]`, false, 3).text).toBe(`${whole}data: [DONE]`);
  });
});

describe('stripping one event', () => {
  const cases: [string, string][] = [
    ['data: {"usage":null}\n\n', 'data: {}\n\n'],
    ['data: {"usage":null,"a":1}\n\n', 'data: {"a":1}\n\n'],
    ['data: {"a":{"usage":null},"b":"\\"usage\\":null"}\n\n', 'data: {"a":{"usage":null},"b":"\\"usage\\":null"}\n\n'],
    ['data: {"a":1, "usage" : null }\n\n', 'data: {"a":1 }\n\n'],
    ['data: {"choices":[ ],"usage":{"a":1}}\n\n', ''],
    ['data: not json "usage"\n\n', 'data: not json "usage"\n\n'],
  ];
  for (const [before, after] of cases) {
    test(before.trim(), () => expect(decode(stripUsage(before, encode(before)))).toBe(after));
  }
});

describe('the tap of a whole response', () => {
  test('reads usage, finish and id', () => {
    const body = {
      id: 'r',
      choices: [
        {
          index: 0,
          message: { content: '"finish_reason":"length"', tool_calls: [{ id: 'a' }] },
          finish_reason: 'stop',
        },
      ],
      usage: { prompt_tokens: 2, completion_tokens: 3 },
    };
    expect(openaiChat.tapResponse(encode(JSON.stringify(body)))).toMatchObject({
      usage: { inputTokens: 2, outputTokens: 3 },
      finish: { unified: 'tool-calls', raw: 'stop' },
      responseId: 'r',
    });
  });

  test('what is no response gives nothing', () => {
    for (const text of ['', '<html>', '[]', '{"error":{}}', '{"choices":null}']) {
      expect(openaiChat.tapResponse(encode(text))).toBeUndefined();
    }
  });
});
