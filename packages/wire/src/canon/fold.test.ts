import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { Fault } from '../fault.ts';
import { differences } from '../json/equal.ts';
import { arbitraryRequest, arbitraryResponse } from './arbitrary.test-support.ts';
import { arbitraryStream } from './arbitrary-stream.test-support.ts';
import { Fold, fold } from './fold.ts';
import type { StreamEvent } from './stream.ts';
import { unfold } from './unfold.ts';

const START: StreamEvent = { type: 'response-start', id: 'r', model: 'm' };
const END: StreamEvent = { type: 'response-end' };
const openText = (part: number, choice = 0): StreamEvent => ({
  type: 'part-start',
  choice,
  part,
  value: { type: 'text', text: '' },
});
const addText = (part: number, text: string, choice = 0): StreamEvent => ({
  type: 'part-delta',
  choice,
  part,
  delta: { type: 'text', text },
});
const close = (part: number, choice = 0): StreamEvent => ({ type: 'part-end', choice, part });

describe('properties', () => {
  test('folding what was unfolded gives the response back', () => {
    fc.assert(
      fc.property(arbitraryResponse(), (response) => {
        const folded = fold(unfold(response));
        expect(differences(folded, response)).toEqual([]);
        expect(folded).toEqual(response);
      }),
      { numRuns: 500 },
    );
  });

  test('interleaved parts, cut text and late residue fold to the same response', () => {
    fc.assert(
      fc.property(arbitraryStream(), ({ response, events }) => {
        const before = JSON.stringify(events);
        expect(differences(fold(events), response)).toEqual([]);
        expect(JSON.stringify(events)).toBe(before);
      }),
      { numRuns: 500 },
    );
  });

  test('generated values cover every kind of part, also without any dialect of their own', () => {
    const kinds = new Set<string>();
    for (const response of fc.sample(arbitraryResponse(), 300)) {
      for (const choice of response.choices) for (const part of choice.parts) kinds.add(part.type);
    }
    for (const request of fc.sample(arbitraryRequest(), 300))
      for (const message of request.messages) kinds.add(message.role);
    const parts = ['media', 'opaque', 'reasoning', 'refusal', 'text', 'tool-call', 'tool-result'];
    const roles = ['assistant', 'developer', 'system', 'tool', 'user'];
    expect([...kinds].sort()).toEqual([...parts, ...roles].sort());
    const plain = JSON.stringify([
      fc.sample(arbitraryRequest({ dialects: [] }), 100),
      fc.sample(arbitraryResponse({ dialects: [] }), 100),
    ]);
    expect(plain).not.toMatch(/residue|opaque|"dialect"/);
    const oneSided = JSON.stringify(fc.sample(arbitraryRequest({ dialects: ['openai-chat'] }), 100));
    expect(oneSided).toContain('openai-chat');
    expect(oneSided).not.toContain('anthropic-messages');
  });
});

