import { describe, expect, test } from 'bun:test';
import { covers } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { CanonResponse } from '../../canon/response.ts';
import { anthropicMessages } from './index.ts';
import { call, text } from './translation.test-support.ts';
import { WRITE } from './trip.test-support.ts';

describe('answers of another dialect', () => {
  const answer = (fields: Partial<CanonResponse>): CanonResponse => ({
    id: 'r',
    model: 'm',
    choices: [{ index: 0, parts: [text('a')] }],
    ...fields,
  });

  test('T30: cached input is taken out of the input again', () => {
    const usage = { inputTokens: 10_500, cacheReadTokens: 10_000, outputTokens: 200, reasoningTokens: 50 };
    expect(anthropicMessages.writeResponse(answer({ usage }), WRITE).body.usage).toEqual({
      input_tokens: 500,
      output_tokens: 200,
      cache_read_input_tokens: 10_000,
      output_tokens_details: { thinking_tokens: 50 },
    });
  });

  test('the words for the end', () => {
    const said = (
      unified: 'stop' | 'length' | 'content-filter' | 'context-exceeded',
      parts: Part[] = [text('a')],
      stopSequence?: string,
    ) =>
      anthropicMessages.writeResponse(
        answer({ choices: [{ index: 0, parts, finish: { unified, raw: 'x', stopSequence } }] }),
        WRITE,
      ).body;
    expect(said('stop').stop_reason).toBe('end_turn');
    expect(said('stop', [text('a')], 'END')).toMatchObject({ stop_reason: 'stop_sequence', stop_sequence: 'END' });
    expect(said('stop', [call('a')]).stop_reason).toBe('tool_use');
    expect(said('length').stop_reason).toBe('max_tokens');
    expect(said('content-filter').stop_reason).toBe('refusal');
    expect(said('context-exceeded').stop_reason).toBe('model_context_window_exceeded');
  });

  test('further choices, citations of the web, refusals and missing ids are told', () => {
    const citation = { url: 'https://a.test', title: 'A', raw: { dialect: 'openai-chat', value: {} } } as const;
    const parts: Part[] = [
      { type: 'text', text: 'a', citations: [citation] },
      { type: 'refusal', text: 'no' },
      text(''),
    ];
    const { body, losses } = anthropicMessages.writeResponse(
      answer({
        id: '',
        createdSec: 1,
        choices: [
          { index: 0, parts },
          { index: 1, parts: [] },
        ],
      }),
      { ...WRITE, model: 'alias' },
    );
    expect(body).toMatchObject({ id: 'msg_fallback', model: 'alias', role: 'assistant', type: 'message' });
    expect(body.content).toEqual([
      {
        type: 'text',
        text: 'a',
        citations: [
          {
            type: 'web_search_result_location',
            url: 'https://a.test',
            title: 'A',
            cited_text: '',
            encrypted_index: '',
          },
        ],
      },
      { type: 'text', text: 'no' },
    ]);
    for (const path of [
      'choices[1]',
      'createdSec',
      'id',
      'choices[0].parts[1]',
      'choices[0].parts[2]',
      'choices[0].parts[0].citations[0]',
    ]) {
      expect({ path, isCovered: covers(losses, path) }).toEqual({ path, isCovered: true });
    }
  });
});
