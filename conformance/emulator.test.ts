import { afterAll, afterEach, describe, expect, test } from 'bun:test';
import Anthropic from '@anthropic-ai/sdk';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { startSandbox } from '@turnpike/emulator/sandbox.ts';
import OpenAI from 'openai';

// The official clients talk to the emulator and the sandbox directly: what stands in for a provider must pass for one.

const sandbox = await startSandbox();
const emulator = await startEmulator();
afterEach(() => emulator.reset());
afterAll(async () => {
  await sandbox.stop();
  await emulator.stop();
});

const openai = (baseURL: string) => new OpenAI({ apiKey: 'none', baseURL: `${baseURL}/v1`, maxRetries: 0 });
const anthropic = (baseURL: string) => new Anthropic({ apiKey: 'none', baseURL, maxRetries: 0 });
const SAID = 'Turnpike sandbox: no provider was called. You said: Hi there';
const hello = [{ role: 'user' as const, content: 'Hi there' }];
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] } as const;

describe('the sandbox and the OpenAI client', () => {
  const client = openai(sandbox.url);
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: { ...parameters } } }];

  test('text, whole and streamed, with usage', async () => {
    const whole = await client.chat.completions.create({ model: 'echo', messages: hello });
    expect(whole.choices[0]?.message.content).toBe(SAID);
    const stream = client.chat.completions.stream({
      model: 'echo',
      messages: hello,
      stream_options: { include_usage: true },
    });
    expect(await stream.finalContent()).toBe(SAID);
    expect((await stream.finalChatCompletion()).usage).toEqual(whole.usage);
  });

  test('a tool is called and its result read', async () => {
    const runner = client.chat.completions.runTools({
      model: 'echo',
      messages: [{ role: 'user', content: 'Ask the weather' }],
      tools: [
        {
          type: 'function',
          function: {
            name: 'weather',
            description: 'Tells the weather.',
            parameters: { ...parameters, required: ['city'] },
            parse: JSON.parse,
            function: (asked: { city: string }) => `sunny in ${asked.city}`,
          },
        },
      ],
    });
    expect(await runner.finalContent()).toEndWith('The tool answered: sunny in sandbox city');
  });

  test('a streamed tool call folds to valid arguments', async () => {
    const stream = client.chat.completions.stream({ model: 'echo', messages: hello, tools, tool_choice: 'required' });
    const [call] = (await stream.finalMessage()).tool_calls ?? [];
    expect(call?.type === 'function' && JSON.parse(call.function.arguments)).toEqual({ city: 'sandbox city' });
  });

  test('structured output, several choices, models', async () => {
    const format = {
      type: 'json_schema' as const,
      json_schema: { name: 'w', strict: true, schema: { ...parameters } },
    };
    const parsed = await client.chat.completions.parse({
      model: 'echo',
      messages: hello,
      response_format: format,
      n: 2,
    });
    expect(parsed.choices.map((choice) => JSON.parse(choice.message.content ?? ''))).toEqual([
      { city: 'sandbox city' },
      { city: 'sandbox city' },
    ]);
    expect((await client.models.list()).data.map((model) => model.id)).toContain('echo');
  });

  test('errors are those of the client', async () => {
    const ask = async (content: string) =>
      client.chat.completions.create({ model: 'echo', messages: [{ role: 'user', content }] });
    await expect(ask('error 429')).rejects.toBeInstanceOf(OpenAI.RateLimitError);
    await expect(ask('error 401')).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(ask('error 500')).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    await expect(ask('error reset')).rejects.toBeInstanceOf(OpenAI.APIConnectionError);
  });
});

