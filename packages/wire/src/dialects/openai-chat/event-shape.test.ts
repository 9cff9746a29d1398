import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { EventShape } from './event-shape.ts';
import { openaiChat } from './index.ts';

interface Said {
  key: 'content' | 'reasoning_content' | 'refusal';
  text: string;
  finish: string | null;
  usage: number | undefined;
  padding: string | undefined;
}

/** Words that a search for keys could fall for. */
const trap = fc.constantFrom(
  '',
  '"',
  '\\',
  '\\"',
  'usage',
  '"usage":{',
  '"finish_reason":"stop"',
  '"error":"x"',
  '\n\n',
);
const said: fc.Arbitrary<Said> = fc.record({
  key: fc.constantFrom('content', 'content', 'content', 'reasoning_content', 'refusal'),
  text: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 6 }), trap),
  finish: fc.oneof({ weight: 6, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constant('length') }),
  usage: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(99) }),
  padding: fc.constantFrom(undefined, 'p1', 'p2xx', ''),
});

function eventOf({ key, text, finish, usage, padding }: Said): string {
  const choice = { index: 0, delta: { [key]: text }, logprobs: null, finish_reason: finish };
  const report = usage === undefined ? null : { prompt_tokens: usage };
  return `data: ${JSON.stringify({ id: 'r', choices: [choice], usage: report, obfuscation: padding })}\n\n`;
}

describe('a tap that knows the shape of events', () => {
  test('sees what was said, at any split', () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 12 }), fc.integer({ min: 1, max: 200 }), (list, size) => {
        const tap = openaiChat.streamTap({});
        const bytes = new TextEncoder().encode(list.map(eventOf).join(''));
        for (let at = 0; at < bytes.length; at += size) tap.push(bytes.subarray(at, at + size));
        tap.flush();
        expect(tap.contentEvents).toBe(list.filter(({ text }) => text !== '').length);
        expect(tap.finish?.raw).toBe(list.find(({ finish }) => finish !== null)?.finish ?? undefined);
        expect(tap.usage?.inputTokens).toBe(list.findLast(({ usage }) => usage !== undefined)?.usage);
        expect(tap.fault).toBeUndefined();
      }),
      { numRuns: 500, seed: 7 },
    );
  });
});

describe('a shape', () => {
  const event = (text: string, padding = 'x', finish = 'null') =>
    `data: {"choices":[{"delta":{"content":"${text}"},"finish_reason":${finish}}],"obfuscation":"${padding}"}\n\n`;

  test('fits events that differ in text and padding only', () => {
    const shape = EventShape.of(event('a'));
    expect(shape?.fits(event('b c', 'longer'))).toBe(true);
    expect(shape?.fits(event('usage', ''))).toBe(true);
  });

  test('fits no event without text, with a quote in it, or with something else', () => {
    const shape = EventShape.of(event('a'));
    for (const other of [event(''), event('\\"'), event('a', 'x', '"stop"'), event('a').slice(0, -1), 'data: [DONE]']) {
      expect(shape?.fits(other)).toBe(false);
    }
  });

  test('needs a place for text that cannot be taken for a key', () => {
    expect(EventShape.of('data: {"content":"a":1}\n\n')).toBeUndefined();
    expect(EventShape.of('data: {"content":null}\n\n')).toBeUndefined();
    expect(EventShape.of('data: {"content":"a')).toBeUndefined();
  });
});
