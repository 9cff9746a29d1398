import { describe, expect, test } from 'bun:test';
import { sealEnvelope } from '../../canon/seal.ts';
import { unfold } from '../../canon/unfold.ts';
import { Fault } from '../../fault.ts';
import { stringifyJson } from '../../json/stringify.ts';
import type { JsonObject } from '../../json/value.ts';
import { anthropicMessages } from './index.ts';
import {
  expectSame,
  folded,
  READ,
  readStream,
  responseTrip,
  sseOf,
  WRITE,
  wireValues,
  withParsedArguments,
  writeStream,
} from './trip.test-support.ts';

const USAGE = {
  input_tokens: 5,
  cache_creation_input_tokens: 30,
  cache_read_input_tokens: 100,
  cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
  output_tokens: 7,
  output_tokens_details: { thinking_tokens: 3 },
  server_tool_use: { web_search_requests: 2, web_fetch_requests: 0 },
  service_tier: 'standard',
  inference_geo: null,
  iterations: [{ type: 'message', input_tokens: 5 }],
};

function message(content: JsonObject[], fields: JsonObject = {}): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-test',
    content,
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: USAGE,
    ...fields,
  };
}

const TEXT = { type: 'text', text: 'Hello' };
const CITATION = {
  type: 'char_location',
  cited_text: 'x',
  document_index: 0,
  document_title: 'D',
  start_char_index: 0,
  end_char_index: 1,
};

