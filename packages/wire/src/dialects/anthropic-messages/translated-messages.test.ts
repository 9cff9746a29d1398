import { describe, expect, test } from 'bun:test';
import { covers } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import type { JsonObject } from '../../json/value.ts';
import { blocksOf, call, F, HI, OLD, result, text, user, write } from './translation.test-support.ts';

describe('messages of another dialect', () => {
  test('leading instructions become the system; one of two developers does not vanish', () => {
    const { body } = write({
      messages: [{ role: 'developer', parts: [text('A')] }, { role: 'system', parts: [text('B')] }, HI],
    });
    expect(body.system).toEqual([
      { type: 'text', text: 'A' },
      { type: 'text', text: 'B' },
    ]);
    expect(body.messages).toEqual([{ role: 'user', content: 'Hi' }]);
  });

  test('T34: an instruction in the middle stays in its place', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [text('Yes')] },
      { role: 'system', parts: [text('Be brief')] },
      user(text('Go')),
    ];
    const { body, losses } = write({ messages });
    expect(body.system).toBeUndefined();
    expect(body.messages).toEqual([
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes' },
      {
        role: 'user',
        content: [
          { type: 'text', text: '<system>\nBe brief\n</system>' },
          { type: 'text', text: 'Go' },
        ],
      },
    ]);
    expect(covers(losses, 'messages[2].role')).toBe(true);
  });

  test('results of parallel calls stand in one message, before any text', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [call('a'), call('b')] },
      user(text('wait')),
      result('a', text('1')),
      result('b', text('2')),
    ];
    const { body, losses } = write({ messages });
    expect((body.messages as JsonObject[])[2]).toEqual({
      role: 'user',
      content: [
        { type: 'tool_result', tool_use_id: 'a', content: '1' },
        { type: 'tool_result', tool_use_id: 'b', content: '2' },
        { type: 'text', text: 'wait' },
      ],
    });
    expect(covers(losses, 'messages[2].parts[0]')).toBe(true);
  });

  test('T35: empty text is left out, neighbours of one role are joined', () => {
    const { body, losses } = write({ messages: [user(text(' ')), user(text('a')), user(text('b'))] });
    expect(body.messages).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
    ]);
    expect(covers(losses, 'messages[0].parts[0]')).toBe(true);
  });

  test('T35: instructions alone get a minimal turn of the user', () => {
    const { body, losses } = write({ messages: [{ role: 'system', parts: [text('A')] }] });
    expect(body).toMatchObject({ system: 'A', messages: [{ role: 'user' }] });
    expect(losses).toContainEqual(expect.objectContaining({ path: 'messages', kind: 'added' }));
  });

  test('T29: marks on results and assistant text are kept with their time; a fifth mark gives way', () => {
    const marked = (value: string): Part => ({ type: 'text', text: value, cacheMark: { ttl: '1h' } });
    const tool: Message = {
      role: 'tool',
      parts: [{ type: 'tool-result', callId: 'a', content: [marked('r')], ranBy: 'client' }],
    };
    const { body } = write({ messages: [HI, { role: 'assistant', parts: [marked('t'), call('a')] }, tool] });
    expect(JSON.stringify(body.messages).match(/"cache_control":\{"type":"ephemeral","ttl":"1h"\}/g)).toHaveLength(2);
    const five = write({ messages: [user(...['1', '2', '3', '4', '5'].map(marked))] });
    expect(JSON.stringify(five.body).match(/cache_control/g)).toHaveLength(4);
    expect(covers(five.losses, 'messages[0].parts[0].cacheMark')).toBe(true);
    expect(JSON.stringify(write({ messages: [user(marked('1'))] }, OLD, { cacheMarks: false }).body)).not.toContain(
      'cache_control',
    );
  });
});

