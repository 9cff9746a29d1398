import { afterAll, describe, expect, test } from 'bun:test';
import { dechunk, postText, rawExchange } from './http/raw-exchange.ts';
import { startSandbox } from './sandbox.ts';

const sandbox = await startSandbox();
afterAll(() => sandbox.stop());

interface ChatAnswer {
  choices: {
    finish_reason: string;
    logprobs: { content: { token: string }[] } | null;
    message: {
      content: string | null;
      reasoning_content?: string;
      tool_calls?: { id: string; function: { name: string; arguments: string } }[];
    };
  }[];
  usage: { prompt_tokens: number; completion_tokens: number };
}

async function chat(fields: object, text = 'Hello there'): Promise<ChatAnswer> {
  const body = { model: 'echo', messages: [{ role: 'user', content: text }], ...fields };
  const response = await fetch(`${sandbox.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as ChatAnswer;
}

interface MessageAnswer {
  content: { type: string; text?: string; name?: string; input?: object; thinking?: string; signature?: string }[];
  stop_reason: string;
}

async function message(fields: object, content: unknown = 'Hello there'): Promise<MessageAnswer> {
  const body = { model: 'echo', max_tokens: 100, messages: [{ role: 'user', content }], ...fields };
  const response = await fetch(`${sandbox.url}/v1/messages`, { method: 'POST', body: JSON.stringify(body) });
  expect(response.status).toBe(200);
  return (await response.json()) as MessageAnswer;
}

const WEATHER = {
  name: 'get_weather',
  schema: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 2 } },
    required: ['city', 'days'],
  },
};
const CHAT_TOOLS = [
  { type: 'function', function: { name: WEATHER.name, parameters: WEATHER.schema } },
  { type: 'function', function: { name: 'get_time' } },
];
const MESSAGE_TOOLS = [
  { name: WEATHER.name, input_schema: WEATHER.schema },
  { type: 'web_search_20250305', name: 'web_search' },
];

describe('text', () => {
  test('says what it is and what was said; counts words', async () => {
    const answer = await chat({});
    expect(answer.choices[0]?.message.content).toBe('Turnpike sandbox: no provider was called. You said: Hello there');
    expect(answer.usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 10 });
    expect((await message({})).content).toEqual([
      { type: 'text', text: 'Turnpike sandbox: no provider was called. You said: Hello there' },
    ]);
  });

  test('reads content parts, and the last user message of several', async () => {
    const parts = [
      { type: 'text', text: 'A' },
      { type: 'image_url', image_url: { url: 'x' } },
      { type: 'text', text: 'B' },
    ];
    expect((await message({}, parts)).content[0]?.text).toEndWith('You said: A\nB');
    const messages = [
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'reply' },
      { role: 'user', content: 'second' },
    ];
    expect((await chat({ messages })).choices[0]?.message.content).toEndWith('You said: second');
  });

  test('max tokens and stop sequences', async () => {
    expect((await chat({ max_completion_tokens: 3 })).choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: 'Turnpike sandbox: no ' },
    });
    expect((await message({ max_tokens: 2 })).stop_reason).toBe('max_tokens');
    expect((await chat({ stop: [' You'] })).choices[0]?.message.content).toBe(
      'Turnpike sandbox: no provider was called.',
    );
  });

  test('several choices, log probabilities', async () => {
    const { choices } = await chat({ n: 3, logprobs: true });
    expect(choices.map((choice) => choice.message.content?.slice(-10))).toEqual([
      '[choice 1]',
      '[choice 2]',
      '[choice 3]',
    ]);
    expect(choices[1]?.logprobs?.content.map((entry) => entry.token).join('')).toBe(choices[1]?.message.content ?? '');
    expect((await chat({})).choices[0]?.logprobs).toBeNull();
  });

  test('a stream sends word by word', async () => {
    const body = { model: 'echo', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
    const got = await rawExchange(sandbox.port, postText('/v1/chat/completions', body, { connection: 'close' }));
    const texts = [...dechunk(got.body).payload.matchAll(/"content":"([^"]*)"/g)].map((match) => match[1]);
    expect(texts).toEqual([
      '',
      'Turnpike ',
      'sandbox: ',
      'no ',
      'provider ',
      'was ',
      'called. ',
      'You ',
      'said: ',
      'Hi',
    ]);
  });
});

test('a pace between words', async () => {
  const paced = await startSandbox({ paceMs: 15 });
  const body = { model: 'echo', stream: true, messages: [{ role: 'user', content: 'Hi' }] };
  const startedMs = performance.now();
  await (await fetch(`${paced.url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })).text();
  expect(performance.now() - startedMs).toBeGreaterThan(11 * 15 * 0.9);
  await paced.stop();
});