describe('adding up', () => {
  test('choices come in the order of their index, whichever spoke first', () => {
    const events = [
      START,
      openText(0, 1),
      openText(0, 0),
      addText(0, 'b', 1),
      addText(0, 'a', 0),
      close(0, 0),
      close(0, 1),
    ];
    expect(fold(events).choices).toEqual([
      { index: 0, parts: [{ type: 'text', text: 'a' }] },
      { index: 1, parts: [{ type: 'text', text: 'b' }] },
    ]);
  });

  test('usage is merged, logprobs are joined, later residue and service tier hold', () => {
    const response = fold([
      START,
      { type: 'usage', usage: { inputTokens: 5, outputTokens: 1 } },
      { type: 'logprobs', choice: 0, value: { content: [1], refusal: null } },
      { type: 'logprobs', choice: 0, value: { content: [2], rest: { x: 1 } } },
      { type: 'logprobs', choice: 0, value: { content: null, refusal: [3] } },
      { type: 'response-residue', residue: { 'openai-chat': { a: 1, b: 1 } }, serviceTier: 'flex' },
      { type: 'response-residue', residue: { 'openai-chat': { b: 2 } } },
      { type: 'usage', usage: { outputTokens: 9 } },
      END,
    ]);
    expect(response.usage).toEqual({ inputTokens: 5, outputTokens: 9 });
    expect(response.choices[0]?.logprobs).toEqual({ content: [1, 2], refusal: [3], rest: { x: 1 } });
    expect(response.residue).toEqual({ 'openai-chat': { a: 1, b: 2 } });
    expect(response.serviceTier).toBe('flex');
  });

  test('media grow by data and transcript, tool results by parts, arguments by text', () => {
    const at = { choice: 0 };
    const response = fold([
      START,
      {
        type: 'part-start',
        ...at,
        part: 0,
        value: { type: 'media', kind: 'audio', source: { type: 'base64', data: 'AA' } },
      },
      { type: 'part-delta', ...at, part: 0, delta: { type: 'media', data: 'BB', transcript: 'he' } },
      {
        type: 'part-delta',
        ...at,
        part: 0,
        delta: { type: 'media', transcript: 'y', residue: { 'openai-chat': { x: 1 } } },
      },
      { type: 'part-end', ...at, part: 0 },
      {
        type: 'part-start',
        ...at,
        part: 1,
        value: { type: 'tool-result', callId: 'c', content: [], ranBy: 'provider' },
      },
      { type: 'part-delta', ...at, part: 1, delta: { type: 'parts', parts: [{ type: 'text', text: 'ok' }] } },
      { type: 'part-end', ...at, part: 1 },
    ]);
    expect(response.choices[0]?.parts).toEqual([
      {
        type: 'media',
        kind: 'audio',
        source: { type: 'base64', data: 'AABB' },
        transcript: 'hey',
        residue: { 'openai-chat': { x: 1 } },
      },
      { type: 'tool-result', callId: 'c', content: [{ type: 'text', text: 'ok' }], ranBy: 'provider' },
    ]);
  });

  test('a cut stream gives what came of it, and is not ended', () => {
    const folding = new Fold();
    for (const event of [START, openText(0), addText(0, 'half')]) folding.add(event);
    const fault = new Fault('upstream_cut_short');
    folding.add({ type: 'fault', fault });
    expect(folding.ended).toBe(false);
    expect(folding.fault).toBe(fault);
    expect(folding.result().choices[0]?.parts).toEqual([{ type: 'text', text: 'half' }]);
  });

  test('unknown events are kept aside', () => {
    const folding = new Fold();
    const event: StreamEvent = {
      type: 'opaque',
      dialect: 'anthropic-messages',
      event: 'news',
      value: { type: 'news' },
    };
    for (const each of [START, event, END]) folding.add(each);
    expect(folding.ended).toBe(true);
    expect(folding.opaque).toEqual([event]);
  });
});

describe('streams that make no sense', () => {
  const cases: [string, StreamEvent[], RegExp][] = [
    ['no start', [], /never started/],
    ['content before the start', [openText(0)], /part-start came before the start/],
    ['two starts', [START, START], /started twice/],
    ['a part out of turn', [START, openText(1)], /part 1 of choice 0 started where part 0 was due/],
    ['the same part twice', [START, openText(0), openText(0)], /part 0 of choice 0 started where part 1/],
    [
      'a delta without a part',
      [START, addText(0, 'x')],
      /part-delta \(text\) came for part 0 of choice 0, which is not open/,
    ],
    ['a delta after the end of its part', [START, openText(0), close(0), addText(0, 'x')], /not open/],
    ['a part ended twice', [START, openText(0), close(0), close(0)], /part-end came for part 0/],
    ['an end with an open part', [START, openText(0), END], /ended while part 0 of choice 0 was open/],
    ['something after the end', [START, END, openText(0)], /part-start came after the end/],
    [
      'arguments for text',
      [
        START,
        openText(0),
        { type: 'part-delta', choice: 0, part: 0, delta: { type: 'arguments', argumentsJson: '{' } },
      ],
      /delta \(arguments\) came for part 0 of choice 0, which is text/,
    ],
    [
      'a choice that ends twice',
      [
        START,
        { type: 'choice-end', choice: 0, finish: { unified: 'stop', raw: 'stop' } },
        { type: 'choice-end', choice: 0, finish: { unified: 'stop', raw: 'stop' } },
      ],
      /choice 0 ended twice/,
    ],
  ];
  test.each(cases)('%s', (_, events, message) => {
    let caught: unknown;
    try {
      fold(events);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(Fault);
    expect(caught).toMatchObject({ code: 'upstream_garbled', message: expect.stringMatching(message) });
  });
});