describe('the sandbox and the Anthropic client', () => {
  const client = anthropic(sandbox.url);
  const base = { model: 'echo', max_tokens: 2000, messages: hello };

  test('text and thinking, whole and streamed', async () => {
    const thinking = { type: 'enabled' as const, budget_tokens: 1024 };
    const whole = await client.messages.create({ ...base, thinking });
    const streamed = await client.messages.stream({ ...base, thinking }).finalMessage();
    expect(whole.content.map((block) => block.type)).toEqual(['thinking', 'text']);
    // The client's stream adds a field of its own to text blocks.
    expect(streamed.content).toMatchObject(whole.content as object[]);
    expect(streamed.usage.output_tokens).toBe(whole.usage.output_tokens);
    expect(await client.messages.stream(base).finalText()).toBe(SAID);
  });

  test('a streamed tool call, token count, models', async () => {
    const tools = [{ name: 'weather', input_schema: { ...parameters, required: ['city'] } }];
    const called = await client.messages.stream({ ...base, tools, tool_choice: { type: 'any' } }).finalMessage();
    expect(called.content).toMatchObject([{ type: 'tool_use', name: 'weather', input: { city: 'sandbox city' } }]);
    expect(called.stop_reason).toBe('tool_use');
    expect((await client.messages.countTokens({ model: 'echo', messages: hello })).input_tokens).toBe(2);
    expect((await client.models.list()).data[0]?.id).toBe('echo');
  });

  test('errors are those of the client', async () => {
    const ask = async (content: string) => client.messages.create({ ...base, messages: [{ role: 'user', content }] });
    await expect(ask('error 429')).rejects.toBeInstanceOf(Anthropic.RateLimitError);
    await expect(ask('error 404')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
    await expect(ask('error 529')).rejects.toBeInstanceOf(Anthropic.InternalServerError);
  });
});

describe('scripted turns read alike by both clients', () => {
  const turn = {
    text: ['Wait', ' a moment.'],
    toolCalls: [{ name: 'weather', arguments: { city: 'Ulm' } }],
    usage: { input: 50, output: 20, cacheRead: 10 },
  };

  test('OpenAI: the fold of the stream is the whole answer', async () => {
    emulator.script([turn, turn]);
    const client = openai(emulator.url);
    const whole = await client.chat.completions.create({ model: 'm', messages: hello });
    const options = { model: 'm', messages: hello, stream_options: { include_usage: true } };
    const folded = await client.chat.completions.stream(options).finalChatCompletion();
    expect(folded.choices[0]?.message).toMatchObject({
      content: 'Wait a moment.',
      tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Ulm"}' } }],
    });
    expect(whole.choices[0]?.message).toMatchObject({
      content: 'Wait a moment.',
      tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Ulm"}' } }],
    });
    expect([folded.usage, folded.choices[0]?.finish_reason]).toEqual([whole.usage, 'tool_calls']);
  });

  test('Anthropic: the fold of the stream is the whole answer', async () => {
    emulator.script([turn, turn]);
    const client = anthropic(emulator.url);
    const base = { model: 'm', max_tokens: 10, messages: hello };
    const whole = await client.messages.create(base);
    const folded = await client.messages.stream(base).finalMessage();
    const words = (answer: Anthropic.Message) =>
      answer.content.map((block) => (block.type === 'tool_use' ? block.input : block));
    expect(words(folded)).toMatchObject(words(whole) as object[]);
    expect(words(whole)).toEqual([expect.objectContaining({ text: 'Wait a moment.' }), { city: 'Ulm' }]);
    expect(whole.usage).toMatchObject({ input_tokens: 40, cache_read_input_tokens: 10, output_tokens: 20 });
    expect(folded.usage).toMatchObject({ input_tokens: 40, cache_read_input_tokens: 10, output_tokens: 20 });
  });

  test('an error in the midst of a stream reaches both', async () => {
    emulator.fault('error-event,3,529', { times: 2 });
    const chat = openai(emulator.url).chat.completions.stream({ model: 'm', messages: hello });
    await expect(chat.finalContent()).rejects.toBeInstanceOf(OpenAI.APIError);
    const messages = anthropic(emulator.url).messages.stream({ model: 'm', max_tokens: 10, messages: hello });
    await expect(messages.finalText()).rejects.toBeInstanceOf(Anthropic.APIError);
  });
});