describe('tools', () => {
  test('no call unless asked for', async () => {
    expect((await chat({ tools: CHAT_TOOLS })).choices[0]?.finish_reason).toBe('stop');
    expect((await chat({ tools: CHAT_TOOLS, tool_choice: 'none' }, 'use get_time')).choices[0]?.finish_reason).toBe(
      'stop',
    );
  });

  test.each<[string, object, string, string[]]>([
    ['named in the prompt', {}, 'Please run get_time', ['get_time']],
    ['both named', {}, 'get_weather and get_time', ['get_weather', 'get_time']],
    ['asked for', {}, 'Use a tool', ['get_weather']],
    ['required', { tool_choice: 'required' }, 'Hello', ['get_weather']],
    ['forced', { tool_choice: { type: 'function', function: { name: 'get_time' } } }, 'Hello', ['get_time']],
    ['the model tools', { model: 'tools' }, 'Hello', ['get_weather']],
  ])('%s', async (_what, fields, text, names) => {
    const [choice] = (await chat({ tools: CHAT_TOOLS, ...fields }, text)).choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message.tool_calls?.map((call) => call.function.name)).toEqual(names);
    for (const call of choice?.message.tool_calls ?? []) {
      const made = JSON.parse(call.function.arguments);
      expect(made).toEqual(call.function.name === 'get_weather' ? { city: 'sandbox city', days: 2 } : {});
    }
  });

  test('in Anthropic words; provider tools are not called', async () => {
    const answer = await message({ tools: MESSAGE_TOOLS, tool_choice: { type: 'any' } });
    expect(answer).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', name: 'get_weather', input: { city: 'sandbox city', days: 2 } }],
    });
    expect((await message({ tools: MESSAGE_TOOLS }, 'use web_search')).content[0]?.name).toBe('get_weather');
  });

  test('after a result comes text', async () => {
    const messages = [
      { role: 'user', content: 'use a tool' },
      {
        role: 'assistant',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'get_time', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: '12:00' },
    ];
    const answer = await chat({ messages, tools: CHAT_TOOLS, tool_choice: 'required' });
    expect(answer.choices[0]?.message.content).toEndWith('The tool answered: 12:00');
    const result = [{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'sunny' }] }];
    expect((await message({ tools: MESSAGE_TOOLS }, result)).content[0]?.text).toEndWith('The tool answered: sunny');
  });
});

describe('structured output and reasoning', () => {
  test('JSON that satisfies the schema, in both dialects', async () => {
    const format = { type: 'json_schema', json_schema: { name: 'w', schema: WEATHER.schema } };
    expect(JSON.parse((await chat({ response_format: format })).choices[0]?.message.content ?? '')).toEqual({
      city: 'sandbox city',
      days: 2,
    });
    const config = { output_config: { format: { type: 'json_schema', schema: WEATHER.schema } } };
    expect(JSON.parse((await message(config)).content[0]?.text ?? '')).toEqual({ city: 'sandbox city', days: 2 });
    const object = (await chat({ response_format: { type: 'json_object' } })).choices[0]?.message.content ?? '';
    expect(JSON.parse(object)).toMatchObject({ you_said: 'Hello there' });
  });

  test('reasoning when asked, and only then', async () => {
    expect((await chat({})).choices[0]?.message).not.toHaveProperty('reasoning_content');
    expect((await chat({ reasoning_effort: 'none' })).choices[0]?.message).not.toHaveProperty('reasoning_content');
    for (const fields of [{ reasoning_effort: 'low' }, { reasoning: { effort: 'high' } }, { model: 'reasoner' }]) {
      expect((await chat(fields)).choices[0]?.message.reasoning_content).toContain('asked to reason');
    }
    const [thinking] = (await message({ thinking: { type: 'enabled', budget_tokens: 1024 } })).content;
    expect(thinking).toMatchObject({
      type: 'thinking',
      thinking: expect.any(String),
      signature: expect.stringMatching(/.+/),
    });
  });
});

describe('errors', () => {
  const ask = (text: string, stream = false) =>
    rawExchange(
      sandbox.port,
      postText(
        '/v1/chat/completions',
        { model: 'echo', stream, messages: [{ role: 'user', content: text }] },
        { connection: 'close' },
      ),
      250,
    );

  test('by status', async () => {
    const limited = await ask('error 429');
    expect(limited.head).toStartWith('HTTP/1.1 429 ');
    expect(limited.head).toContain('retry-after: 1');
    expect((await ask(' Error 500 ')).head).toStartWith('HTTP/1.1 500 ');
  });

  test('stall, cut, garbage, empty', async () => {
    expect((await ask('error stall', true)).end).toBe('open');
    expect((await ask('error cut', true)).end).toBe('rst');
    expect(dechunk((await ask('error garbage', true)).body).payload).toContain('oops');
    expect((await ask('error empty')).body).toContain('"choices":[]');
    expect((await ask('error html,502')).head).toStartWith('HTTP/1.1 502 ');
  });

  test('talk of errors is only talk', async () => {
    for (const text of ['error 429 is what I got', 'error whatever', 'errors']) {
      expect((await ask(text)).head).toStartWith('HTTP/1.1 200 ');
    }
  });

  test.each([
    ['/v1/chat/completions', { messages: [{ role: 'user', content: 'x' }] }, 400],
    ['/v1/chat/completions', { model: 'echo', messages: [] }, 400],
    ['/v1/messages', { model: 'echo', messages: [{ role: 'user', content: 'x' }] }, 400],
    ['/v1/images', {}, 404],
  ])('a request to %s that cannot be answered', async (path, body, status) => {
    const response = await fetch(sandbox.url + path, { method: 'POST', body: JSON.stringify(body) });
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty('error.message');
  });

  test('GET where POST is needed; the list of models', async () => {
    expect((await fetch(`${sandbox.url}/v1/chat/completions`)).status).toBe(405);
    const list = (await (await fetch(`${sandbox.url}/v1/models`)).json()) as { data: { id: string }[] };
    expect(list.data.map((model) => model.id)).toEqual(['echo', 'reasoner', 'tools']);
  });
});
