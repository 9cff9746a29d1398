import { describe, expect, test } from 'bun:test';
import { Fault } from '../../fault.ts';
import { parseJson } from '../../json/parse.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { anthropicMessages } from './index.ts';
import { expectSame, requestTrip } from './trip.test-support.ts';

const BASE: JsonObject = { model: 'claude-test', max_tokens: 100 };
const HI: JsonObject = { role: 'user', content: 'Hi' };
const MARK = { type: 'ephemeral', ttl: '1h' };

/** Fields of a request, each of which must come back as it was. */
const FIELDS: Record<string, JsonObject> = {
  'system as text': { system: 'Be brief.' },
  'system as marked blocks': { system: [{ type: 'text', text: 'Be brief.', cache_control: MARK }] },
  'an empty system': { system: [] },
  'mark on the request': { cache_control: { type: 'ephemeral' } },
  'mark with more than we know': { cache_control: { type: 'ephemeral', scope: 'global' } },
  sampling: { temperature: 0.5, top_p: 0.9, top_k: 4, stop_sequences: ['END', ' '] },
  'budgeted thinking': { thinking: { type: 'enabled', budget_tokens: 2048, display: 'omitted' } },
  'adaptive thinking': { thinking: { type: 'adaptive', display: 'summarized' }, output_config: { effort: 'xhigh' } },
  'no thinking': { thinking: { type: 'disabled' } },
  'thinking of tomorrow': { thinking: { type: 'telepathic', depth: 3 } },
  'structured output': {
    output_config: {
      effort: 'low',
      format: { type: 'json_schema', schema: { type: 'object' } },
      task_budget: { total: 9 },
    },
  },
  'structured output, older field': { output_format: { type: 'json_schema', schema: { type: 'object' } } },
  'an empty output_config': { output_config: {} },
  'nulls are kept': { system: null, metadata: { user_id: null }, container: null, thinking: null, cache_control: null },
  metadata: { metadata: { user_id: 'u-1', region: 'eu' } },
  'service tier': { service_tier: 'standard_only' },
  streaming: { stream: true },
  'fields without a canon word': {
    container: { id: 'c1', skills: [] },
    context_management: { edits: [{ type: 'clear_tool_uses_20250919' }] },
    mcp_servers: [{ type: 'url', name: 'm', url: 'https://mcp.test', authorization_token: 't' }],
    inference_geo: 'eu',
    future_field: { deep: [1, { two: null }] },
  },
  tools: {
    tools: [
      { name: 'plain', input_schema: { type: 'object', properties: {}, $defs: {} } },
      {
        type: 'custom',
        name: 'full',
        description: 'Does it',
        input_schema: { type: 'object' },
        strict: true,
        cache_control: MARK,
        defer_loading: true,
        input_examples: [{ a: 1 }],
      },
      { name: 'odd', input_schema: {} },
      { name: 'bare' },
    ],
  },
  'tools only this API knows': {
    tools: [
      { type: 'web_search_20250305', name: 'web_search', max_uses: 2, cache_control: MARK },
      { type: 'bash_20250124', name: 'bash' },
      { type: 'mcp_toolset', mcp_server_name: 'm', default_config: { enabled: true } },
    ],
  },
  'choice: any tool': { tools: [{ name: 'f', input_schema: { type: 'object' } }], tool_choice: { type: 'any' } },
  'choice: one tool, one call': {
    tools: [{ name: 'f', input_schema: { type: 'object' } }],
    tool_choice: { type: 'tool', name: 'f', disable_parallel_tool_use: true },
  },
  'choice: auto, parallel said': { tool_choice: { type: 'auto', disable_parallel_tool_use: false } },
  'choice: none': { tool_choice: { type: 'none' } },
  'choice of tomorrow': { tool_choice: { type: 'dice', sides: 6 } },
};

