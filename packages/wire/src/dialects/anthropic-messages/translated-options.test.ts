import { describe, expect, test } from 'bun:test';
import { covers } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import type { JsonObject } from '../../json/value.ts';
import { anthropicMessages } from './index.ts';
import { blocksOf, call, F, HI, NEW, OLD, paths, result, text, write } from './translation.test-support.ts';

describe('reasoning', () => {
  test('T13: a budget is at least 1024 and less than all output', () => {
    expect(write({ reasoning: { budgetTokens: 10 }, maxOutputTokens: 5000 }).body.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 1024,
    });
    expect(write({ reasoning: { budgetTokens: 9000 }, maxOutputTokens: 5000 }).body.thinking).toEqual({
      type: 'enabled',
      budget_tokens: 4999,
    });
    const tight = write({ reasoning: { effort: 'high' }, maxOutputTokens: 500 });
    expect(tight.body.thinking).toBeUndefined();
    expect(covers(tight.losses, 'reasoning')).toBe(true);
    const free = write({ reasoning: { effort: 'high' } }).body;
    expect(free.max_tokens as number).toBeGreaterThan((free.thinking as JsonObject).budget_tokens as number);
  });

  test('T38: words become budgets for older models, adaptive effort for newer ones', () => {
    for (const [effort, budget] of [
      ['minimal', 1024],
      ['low', 2000],
      ['medium', 5000],
      ['high', 10_000],
    ] as const) {
      expect(write({ reasoning: { effort }, maxOutputTokens: 64_000 }).body.thinking).toMatchObject({
        budget_tokens: budget,
      });
    }
    expect(write({ reasoning: { effort: 'high' } }, NEW).body).toMatchObject({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
    });
    expect(write({ reasoning: { budgetTokens: 6000 } }, NEW).body.output_config).toEqual({ effort: 'medium' });
    expect(write({ reasoning: { effort: 'none' } }, NEW).body.thinking).toEqual({ type: 'disabled' });
    expect(write({ reasoning: { effort: 'high' } }, 'alias', { thinkingForm: 'adaptive' }).body.thinking).toEqual({
      type: 'adaptive',
    });
  });

  test('T9: thinking lost from a turn with calls: this turn does not think; kept thinking goes back first', () => {
    const turn = (...parts: Part[]): Message[] => [HI, { role: 'assistant', parts }, result('a', text('18C'))];
    const lost = write({ messages: turn(call('a')), reasoning: { effort: 'high' } });
    expect(lost.body.thinking).toBeUndefined();
    expect(covers(lost.losses, 'reasoning')).toBe(true);
    const seal = { issuer: 'anthropic', kind: 'signature', value: 'c2ln' } as const;
    const kept = write({
      messages: turn({ type: 'reasoning', text: '', seal }, call('a')),
      reasoning: { effort: 'high' },
    });
    expect(kept.body.thinking).toMatchObject({ type: 'enabled' });
    expect(blocksOf(kept.body, 1)[0]).toEqual({
      type: 'thinking',
      thinking: '',
      signature: 'c2ln',
    });
  });

  test('T9: the same when this dialect history held the thinking of another provider', () => {
    const thinking = { type: 'thinking', thinking: 'hm', signature: '' };
    const request = anthropicMessages.readRequest({
      model: 'm',
      max_tokens: 4000,
      thinking: { type: 'enabled', budget_tokens: 2000 },
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: [thinking, { type: 'tool_use', id: 'a', name: 'f', input: {} }] },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: '1' }] },
      ],
    });
    const { body, losses } = anthropicMessages.writeRequest(request, { model: OLD, quirks: {} });
    expect(body.thinking).toBeUndefined();
    expect(covers(losses, 'reasoning')).toBe(true);
  });

  test('T10: sealed thinking is replayed as it was; thinking of others is not', () => {
    const sealed: Part = {
      type: 'reasoning',
      text: '',
      seal: { issuer: 'anthropic', kind: 'encrypted', value: 'ZW5j' },
    };
    const foreign: Part = { type: 'reasoning', text: 'x', seal: { issuer: 'openai', kind: 'encrypted', value: 'y' } };
    const { body, losses } = write({ messages: [HI, { role: 'assistant', parts: [sealed, foreign, text('a')] }] });
    expect((body.messages as JsonObject[])[1]?.content).toEqual([
      { type: 'redacted_thinking', data: 'ZW5j' },
      { type: 'text', text: 'a' },
    ]);
    expect(losses).toContainEqual(expect.objectContaining({ path: 'messages[1].parts[1]', kind: 'dropped' }));
  });

  test('what thinking excludes gives way', () => {
    const asked = {
      reasoning: { effort: 'low' },
      maxOutputTokens: 9000,
      sampling: { temperature: 0.2, topK: 3, topP: 0.5 },
    };
    expect(paths(asked)).toEqual(
      expect.arrayContaining(['dropped sampling.temperature', 'dropped sampling.topK', 'dropped sampling.topP']),
    );
    expect(
      write({ reasoning: { effort: 'low' }, maxOutputTokens: 9000, tools: [F], toolChoice: { type: 'required' } }).body,
    ).not.toHaveProperty('thinking');
  });
});

describe('output', () => {
  const schema = { type: 'object', properties: { a: { type: 'object' } } };

  test('T14, T28: a schema goes to the native field, beside tools and thinking; no tool is forced for it', () => {
    const { body, losses } = write({
      responseFormat: { type: 'json-schema', schema, name: 'n', strict: true },
      tools: [F],
      reasoning: { effort: 'low' },
    });
    expect(body.output_config).toEqual({
      format: {
        type: 'json_schema',
        schema: {
          type: 'object',
          properties: { a: { type: 'object', additionalProperties: false } },
          additionalProperties: false,
        },
      },
    });
    expect(body.tools).toHaveLength(1);
    expect(body).not.toHaveProperty('tool_choice');
    expect(covers(losses, 'responseFormat.name') && covers(losses, 'responseFormat.schema')).toBe(true);
  });

  test('JSON without a schema cannot be asked for; text is what comes anyway', () => {
    expect(paths({ responseFormat: { type: 'json' } })).toContain('dropped responseFormat');
    expect(paths({ responseFormat: { type: 'text' } })).not.toContain('dropped responseFormat');
  });

  test('everything else that has no counterpart is reported', () => {
    const sampling = { temperature: 1.5, seed: 1, frequencyPenalty: 1, presencePenalty: 1, minP: 0.1 };
    const lost = paths({
      sampling,
      n: 2,
      logprobs: { enabled: true },
      metadata: { a: '1' },
      stop: ['END', '\n'],
      serviceTier: 'flex',
    });
    for (const path of [
      'dropped n',
      'dropped logprobs',
      'dropped metadata',
      'dropped serviceTier',
      'dropped stop[1]',
      'changed sampling.temperature',
    ]) {
      expect(lost).toContain(path);
    }
    expect(write({ sampling, stop: ['END', '\n'], userId: 'u' }).body).toMatchObject({
      temperature: 1,
      stop_sequences: ['END'],
      metadata: { user_id: 'u' },
    });
    expect(lost).toContain('added maxOutputTokens');
    expect(write({}, OLD, { maxTokensDefault: 99 }).body.max_tokens).toBe(99);
    const refused = write({ sampling: { topK: 3 } }, OLD, { refusedFields: ['top_k'] });
    expect(refused.body).not.toHaveProperty('top_k');
    expect(covers(refused.losses, 'sampling.topK')).toBe(true);
  });
});