describe('media', () => {
  const image = (source: Extract<Part, { type: 'media' }>['source'], mediaType?: string): Part => ({
    type: 'media',
    kind: 'image',
    source,
    mediaType,
  });
  const sent = (part: Part) => blocksOf(write({ messages: [user(part)] }).body, 0)[0];

  test('T32: an address is sent as an address', () => {
    expect(sent(image({ type: 'url', url: 'https://a.test/x.png' }))).toEqual({
      type: 'image',
      source: { type: 'url', url: 'https://a.test/x.png' },
    });
  });

  test('data URLs with parameters are bytes', () => {
    const source = { type: 'base64', media_type: 'image/png', data: 'iVBORw0=' };
    expect(sent(image({ type: 'url', url: 'data:image/png;charset=utf-8;base64,iVBORw0=' }))).toEqual({
      type: 'image',
      source,
    });
    expect(sent(image({ type: 'base64', data: 'iVBORw0=' }, 'image/png;x=y'))).toEqual({ type: 'image', source });
    expect(sent(image({ type: 'base64', data: 'iVBORw0=' }))).toEqual({ type: 'image', source });
  });

  test('T33: a PDF becomes a document, text becomes a text document', () => {
    const file = (data: string, mediaType: string | undefined): Part => ({
      type: 'media',
      kind: 'document',
      filename: 'a b.pdf',
      mediaType,
      source: { type: 'base64', data },
    });
    expect(sent(file('JVBERi0=', undefined))).toEqual({
      type: 'document',
      source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
      title: 'a b.pdf',
    });
    expect(sent(file(btoa('hello'), 'text/markdown'))).toMatchObject({
      source: { type: 'text', media_type: 'text/plain', data: 'hello' },
    });
  });

  test('T31: an image in the result of a tool is sent', () => {
    const messages: Message[] = [
      HI,
      { role: 'assistant', parts: [call('a')] },
      result('a', text('shot'), image({ type: 'base64', data: 'AA==' }, 'image/png')),
    ];
    const [block] = blocksOf(write({ messages }).body, 2);
    expect(block?.content).toEqual([
      { type: 'text', text: 'shot' },
      { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
    ]);
  });

  test('sound and files of elsewhere are reported', () => {
    const audio: Part = { type: 'media', kind: 'audio', source: { type: 'base64', data: 'AA==' } };
    const foreign = image({ type: 'file', id: 'f', dialect: 'openai-chat' });
    const { losses } = write({ messages: [user(text('a'), audio, foreign)] });
    expect(covers(losses, 'messages[0].parts[1]')).toBe(true);
    expect(covers(losses, 'messages[0].parts[2]')).toBe(true);
  });
});

describe('tools', () => {
  test('T15: a name that does not fit is mapped the same everywhere, and restored', () => {
    const name = `files.${'x'.repeat(140)}`;
    const history: Message = {
      role: 'assistant',
      parts: [{ type: 'tool-call', id: 'a', name, argumentsJson: '', ranBy: 'client' }],
    };
    const written = write({
      messages: [HI, history, result('a', text('1'))],
      tools: [{ type: 'function', name }],
      toolChoice: { type: 'tool', name },
    });
    const [tool] = written.body.tools as JsonObject[];
    expect(tool?.name).toMatch(/^[a-zA-Z0-9_-]{1,128}$/);
    expect(written.body.tool_choice).toEqual({ type: 'tool', name: tool?.name as string });
    expect(JSON.stringify(written.body.messages)).toContain(`"name":"${tool?.name}"`);
    expect(written.toolNames?.get(tool?.name as string)).toBe(name);
    const other = write(
      {
        tools: [
          { type: 'function', name },
          { type: 'function', name: `${name}y` },
        ],
      },
      OLD,
      { toolNameCharsMax: 64 },
    );
    const names = (other.body.tools as JsonObject[]).map((one) => one.name as string);
    expect(new Set(names).size).toBe(2);
    expect(names.every((one) => one.length <= 64)).toBe(true);
  });

  test('T16: forbidding parallel calls makes a choice of auto, keeps a forced one, and needs tools', () => {
    expect(write({ tools: [F], parallelToolCalls: false }).body.tool_choice).toEqual({
      type: 'auto',
      disable_parallel_tool_use: true,
    });
    expect(
      write({ tools: [F], parallelToolCalls: false, toolChoice: { type: 'tool', name: 'f' } }).body.tool_choice,
    ).toEqual({
      type: 'tool',
      name: 'f',
      disable_parallel_tool_use: true,
    });
    const none = write({ parallelToolCalls: false });
    expect(none.body).not.toHaveProperty('tool_choice');
    expect(covers(none.losses, 'parallelToolCalls')).toBe(true);
  });

  test('schemas are sent whole; one that is missing is added', () => {
    const schema = { type: 'object', additionalProperties: false, anyOf: [{}], description: 'd', $defs: { a: {} } };
    const { body } = write({
      tools: [
        { ...F, parameters: schema, strict: true },
        { type: 'function', name: 'g' },
      ],
    });
    expect(body.tools).toEqual([
      { name: 'f', input_schema: schema, strict: true },
      { name: 'g', input_schema: { type: 'object', properties: {} } },
    ]);
  });

  test('arguments: none, no JSON, no object', () => {
    const parts = [call('a', ''), call('b', '{bad'), call('c', '[1]')];
    const { body, losses } = write({ messages: [HI, { role: 'assistant', parts }] });
    const blocks = blocksOf(body, 1);
    expect(blocks.map((block) => block.input)).toEqual([{}, { invalid_json: '{bad' }, { value: [1] }]);
    expect(covers(losses, 'messages[1].parts[1].argumentsJson')).toBe(true);
    expect(covers(losses, 'messages[1].parts[2].argumentsJson')).toBe(true);
  });

  test('ids with characters refused here are mapped in the call and in its result', () => {
    const { body } = write({
      messages: [HI, { role: 'assistant', parts: [call('functions.f:0')] }, result('functions.f:0', text('1'))],
    });
    const id = blocksOf(body, 1)[0]?.id;
    expect(id).toMatch(/^[a-zA-Z0-9_-]+$/);
    expect(blocksOf(body, 2)[0]?.tool_use_id).toBe(id as string);
  });
});