/** Blocks of a message, each of which must come back as it was. */
const BLOCKS: Record<string, JsonObject> = {
  text: { type: 'text', text: 'Hello', cache_control: MARK },
  'empty text': { type: 'text', text: '' },
  'text with citations': {
    type: 'text',
    text: 'So it is.',
    citations: [
      {
        type: 'char_location',
        cited_text: 'it',
        document_index: 0,
        document_title: null,
        start_char_index: 0,
        end_char_index: 2,
      },
      { type: 'web_search_result_location', cited_text: 'is', url: 'https://a.test', title: 'A', encrypted_index: 'e' },
      {
        type: 'search_result_location',
        cited_text: 'x',
        source: 'https://b.test',
        title: null,
        search_result_index: 0,
        start_block_index: 0,
        end_block_index: 1,
      },
    ],
  },
  'text with null citations': { type: 'text', text: 'x', citations: null },
  'image bytes': { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' } },
  'image address': { type: 'image', source: { type: 'url', url: 'https://a.test/x.png' }, cache_control: MARK },
  'image file': { type: 'image', source: { type: 'file', file_id: 'file_1' } },
  'image source of tomorrow': { type: 'image', source: { type: 'hologram', id: 1 } },
  'pdf bytes': {
    type: 'document',
    source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
    title: 'T',
    context: 'C',
    citations: { enabled: true },
  },
  'text document': { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'words' }, title: null },
  'document address': { type: 'document', source: { type: 'url', url: 'https://a.test/x.pdf' } },
  'document file': { type: 'document', source: { type: 'file', file_id: 'file_2' }, citations: null },
  'document of blocks': {
    type: 'document',
    source: {
      type: 'content',
      content: [
        { type: 'text', text: 'a' },
        { type: 'image', source: { type: 'file', file_id: 'f' } },
      ],
    },
  },
  'document of a string': { type: 'document', source: { type: 'content', content: 'a' } },
  'search result': {
    type: 'search_result',
    source: 's',
    title: 't',
    content: [{ type: 'text', text: 'x' }],
    cache_control: MARK,
  },
  'container upload': { type: 'container_upload', file_id: 'file_3' },
  'tool result, no content': { type: 'tool_result', tool_use_id: 'toolu_1' },
  'tool result, empty text': { type: 'tool_result', tool_use_id: 'toolu_1', content: '' },
  'tool result, text': { type: 'tool_result', tool_use_id: 'toolu_1', content: 'ok', is_error: false },
  'tool result, blocks': {
    type: 'tool_result',
    tool_use_id: 'toolu_1',
    content: [
      { type: 'text', text: 'shot', cache_control: MARK },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
      { type: 'document', source: { type: 'url', url: 'https://a.test/x.pdf' } },
      { type: 'tool_reference', tool_name: 'f' },
    ],
    is_error: true,
    cache_control: MARK,
  },
  'tool result, no blocks': { type: 'tool_result', tool_use_id: 'toolu_1', content: [] },
  thinking: { type: 'thinking', thinking: 'hm', signature: 'c2ln' },
  'thinking left out': { type: 'thinking', thinking: '', signature: 'c2ln' },
  'thinking of tomorrow': { type: 'thinking', thinking: 'hm', signature: 'c2ln', mood: 'good' },
  'redacted thinking': { type: 'redacted_thinking', data: 'ZW5j' },
  'tool use': {
    type: 'tool_use',
    id: 'toolu_1',
    name: 'f',
    input: { a: { b: [1, null] } },
    caller: { type: 'direct' },
  },
  'tool use without arguments': { type: 'tool_use', id: 'toolu_1', name: 'f', input: {}, cache_control: MARK },
  'server tool use': { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'q' } },
  'web search result': {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: [{ type: 'web_search_result', url: 'https://a.test', title: 'A', encrypted_content: 'e', page_age: null }],
    cache_control: MARK,
  },
  'web search error': {
    type: 'web_search_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: { type: 'web_search_tool_result_error', error_code: 'unavailable' },
  },
  'web fetch result': {
    type: 'web_fetch_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: { type: 'web_fetch_result', url: 'https://a.test', content: { type: 'document', source: {} } },
    caller: { type: 'direct' },
  },
  'code execution result': {
    type: 'bash_code_execution_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: { type: 'bash_code_execution_result', stdout: 'x', stderr: '', return_code: 0, content: [] },
  },
  'result of a tool of tomorrow': {
    type: 'quantum_tool_result',
    tool_use_id: 'srvtoolu_1',
    content: [{ type: 'qubit' }],
  },
  'mcp call': { type: 'mcp_tool_use', id: 'mcptoolu_1', name: 'echo', server_name: 'm', input: { a: 1 } },
  'mcp result': {
    type: 'mcp_tool_result',
    tool_use_id: 'mcptoolu_1',
    is_error: false,
    content: [{ type: 'text', text: 'a' }],
  },
  'mcp result as text': { type: 'mcp_tool_result', tool_use_id: 'mcptoolu_1', is_error: false, content: 'a' },
  compaction: { type: 'compaction', content: 'So far…', encrypted_content: 'e', cache_control: MARK },
  'block of tomorrow': { type: 'smell', bouquet: { notes: ['oak'] } },
};

