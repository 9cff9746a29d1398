import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

let count = 0;
const fresh = () => `p-${++count}`;
const messages = [{ role: 'user', content: 'Hello.' }];
const faces = [
  { path: '/v1/chat/completions', model: 'chat' },
  { path: '/v1/messages', model: 'claude' },
  // Through the canon.
  { path: '/v1/messages', model: 'chat' },
];
const cases = faces.flatMap((face) => [false, true].map((stream) => ({ ...face, stream })));

interface Asked {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

async function ask(key: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Asked> {
  const whole = { messages, max_tokens: 40, ...body };
  const response = await admin.house.post(path, whole, { headers: { authorization: `Bearer ${key}`, ...headers } });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const sent = () => admin.house.emulator.requests.at(-1)?.json as Record<string, unknown>;
const sentCount = () => admin.house.emulator.requests.length;

describe.each(cases)('$path to $model, streamed: $stream', ({ path, model, stream }) => {
  test('a field is refused by name before anything is sent', async () => {
    const parameters = [{ field: 'temperature', max: 0.5 }];
    const key = await admin.newKey({ name: fresh(), policy: { parameters } });
    const before = sentCount();
    const refused = await ask(key, path, { model, stream, temperature: 0.9 });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('may not set temperature above 0.5; the request has 0.9');
    expect(sentCount()).toBe(before);
    expect((await ask(key, path, { model, stream, temperature: 0.5 })).status).toBe(200);
    expect(sent()).toMatchObject({ temperature: 0.5 });
  });

  test('a field is made to fit, forced or taken out, and told so', async () => {
    const team = fresh();
    await admin.call('POST', '/teams', {
      name: team,
      policy: { parameters: [{ field: 'temperature', max: 0.5, otherwise: 'change' }] },
    });
    const parameters = [
      { field: 'top_p', value: 0.25, otherwise: 'change' },
      { field: 'tools', forbidden: true, otherwise: 'change' },
    ];
    const key = await admin.newKey({ name: fresh(), teamId: team, policy: { parameters } });
    const tools =
      path === '/v1/messages'
        ? [{ name: 'f', input_schema: { type: 'object' } }]
        : [{ type: 'function', function: { name: 'f' } }];
    const { status, headers } = await ask(key, path, { model, stream, temperature: 0.9, tools });
    expect(status).toBe(200);
    expect(sent()).toMatchObject({ temperature: 0.5, top_p: 0.25 });
    expect(sent()).not.toHaveProperty('tools');
    expect(headers.get('x-turnpike-losses')).toStartWith('changed temperature; added top_p; dropped tools');
    expect(headers.get('x-turnpike-lane')).toBe(model === 'chat' && path === '/v1/messages' ? 'translate' : 'patch');
  });

  test('output is refused, or cut down to the bound', async () => {
    const strict = await admin.newKey({ name: fresh(), policy: { outputTokensMax: 30 } });
    expect((await ask(strict, path, { model, stream })).status).toBe(403);
    const lenient = { outputTokensMax: 30, outputTokensAbove: 'clamp' };
    const key = await admin.newKey({ name: fresh(), policy: lenient });
    expect((await ask(key, path, { model, stream })).status).toBe(200);
    expect(sent().max_tokens ?? sent().max_completion_tokens).toBe(30);
    const team = fresh();
    await admin.call('POST', '/teams', { name: team, policy: { outputTokensMax: 35 } });
    const both = await admin.newKey({ name: fresh(), teamId: team, policy: lenient });
    expect((await ask(both, path, { model, stream, max_tokens: 35 })).status).toBe(200);
    expect(sent().max_tokens ?? sent().max_completion_tokens).toBe(30);
    expect((await ask(both, path, { model, stream, max_tokens: 36 })).status).toBe(403);
  });

  test('a request without its tags is refused by their names', async () => {
    const policy = { requestTagsRequired: ['project:*', 'prod'] };
    const key = await admin.newKey({ name: fresh(), tags: ['prod'], policy });
    const bare = await admin.newKey({ name: fresh(), policy });
    const refused = await ask(key, path, { model, stream });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('what is missing: project:*');
    const tagged = { 'x-turnpike-tags': 'project:apollo' };
    expect((await ask(key, path, { model, stream }, tagged)).status).toBe(200);
    expect((await ask(bare, path, { model, stream }, tagged)).text).toContain('what is missing: prod');
  });
});

test('tags may stand in the metadata, and must fit', async () => {
  const key = await admin.newKey({ name: fresh(), policy: { requestTagsRequired: ['project:*'] } });
  const asked = (tags: string[]) => ask(key, '/v1/chat/completions', { model: 'chat', metadata: { tags } });
  expect((await asked(['project:a', 'x'])).status).toBe(200);
  expect((await asked(['a-project:a'])).status).toBe(403);
});

test('an end user is held to fields within those of the key, and is named when it is theirs', async () => {
  const name = fresh();
  await admin.call('POST', '/end-users', { name, policy: { parameters: [{ field: 'n', max: 1 }] } });
  const key = await admin.newKey({ name: fresh(), policy: { parameters: [{ field: 'n', max: 2 }] } });
  const asked = (body: object) => ask(key, '/v1/chat/completions', { model: 'chat', ...body });
  expect((await asked({ n: 2 })).status).toBe(200);
  const refused = await asked({ n: 2, user: name });
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining(`The end user \\"${name}\\"`)]);
  expect((await asked({ n: 3, user: name })).text).toContain('The key');
});

test('levels that contradict each other are said to, and the effective policy shows all rules', async () => {
  const team = fresh();
  const rule = (value: boolean) => ({ parameters: [{ field: 'store', value }] });
  await admin.call('POST', '/teams', { name: team, policy: rule(true) });
  const name = fresh();
  const key = await admin.newKey({ name, teamId: team, policy: rule(false) });
  const refused = await ask(key, '/v1/chat/completions', { model: 'chat' });
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('contradict each other about store')]);
  const { body } = await admin.call('GET', `/keys/${name}/policy`);
  expect(body).toMatchObject({
    effective: {
      parameters: [
        { field: 'store', value: true },
        { field: 'store', value: false },
      ],
    },
  });
});

