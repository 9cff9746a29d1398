import { describe, expect, test } from 'bun:test';
import { Fault } from '../../fault.ts';
import type { JsonObject } from '../../json/value.ts';
import { delta, folded, head, parts, read, sse, toolDelta } from './stream.test-support.ts';
import { kinds } from './stream-kinds.test-support.ts';

describe('reading', () => {
  test('parts begin, go on and end, in this order', () => {
    const events = read(kinds.reasoning_content ?? '');
    expect(events.map((event) => event.type)).toEqual([
      'response-start',
      'part-start',
      'part-end',
      'part-start',
      'part-end',
      'choice-end',
      'response-end',
    ]);
  });

  test('reasoning given twice is read once, its seal kept', () => {
    expect(parts(kinds['reasoning with details'] ?? '')).toMatchObject([
      { type: 'reasoning', text: 'ab', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
      { type: 'text', text: 'x' },
      { type: 'reasoning', text: '', seal: { issuer: 'google', kind: 'encrypted', value: 'E', id: 't' } },
    ]);
    expect(parts(kinds['thinking blocks'] ?? '')).toMatchObject([
      { type: 'reasoning', text: 'think', seal: { issuer: 'anthropic', value: 'S' } },
      { type: 'text' },
    ]);
  });

  test('tool calls with index or id missing, repeated or reused', () => {
    const calls = (...pieces: JsonObject[]) => {
      const found = parts(sse(...pieces.map(toolDelta), delta({}, 'stop'), '[DONE]')) ?? [];
      return found.map((part) => (part.type === 'tool-call' ? [part.id, part.name, part.argumentsJson] : part));
    };
    const f = (name: string, text: string) => ({ name, arguments: text });
    expect(
      calls({ id: 'a', function: f('f', '{') }, { function: { arguments: '}' } }, { id: 'b', function: f('g', '{}') }),
    ).toEqual([
      ['a', 'f', '{}'],
      ['b', 'g', '{}'],
    ]);
    expect(calls({ index: 0, id: 'a', function: f('f', '{}') }, { index: 0, id: 'b', function: f('f', '{}') })).toEqual(
      [
        ['a', 'f', '{}'],
        ['b', 'f', '{}'],
      ],
    );
    expect(calls({ index: 0, id: 'a', function: f('f', '{') }, { index: 0, id: 'a', function: f('f', '}') })).toEqual([
      ['a', 'f', '{}'],
    ]);
    expect(calls({ index: 0, function: f('f', '') }, { index: 0, function: { arguments: null } })).toEqual([
      ['call_r1_0_0', 'f', ''],
    ]);
    expect(calls({ index: 0, id: 'a', function: { arguments: '{' } }, { index: 0, function: f('f', '}') })).toEqual([
      ['a', 'f', '{}'],
    ]);
  });

  test('names are restored', () => {
    const text = sse(
      toolDelta({ index: 0, id: 'a', function: { name: 'short', arguments: '' } }),
      delta({}, 'tool_calls'),
      '[DONE]',
    );
    const [part] = folded(read(text, new Map([['short', 'long']]))).choices[0]?.parts ?? [];
    expect(part).toMatchObject({ name: 'long' });
  });

  test('a whole message in place of a delta is read once', () => {
    const message = (content: string, finish: string | null) => ({
      ...head,
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: finish }],
    });
    expect(parts(sse(message('Hel', null), message('Hello', 'stop')))).toEqual([{ type: 'text', text: 'Hello' }]);
  });

  test('a finish without [DONE] is an end; neither is a cut', () => {
    expect(read(sse(delta({ content: 'x' }, 'stop'))).at(-1)).toEqual({ type: 'response-end' });
    const cut = read(sse(delta({ content: 'x' }))).at(-1);
    expect(cut).toMatchObject({ type: 'fault', fault: { code: 'upstream_cut_short' } });
    expect(read('').at(-1)).toMatchObject({ type: 'fault', fault: { code: 'upstream_cut_short' } });
  });

  test('comments, empty events and usage: null say nothing', () => {
    const text = `: OPENROUTER PROCESSING\n\ndata:\n\n${sse({ ...delta({ content: 'x' }, 'stop'), usage: null }, '[DONE]')}`;
    expect(read(text).map((event) => event.type)).toEqual([
      'response-start',
      'part-start',
      'part-end',
      'choice-end',
      'response-end',
    ]);
  });

  test('a chunk before the id does not start the response', () => {
    const filter = { id: '', object: '', created: 0, model: '', choices: [], prompt_filter_results: [1] };
    expect(read(sse(filter, delta({ content: 'x' }, 'stop'), '[DONE]'))[0]).toEqual({
      type: 'response-start',
      id: 'r1',
      model: 'm',
      createdSec: 5,
      residue: { 'openai-chat': { prompt_filter_results: [1] } },
    });
  });

  test('an error inside the stream is a fault, whatever its shape', () => {
    const shapes: [string, string][] = [
      [sse({ error: { message: 'slow down', code: 429 } }), 'upstream_rate_limited'],
      [sse({ error: 'boom' }), 'upstream_failed'],
      [`event: error\ndata: {"error":{"message":"bad","status_code":400}}\n\n`, 'upstream_rejected'],
      [sse({ ...head, error: { message: 'x', type: 'server_error' }, choices: [] }), 'upstream_failed'],
    ];
    for (const [text, code] of shapes) {
      const events = read(sse(delta({ content: 'x' })) + text);
      expect(events.at(-1)).toMatchObject({ type: 'fault', fault: { code } });
      expect(events.some((event) => event.type === 'response-end')).toBe(false);
    }
  });

  test('what is not JSON is garbled', () => {
    expect(() => read('data: {"choices":[\n\n')).toThrow(Fault);
  });
});
