import { describe, expect, test } from 'bun:test';
import type { CanonRequest } from '../../canon/request.ts';
import type { Quirks } from '../../quirks.ts';
import { openaiChat } from './index.ts';

describe('what comes from another dialect', () => {
  const write = (request: Partial<CanonRequest>, quirks: Quirks = {}) =>
    openaiChat.writeRequest({ model: 'm', messages: [], sampling: {}, ...request }, { model: 'm', quirks });

  test('tool results come first, their images in a user message after them', () => {
    const sent = write({
      messages: [
        {
          role: 'user',
          parts: [
            { type: 'text', text: 'and then?' },
            {
              type: 'tool-result',
              callId: 'a',
              ranBy: 'client',
              isError: true,
              content: [
                { type: 'text', text: 'seen' },
                { type: 'media', kind: 'image', mediaType: 'image/png', source: { type: 'base64', data: 'AA==' } },
              ],
            },
            { type: 'tool-result', callId: 'b', ranBy: 'client', content: [{ type: 'text', text: 'two' }] },
          ],
        },
      ],
    });
    expect(sent.body.messages).toEqual([
      { role: 'tool', tool_call_id: 'a', content: 'seen' },
      { role: 'tool', tool_call_id: 'b', content: 'two' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Result of tool call a:' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
          { type: 'text', text: 'and then?' },
        ],
      },
    ]);
    expect(sent.losses.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'changed messages[0].parts[1]',
      'changed messages[0].parts[2]',
      'dropped messages[0].parts[1].isError',
      'changed messages[0].parts[1].content[1]',
    ]);
  });

  test('tools the provider ran and foreign blocks are lost aloud, never sent as calls', () => {
    const sent = write({
      messages: [
        {
          role: 'assistant',
          parts: [
            { type: 'tool-call', id: 's', name: 'web_search', argumentsJson: '{}', ranBy: 'provider' },
            { type: 'tool-result', callId: 's', ranBy: 'provider', content: [] },
            { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'container' } },
            { type: 'text', text: 'found' },
          ],
        },
      ],
    });
    expect(sent.body.messages).toEqual([{ role: 'assistant', content: 'found' }]);
    expect(sent.losses.map((loss) => loss.path)).toEqual([0, 1, 2].map((at) => `messages[0].parts[${at}]`));
  });

  test('reasoning keeps its seal, and an order that cannot be said is reported', () => {
    const sent = write({
      messages: [
        {
          role: 'assistant',
          parts: [
            { type: 'text', text: 'a' },
            { type: 'reasoning', text: 't', seal: { issuer: 'anthropic', kind: 'signature', value: 'S' } },
            { type: 'reasoning', text: '', seal: { issuer: 'anthropic', kind: 'encrypted', value: 'R' } },
          ],
        },
      ],
    });
    expect(sent.body.messages).toEqual([
      {
        role: 'assistant',
        content: 'a',
        reasoning_details: [
          { type: 'reasoning.text', text: 't', signature: 'S', format: 'anthropic-claude-v1', index: 0 },
          { type: 'reasoning.encrypted', data: 'R', format: 'anthropic-claude-v1', index: 1 },
        ],
      },
    ]);
    expect(sent.losses.map((loss) => loss.path)).toEqual(['messages[0].parts[1]', 'messages[0].parts[2]']);
  });

  test('media: what can be said is, the rest is a loss', () => {
    const sent = write({
      messages: [
        {
          role: 'user',
          parts: [
            {
              type: 'media',
              kind: 'document',
              mediaType: 'application/pdf',
              source: { type: 'base64', data: 'JVBERi0=' },
            },
            { type: 'media', kind: 'document', source: { type: 'text', text: 'plain' }, title: 'T' },
            { type: 'media', kind: 'image', source: { type: 'file', id: 'f', dialect: 'anthropic-messages' } },
            { type: 'media', kind: 'audio', mediaType: 'audio/mpeg', source: { type: 'base64', data: 'AA==' } },
          ],
        },
      ],
    });
    expect(sent.body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'document.pdf' } },
          { type: 'text', text: 'T' },
          { type: 'text', text: 'plain' },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'mp3' } },
        ],
      },
    ]);
    expect(sent.losses.map(({ path, kind }) => `${kind} ${path}`)).toEqual([
      'added messages[0].parts[0].filename',
      'changed messages[0].parts[1]',
      'dropped messages[0].parts[2]',
    ]);
  });

  test('cache marks, foreign fields and foreign tools are losses unless the provider honours them', () => {
    const request: Partial<CanonRequest> = {
      messages: [{ role: 'user', parts: [{ type: 'text', text: 'x', cacheMark: { ttl: '1h' } }] }],
      tools: [{ type: 'provider', dialect: 'anthropic-messages', name: 'bash', value: { type: 'bash_20250124' } }],
      residue: { 'anthropic-messages': { context_management: {}, '~form': 1 } },
    };
    const sent = write(request);
    expect(sent.body.messages).toEqual([{ role: 'user', content: 'x' }]);
    expect(sent.losses.map((loss) => loss.path).sort()).toEqual([
      'messages[0].parts[0].cacheMark',
      'residue.anthropic-messages.context_management',
      'tools[0]',
    ]);
    const marked = write(request, { cacheMarks: true });
    expect(marked.body.messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'x', cache_control: { type: 'ephemeral', ttl: '1h' } }] },
    ]);
  });

  test('where every tool is lost, nothing is left to choose', () => {
    const sent = write({
      tools: [{ type: 'provider', dialect: 'anthropic-messages', value: { type: 'bash_20250124' } }],
      toolChoice: { type: 'required' },
      parallelToolCalls: false,
    });
    expect(sent.body).toEqual({ model: 'm', messages: [] });
    expect(sent.losses.map((loss) => loss.path)).toEqual(['tools[0]', 'toolChoice', 'parallelToolCalls']);
  });

  test('long tool names are shortened alike everywhere, and no two meet', () => {
    const names = ['a', 'b', 'c'].map((end) => `${'n'.repeat(90)}_${end}`);
    const [first = ''] = names;
    const sent = write({
      tools: names.map((name) => ({ type: 'function', name })),
      toolChoice: { type: 'tool', name: first },
      messages: [
        { role: 'assistant', parts: [{ type: 'tool-call', id: '1', name: first, argumentsJson: '', ranBy: 'client' }] },
      ],
    });
    const shorts = [...(sent.toolNames?.keys() ?? [])];
    expect(new Set(shorts).size).toBe(3);
    for (const short of shorts) expect(short.length).toBe(64);
    expect([...(sent.toolNames?.values() ?? [])]).toEqual(names);
    expect(sent.body).toMatchObject({
      tools: shorts.map((name) => ({ function: { name } })),
      tool_choice: { function: { name: shorts[0] ?? '' } },
      messages: [{ tool_calls: [{ function: { name: shorts[0] ?? '' } }] }],
    });
  });
});
