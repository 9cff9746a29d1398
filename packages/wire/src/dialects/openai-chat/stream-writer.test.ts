import { describe, expect, test } from 'bun:test';
import type { StreamEvent } from '../../canon/stream.ts';
import { Fault } from '../../fault.ts';
import { isObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';
import { chunksOf, options, parts, write } from './stream.test-support.ts';

describe('writing', () => {
  const answer: StreamEvent[] = [
    { type: 'response-start', id: 'msg_1', model: 'claude', residue: { 'anthropic-messages': { container: 1 } } },
    { type: 'part-start', choice: 0, part: 0, value: { type: 'reasoning', text: '' } },
    { type: 'part-delta', choice: 0, part: 0, delta: { type: 'text', text: 'think' } },
    {
      type: 'part-delta',
      choice: 0,
      part: 0,
      delta: { type: 'seal', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
    },
    { type: 'part-end', choice: 0, part: 0 },
    {
      type: 'part-start',
      choice: 0,
      part: 1,
      value: { type: 'tool-call', id: 's', name: 'web_search', argumentsJson: '', ranBy: 'provider' },
    },
    { type: 'part-delta', choice: 0, part: 1, delta: { type: 'arguments', argumentsJson: '{"q":1}' } },
    { type: 'part-end', choice: 0, part: 1 },
    { type: 'part-start', choice: 0, part: 2, value: { type: 'text', text: 'Hi' } },
    {
      type: 'part-delta',
      choice: 0,
      part: 2,
      delta: {
        type: 'citation',
        citation: { url: 'u', title: 't', citedText: 'c', raw: { dialect: 'anthropic-messages', value: {} } },
      },
    },
    { type: 'part-end', choice: 0, part: 2 },
    {
      type: 'part-start',
      choice: 0,
      part: 3,
      value: { type: 'tool-call', id: 'c', name: 'f', argumentsJson: '', ranBy: 'client' },
    },
    { type: 'part-delta', choice: 0, part: 3, delta: { type: 'arguments', argumentsJson: '{}' } },
    { type: 'part-end', choice: 0, part: 3 },
    { type: 'choice-end', choice: 0, finish: { unified: 'tool-calls', raw: 'tool_use' } },
    { type: 'usage', usage: { inputTokens: 10, outputTokens: 5 } },
    { type: 'response-end' },
  ];

  test("another dialect's answer, chunk by chunk", () => {
    const { text, losses } = write(answer, { model: 'mine' });
    const chunks = chunksOf(text);
    for (const chunk of chunks)
      expect(chunk).toMatchObject({ id: 'msg_1', object: 'chat.completion.chunk', created: 1, model: 'mine' });
    const deltas = chunks.map((chunk) =>
      Array.isArray(chunk.choices) && isObject(chunk.choices[0]) ? chunk.choices[0].delta : 'none',
    );
    expect(deltas).toEqual([
      { role: 'assistant', content: '' },
      { reasoning_content: 'think', reasoning_details: [{ type: 'reasoning.text', index: 0, text: 'think' }] },
      { reasoning_details: [{ type: 'reasoning.text', format: 'anthropic-claude-v1', index: 0, signature: 'S' }] },
      { content: 'Hi' },
      {
        annotations: [
          { type: 'url_citation', url_citation: { url: 'u', title: 't', start_index: 0, end_index: 2, content: 'c' } },
        ],
      },
      { tool_calls: [{ index: 0, id: 'c', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
      {},
      'none',
    ]);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    });
    expect(losses.map((loss) => loss.path)).toEqual([
      'residue.anthropic-messages.container',
      'choices[0].parts[1]',
      'choices[0].parts[2].citations[0].raw',
    ]);
  });

  test('read again, the seal is whole', () => {
    const [reasoning] = parts(write(answer).text) ?? [];
    expect(reasoning).toMatchObject({ text: 'think', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } });
  });

  test('usage only when asked for, and never null', () => {
    const { text } = write(answer, { streamUsage: false });
    expect(text).not.toContain('usage');
  });

  test('nothing is said before there is something to say', () => {
    const writer = openaiChat.streamWriter(options);
    expect(writer.write({ type: 'response-start', id: 'a', model: 'm' })).toBe('');
    expect(writer.write({ type: 'ping' })).toBe('');
  });

  test('a fault ends the stream without a finish and without [DONE]', () => {
    const fault = new Fault('upstream_overloaded', { message: 'busy', upstream: { type: 'overloaded_error' } });
    const { text } = write([...answer.slice(0, 3), { type: 'fault', fault }]);
    expect(text).not.toContain('[DONE]');
    expect(text).not.toContain('"finish_reason":"');
    expect(chunksOf(text).at(-1)).toEqual({
      error: { message: 'busy', type: 'overloaded_error', param: null, code: 'upstream_overloaded' },
    });
  });

  test('an id is made where the provider gave none', () => {
    const { text } = write([{ type: 'response-start', id: '', model: 'm' }, ...answer.slice(8)]);
    expect(chunksOf(text)[0]).toMatchObject({ id: 'fallback' });
  });
});
