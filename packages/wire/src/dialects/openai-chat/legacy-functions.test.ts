import { describe, expect, test } from 'bun:test';
import type { Part } from '../../canon/part.ts';
import type { CanonResponse } from '../../canon/response.ts';
import { unfold } from '../../canon/unfold.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';
import { asksByFunctions } from './legacy-functions.ts';

const options = { fallbackId: 'fallback', nowSec: 1, legacyFunctions: true };

const call = (id: string, name: string): Part => ({
  type: 'tool-call',
  id,
  name,
  argumentsJson: '{"x":1}',
  ranBy: 'client',
});

/** An answer of another dialect. */
const answer = (...parts: Part[]): CanonResponse => ({
  id: 'msg_1',
  model: 'm',
  choices: [{ index: 0, parts, finish: { unified: 'tool-calls', raw: 'tool_use' } }],
});

function streamed(response: CanonResponse): { deltas: JsonObject[]; finish: unknown; losses: string[] } {
  const writer = openaiChat.streamWriter(options);
  const text = unfold(response)
    .map((event) => writer.write(event))
    .join('');
  const choices = text.split('\n\n').flatMap((event) => {
    const chunk: unknown = event.startsWith('data: {') ? JSON.parse(event.slice(6)) : undefined;
    return isObject(chunk as JsonObject) ? ((chunk as JsonObject).choices as JsonObject[]) : [];
  });
  return {
    deltas: choices.map(({ delta }) => delta as JsonObject),
    finish: choices.at(-1)?.finish_reason,
    losses: writer.losses.map(({ path, kind }) => `${kind} ${path}`),
  };
}

const losses = ['dropped choices[0].parts[1].id', 'dropped choices[0].parts[2]'];
const parallel = answer({ type: 'text', text: 'Hi' }, call('a', 'f'), call('b', 'g'));

describe('for a client that knows functions only', () => {
  test('a call is told by function_call; a second one is lost aloud', () => {
    const { body, losses: found } = openaiChat.writeResponse(parallel, options);
    expect(body.choices).toEqual([
      {
        index: 0,
        message: {
          role: 'assistant',
          content: 'Hi',
          function_call: { name: 'f', arguments: '{"x":1}' },
          refusal: null,
        },
        logprobs: null,
        finish_reason: 'function_call',
      },
    ]);
    expect(found.map(({ path, kind }) => `${kind} ${path}`)).toEqual(losses);
  });

  test('in a stream as well', () => {
    expect(streamed(parallel)).toEqual({
      deltas: [
        { role: 'assistant', content: '' },
        { content: 'Hi' },
        { function_call: { name: 'f', arguments: '' } },
        { function_call: { arguments: '{"x":1}' } },
        {},
      ],
      finish: 'function_call',
      losses,
    });
  });

  test('others get tool_calls', () => {
    const { body } = openaiChat.writeResponse(parallel, { ...options, legacyFunctions: false });
    expect(body.choices).toMatchObject([
      { message: { tool_calls: [{ id: 'a' }, { id: 'b' }] }, finish_reason: 'tool_calls' },
    ]);
  });
});

describe('whether a request asks by functions', () => {
  const asks = (fields: JsonObject) => asksByFunctions(openaiChat.readRequest({ model: 'm', messages: [], ...fields }));
  const definition = { name: 'f', parameters: { type: 'object' } };

  test('functions do, tools do not, and beside tools they do not', () => {
    expect(asks({ functions: [definition] })).toBe(true);
    expect(asks({ tools: [{ type: 'function', function: definition }] })).toBe(false);
    expect(asks({ functions: [definition], tools: [{ type: 'function', function: definition }] })).toBe(false);
    expect(asks({})).toBe(false);
  });
});
