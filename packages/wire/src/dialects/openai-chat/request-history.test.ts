import { describe, expect, test } from 'bun:test';
import type { MediaPart, Part } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import type { JsonObject } from '../../json/value.ts';
import { openaiChat } from './index.ts';

/** The history of a conversation that was held in another dialect. */
const write = (messages: Message[]) => {
  const { body, losses } = openaiChat.writeRequest({ model: 'm', messages, sampling: {} }, { model: 'm', quirks: {} });
  return { messages: body.messages, losses: losses.map(({ path, kind }) => `${kind} ${path}`) };
};

const call = (id: string): Part => ({ type: 'tool-call', id, name: 'f', argumentsJson: '{}', ranBy: 'client' });
const result = (callId: string): Part => ({
  type: 'tool-result',
  callId,
  ranBy: 'client',
  content: [{ type: 'text', text: 'ok' }],
});
const picture: MediaPart = { type: 'media', kind: 'image', source: { type: 'url', url: 'https://a.example/x.png' } };

describe('media that the assistant showed', () => {
  test('follow in a user message, behind the results of its calls', () => {
    const sent = write([
      { role: 'assistant', parts: [picture, { type: 'text', text: 'see' }, call('c')] },
      { role: 'user', parts: [result('c'), { type: 'text', text: 'and?' }] },
    ]);
    expect(sent.messages).toEqual([
      { role: 'assistant', content: 'see', tool_calls: [expect.objectContaining({ id: 'c' })] },
      { role: 'tool', tool_call_id: 'c', content: 'ok' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'The assistant showed:' },
          { type: 'image_url', image_url: { url: 'https://a.example/x.png' } },
        ],
      },
      { role: 'user', content: 'and?' },
    ]);
    expect(sent.losses).toEqual(['changed messages[0].parts[0]', 'added messages[0].parts[0].role']);
  });

  test('that cannot be sent are lost, and no message speaks of them', () => {
    const source = { type: 'file', id: 'f', dialect: 'anthropic-messages' } as const;
    const sent = write([
      {
        role: 'assistant',
        parts: [
          { ...picture, source },
          { type: 'text', text: 'see' },
        ],
      },
    ]);
    expect(sent.messages).toEqual([{ role: 'assistant', content: 'see' }]);
    expect(sent.losses).toEqual(['dropped messages[0].parts[0]']);
  });

  test('stay where a client of this dialect put them', () => {
    const content = [{ type: 'image_url', image_url: { url: 'https://a.example/x.png' } }];
    const { messages } = openaiChat.readRequest({ model: 'm', messages: [{ role: 'assistant', content }] });
    const sent = write(messages);
    expect(sent).toEqual({ messages: [{ role: 'assistant', content }], losses: [] });
  });

  test('given as text are text', () => {
    const sent = write([
      { role: 'assistant', parts: [{ ...picture, kind: 'document', source: { type: 'text', text: 'plain' } }] },
    ]);
    expect(sent.messages).toEqual([{ role: 'assistant', content: 'plain' }]);
  });
});

describe('ids of calls', () => {
  const idsOf = (list: unknown) =>
    (list as JsonObject[]).map(({ tool_calls, tool_call_id }) =>
      Array.isArray(tool_calls) ? (tool_calls[0] as JsonObject).id : tool_call_id,
    );

  test('that are too long or hold other characters are made to fit, one for one', () => {
    const ids = [`toolu_${'a'.repeat(60)}1`, `toolu_${'a'.repeat(60)}2`, 'a:b', 'fine'];
    const sent = write([
      ...ids.map((id): Message => ({ role: 'assistant', parts: [call(id)] })),
      ...ids.map((id): Message => ({ role: 'user', parts: [result(id)] })),
    ]);
    const written = idsOf(sent.messages);
    expect(written.slice(0, 4)).toEqual(written.slice(4));
    expect(new Set(written).size).toBe(4);
    for (const id of written) expect(String(id)).toMatch(/^[a-zA-Z0-9_-]{1,40}$/);
    expect(written[3]).toBe('fine');
    expect(sent.losses).toEqual([
      ...[0, 1, 2].map((at) => `changed messages[${at}].parts[0].id`),
      ...[4, 5, 6].map((at) => `changed messages[${at}].parts[0].callId`),
    ]);
  });

  test('that a client of this dialect sent go on as they were', () => {
    const id = `call_1__thought__${'A'.repeat(80)}==`;
    const history = [
      { role: 'assistant', tool_calls: [{ id, type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { role: 'tool', tool_call_id: id, content: 'ok' },
    ];
    const sent = write(openaiChat.readRequest({ model: 'm', messages: history }).messages);
    expect(sent).toEqual({ messages: history, losses: [] });
  });
});

test('bytes without a media type get one, and that is reported', () => {
  const source = { type: 'base64', data: 'AA==' } as const;
  const sent = write([{ role: 'user', parts: [{ ...picture, source }] }]);
  expect(sent.messages).toEqual([
    { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } }] },
  ]);
  expect(sent.losses).toEqual(['added messages[0].parts[0].mediaType']);
});

test("a document's title stands in for the file name it lacks", () => {
  const document: MediaPart = { ...picture, kind: 'document', mediaType: 'application/pdf', title: 'Report' };
  const sent = write([{ role: 'user', parts: [{ ...document, source: { type: 'base64', data: 'JVBERi0=' } }] }]);
  expect(sent.messages).toEqual([
    {
      role: 'user',
      content: [{ type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=', filename: 'Report' } }],
    },
  ]);
  expect(sent.losses).toEqual(['changed messages[0].parts[0].title']);
});

describe('thought signatures beside tool calls', () => {
  const extra = { google: { thought_signature: 'S' } };
  const body = {
    model: 'm',
    messages: [
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' }, extra_content: extra }],
      },
    ],
  };

  test('go back to a provider of this dialect, and are residue for every other', () => {
    const { messages } = openaiChat.readRequest(body);
    expect(write(messages)).toEqual({ messages: body.messages, losses: [] });
    expect(messages[0]?.parts[0]?.residue).toMatchObject({ 'openai-chat': { extra_content: extra } });
  });
});