describe('a request comes back as it was', () => {
  for (const [name, fields] of Object.entries(FIELDS)) {
    test(name, () => {
      const body = { ...BASE, ...fields, messages: [HI] };
      expectSame(requestTrip(body), body);
    });
  }

  for (const [name, block] of Object.entries(BLOCKS)) {
    for (const role of ['user', 'assistant']) {
      test(`${name}, by the ${role}`, () => {
        const body = { ...BASE, messages: [HI, { role, content: [{ type: 'text', text: 'a' }, block] }] };
        expectSame(requestTrip(body), body);
      });
    }
  }

  test('messages keep their shape: neighbours of one role, unknown fields, a system message in the middle', () => {
    const body = {
      ...BASE,
      system: 'top',
      messages: [
        HI,
        { role: 'user', content: [{ type: 'text', text: 'again' }] },
        { role: 'assistant', content: [], note: 'x' },
        { role: 'system', content: 'midway' },
        { role: 'system', content: [{ type: 'tool_addition', tool: { type: 'tool_reference', name: 'f' } }] },
      ],
    };
    expectSame(requestTrip(body), body);
  });

  test('a first message of the role system is no system field', () => {
    const body = { ...BASE, messages: [{ role: 'system', content: 'first' }, HI] };
    expectSame(requestTrip(body), body);
  });

  test('without a model (clouds name it in the address) and with the cloud own fields', () => {
    const body = { anthropic_version: 'vertex-2023-10-16', max_tokens: 5, messages: [HI] };
    expectSame(requestTrip(body), body);
    expect(Object.keys(requestTrip(body))).not.toContain('model');
  });

  test('numbers keep the text they had', () => {
    const body = parseJson(
      '{"model":"m","max_tokens":1e3,"temperature":1.0,"thinking":{"type":"enabled","budget_tokens":2e3},"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"id":12345678901234567890,"x":1.0}}]}]}',
    );
    if (!isObject(body)) throw new Error('no object');
    expectSame(requestTrip(body), body);
  });
});

describe('what cannot be understood is refused with its place', () => {
  const cases: [string, JsonObject, string][] = [
    ['no messages', {}, 'messages'],
    ['a message that is text', { messages: ['Hi'] }, 'messages[0]'],
    ['an unknown role', { messages: [{ role: 'tool', content: 'x' }] }, 'messages[0].role'],
    ['content that is a number', { messages: [HI, { role: 'user', content: 1 }] }, 'messages[1].content'],
    ['a block that is text', { messages: [{ role: 'user', content: ['x'] }] }, 'messages[0].content[0]'],
    [
      'text that is a number',
      { messages: [{ role: 'user', content: [{ type: 'text', text: 1 }] }] },
      'messages[0].content[0].text',
    ],
    ['a bound that is text', { messages: [HI], max_tokens: '5' }, 'max_tokens'],
    ['tools that are no list', { messages: [HI], tools: {} }, 'tools'],
  ];
  for (const [name, fields, param] of cases) {
    test(name, () => {
      const run = () => anthropicMessages.readRequest({ model: 'm', ...fields });
      expect(run).toThrow(Fault);
      try {
        run();
      } catch (error) {
        expect(error).toMatchObject({ code: 'body_invalid', param });
      }
    });
  }
});

test('unsigned and foreign thinking does not reach the provider, and that is reported', () => {
  const unsigned = { type: 'thinking', thinking: 'hm', signature: '' };
  const request = anthropicMessages.readRequest({
    ...BASE,
    messages: [HI, { role: 'assistant', content: [unsigned, { type: 'text', text: 'a' }] }],
  });
  const { body, losses } = anthropicMessages.writeRequest(request, { model: 'm', quirks: {} });
  expect(body.messages).toEqual([HI, { role: 'assistant', content: [{ type: 'text', text: 'a' }] }]);
  expect(losses).toEqual([expect.objectContaining({ path: 'messages[1].parts[0]', kind: 'dropped' })]);
});