test.each([
  [{ field: 'max_tokens', max: 5 }, 'outputTokensMax'],
  [{ field: 'messages', forbidden: true }, 'the gateway goes by'],
  [{ field: 'a' }, 'needs one of'],
  [{ field: 'a', forbidden: true, max: 1 }, 'needs one of'],
  [{ field: 'a', values: [1], otherwise: 'change' }, 'one of several values'],
  [{ field: 'a', required: true, otherwise: 'change' }, 'cannot make up a value'],
  [{ field: 'stream_options.include_usage', value: true }, 'the gateway goes by'],
  [{ field: 'a..b', forbidden: true }, 'field'],
  [{ field: 'a', min: 2, max: 1 }, 'min above its max'],
])('the rule %j is refused with what is wrong', async (rule, words) => {
  const { status, text } = await admin.call('POST', '/keys', { name: fresh(), policy: { parameters: [rule] } });
  expect([status, text]).toEqual([400, expect.stringContaining(words)]);
});

test('fields within fields are held to rules as well, and what stands beside them stays', async () => {
  const parameters = [
    { field: 'metadata.project', required: true },
    { field: 'metadata.level', max: 3, otherwise: 'change' },
    { field: 'metadata.secret', forbidden: true, otherwise: 'change' },
    { field: 'reasoning.effort', value: 'low', otherwise: 'change', face: 'anthropic-messages' },
  ];
  const key = await admin.newKey({ name: fresh(), policy: { parameters } });
  const asked = (metadata?: object) => ask(key, '/v1/chat/completions', { model: 'chat', metadata });
  const refused = await asked();
  expect([refused.status, refused.text]).toEqual([403, expect.stringContaining('may not leave metadata.project out')]);
  expect((await asked({ project: 'a', level: 9, secret: 's', other: 1.0 })).status).toBe(200);
  expect(sent().metadata).toEqual({ project: 'a', level: 3, other: 1 });
  const before = sentCount();
  const odd = await admin.newKey({
    name: fresh(),
    policy: {
      parameters: [
        { field: 'metadata', forbidden: true, otherwise: 'change' },
        { field: 'metadata.level', value: 1, otherwise: 'change' },
      ],
    },
  });
  const contradicted = await ask(odd, '/v1/chat/completions', { model: 'chat', metadata: {} });
  expect([contradicted.status, sentCount()]).toEqual([403, before]);
  expect(contradicted.text).toContain('contradict each other about metadata');
});

test('a key of the configuration is held to its policy', async () => {
  const policy = { parameters: [{ field: 'n', max: 1 }], tagsRequired: ['prod'], outputTokensMax: 50 };
  const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai' };
  const keys = [
    { name: 'untagged', key: 'sk-untagged-0123456789', policy },
    { name: 'tagged', key: 'sk-tagged-0123456789', tags: ['prod'], policy },
    { name: 'away', key: 'sk-away-0123456789', policy: { ipAllow: ['10.0.0.0/8'] } },
    { name: 'over', key: 'sk-over-0123456789', policy: { expiresAtMs: 1 } },
  ];
  const yaml = JSON.stringify({ keys, models: [{ name: 'chat', endpoints: [chat] }] });
  const other = await startAdminTestHouse({ yaml });
  try {
    const status = async (name: string, more: object = {}) =>
      other.house
        .post(
          '/v1/chat/completions',
          { model: 'chat', messages, ...more },
          {
            headers: { authorization: `Bearer sk-${name}-0123456789` },
          },
        )
        .then((response) => response.status);
    expect(await status('tagged')).toBe(200);
    expect(await status('tagged', { n: 2 })).toBe(403);
    expect(await status('tagged', { max_tokens: 51 })).toBe(403);
    expect([await status('untagged'), await status('away'), await status('over')]).toEqual([403, 403, 401]);
  } finally {
    await other.house.stop();
  }
});

test('a setting that has no meaning alone is refused', async () => {
  const { status, text } = await admin.call('POST', '/keys', { name: fresh(), policy: { outputTokensAbove: 'clamp' } });
  expect([status, text]).toEqual([400, expect.stringContaining('means nothing without outputTokensMax')]);
});