const RESPONSES: Record<string, JsonObject> = {
  text: message([TEXT]),
  'empty content': message([]),
  'empty text': message([{ type: 'text', text: '' }]),
  'text with citations': message([{ type: 'text', text: 'It is.', citations: [CITATION] }]),
  'text with no citations': message([{ type: 'text', text: 'It is.', citations: null }]),
  'thinking, then text': message([{ type: 'thinking', thinking: 'hm', signature: 'c2ln' }, TEXT]),
  'thinking left out': message([{ type: 'thinking', thinking: '', signature: 'c2ln' }, TEXT]),
  'thinking that is unsigned': message([{ type: 'thinking', thinking: 'hm', signature: '' }, TEXT]),
  'redacted thinking': message([{ type: 'redacted_thinking', data: 'ZW5j' }, TEXT]),
  'parallel calls': message(
    [
      TEXT,
      { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
      { type: 'tool_use', id: 'toolu_2', name: 'g', input: {}, caller: { type: 'direct' } },
    ],
    { stop_reason: 'tool_use' },
  ),
  'interleaved thinking': message([
    { type: 'thinking', thinking: 'a', signature: 's1' },
    { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
    { type: 'thinking', thinking: 'b', signature: 's2' },
    TEXT,
  ]),
  'server tools': message([
    { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
    {
      type: 'web_search_tool_result',
      tool_use_id: 'srvtoolu_1',
      content: [
        { type: 'web_search_result', url: 'https://a.test', title: 'A', encrypted_content: 'e', page_age: null },
      ],
    },
    {
      type: 'web_search_tool_result',
      tool_use_id: 'srvtoolu_2',
      content: { type: 'web_search_tool_result_error', error_code: 'x' },
    },
    { type: 'mcp_tool_use', id: 'mcptoolu_1', name: 'echo', server_name: 'm', input: {} },
    { type: 'mcp_tool_result', tool_use_id: 'mcptoolu_1', is_error: true, content: [{ type: 'text', text: 'no' }] },
  ]),
  compaction: message([{ type: 'compaction', content: 'So far…' }, TEXT]),
  'a block of tomorrow': message([{ type: 'smell', bouquet: ['oak'] }, TEXT]),
  'stop sequence': message([TEXT], { stop_reason: 'stop_sequence', stop_sequence: 'END' }),
  refusal: message([], {
    stop_reason: 'refusal',
    stop_details: { type: 'refusal', category: 'bio', explanation: 'no' },
  }),
  'no details of the stop': message([TEXT], { stop_details: null }),
  pause: message([TEXT], { stop_reason: 'pause_turn' }),
  'bound reached': message([TEXT], { stop_reason: 'max_tokens' }),
  'window full': message([TEXT], { stop_reason: 'model_context_window_exceeded' }),
  'a reason of tomorrow': message([TEXT], { stop_reason: 'compaction' }),
  'not stopped': message([TEXT], { stop_reason: null }),
  'fields of the message': message([TEXT], {
    container: { id: 'c', expires_at: 't' },
    context_management: { applied_edits: [] },
    provider: 'P',
  }),
};

for (const [name, body] of Object.entries(RESPONSES)) {
  describe(name, () => {
    test('comes back as it was', () => expectSame(responseTrip(body), body));

    test('can be streamed and folds to itself', () => {
      const read = anthropicMessages.readResponse(body, READ);
      expectSame(folded(readStream(writeStream(unfold(read)))), read);
    });

    test('its fold, written whole, reads as the fold', () => {
      const read = folded(readStream(writeStream(unfold(anthropicMessages.readResponse(body, READ)))));
      const written = anthropicMessages.writeResponse(read, WRITE).body;
      expectSame(withParsedArguments(anthropicMessages.readResponse(written, READ)), withParsedArguments(read));
    });

    test('a tap sees its usage, finish and id', () => {
      const read = anthropicMessages.readResponse(body, READ);
      const seen = anthropicMessages.tapResponse(new TextEncoder().encode(stringifyJson(body)));
      expectSame(seen, { usage: read.usage, finish: read.choices[0]?.finish, responseId: 'msg_1' });
    });
  });
}

test('usage counts all input, and goes back as received', () => {
  const { usage } = anthropicMessages.readResponse(message([TEXT]), READ);
  expect(usage).toMatchObject({
    inputTokens: 135,
    cacheReadTokens: 100,
    cacheWriteTokens: 30,
    cacheWrite1hTokens: 20,
    outputTokens: 7,
    reasoningTokens: 3,
    serverToolCalls: { web_search_requests: 2, web_fetch_requests: 0 },
  });
});

test('a body that is no message is garbled', () => {
  expect(() => anthropicMessages.readResponse({}, READ)).toThrow(Fault);
  const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } };
  expect(() => anthropicMessages.readResponse(overloaded, READ)).toThrow(/Overloaded/);
  expect(anthropicMessages.tapResponse(new TextEncoder().encode(JSON.stringify(overloaded)))).toBeUndefined();
  expect(anthropicMessages.tapResponse(new TextEncoder().encode('[1]'))).toBeUndefined();
});

test('renamed tools get the name of the caller back, whole and streamed', () => {
  const toolNames = new Map([['short', 'the.long.name']]);
  const body = message([{ type: 'tool_use', id: 't', name: 'short', input: {} }]);
  const read = anthropicMessages.readResponse(body, { quirks: {}, toolNames });
  expect(read.choices[0]?.parts[0]).toMatchObject({ name: 'the.long.name' });
  const reader = anthropicMessages.streamReader({ quirks: {}, toolNames });
  const block = { type: 'tool_use', id: 't', name: 'short', input: {} };
  const events = reader.read({ data: JSON.stringify({ type: 'content_block_start', index: 0, content_block: block }) });
  expect(events).toMatchObject([{ type: 'part-start', value: { name: 'the.long.name' } }]);
});

describe('seals', () => {
  const seals = [
    { issuer: 'openai', kind: 'encrypted', value: 'blob', id: 'rs_1' },
    { issuer: 'google', kind: 'signature', value: 'sig' },
  ] as const;
  for (const seal of seals) {
    for (const text of ['', 'because']) {
      test(`of ${seal.issuer} travel to the client and back, ${text === '' ? 'without' : 'with'} text`, () => {
        const part = { type: 'reasoning', text, seal } as const;
        const response = { id: 'r', model: 'm', choices: [{ index: 0, parts: [part] }] };
        const { body } = anthropicMessages.writeResponse(response, WRITE);
        const streamed = wireValues(new TextDecoder().decode(writeStream(unfold(response))));
        const history = { model: 'm', messages: [{ role: 'assistant', content: body.content ?? [] }] };
        expect(anthropicMessages.readRequest(history).messages[0]?.parts).toEqual([part]);
        expect(folded(readStream(sseOf(streamed))).choices[0]?.parts).toEqual([part]);
        expect(stringifyJson(body)).toContain(sealEnvelope(seal));
      });
    }
  }

  test('a client reads unsealed reasoning as thinking with an empty signature, and returns it unsealed', () => {
    const response = {
      id: 'r',
      model: 'm',
      choices: [{ index: 0, parts: [{ type: 'reasoning', text: 'hm' } as const] }],
    };
    const { body } = anthropicMessages.writeResponse(response, WRITE);
    expect(body.content).toEqual([{ type: 'thinking', thinking: 'hm', signature: '' }]);
    const history = { model: 'm', messages: [{ role: 'assistant', content: body.content ?? [] }] };
    expect(anthropicMessages.readRequest(history).messages[0]?.parts).toEqual([{ type: 'reasoning', text: 'hm' }]);
  });

  test('encrypted thinking of Anthropic that came by another dialect keeps its kind', () => {
    const seal = { issuer: 'anthropic', kind: 'encrypted', value: 'ZW5j' } as const;
    const events = unfold({
      id: 'r',
      model: 'm',
      choices: [{ index: 0, parts: [{ type: 'reasoning', text: 'hm', seal }] }],
    });
    expect(folded(readStream(writeStream(events))).choices[0]?.parts).toEqual([
      { type: 'reasoning', text: 'hm', seal },
    ]);
  });
});
