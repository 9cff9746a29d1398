import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const openai = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai' };
const anthropic = { ...openai, provider: 'anthropic', model: 'claude-test', apiKey: 'sk-up-anthropic' };
const house = { ...openai, provider: 'house', baseUrl: undefined };
const inEurope = { regions: ['eu-west'], retentionDays: 0, training: false };
const configuration = {
  server: { trustedProxies: ['127.0.0.0/8', '::1', '10.0.0.0/8'] },
  keys: [
    { name: 'europe', key: 'sk-europe-0123456789', policy: { data: { regions: ['eu-*'] } } },
    { name: 'office', key: 'sk-office-0123456789', policy: { ipAllow: ['203.0.113.0/24'] } },
  ],
  providers: [{ id: 'house', baseUrl: '{{upstream}}/v1', keyOptional: true, data: inEurope }],
  models: [
    { name: 'plain', endpoints: [{ ...openai, id: 'plain' }] },
    {
      name: 'either',
      endpoints: [
        { ...openai, id: 'kept', order: 1, data: { regions: ['us'], retentionDays: 30, training: false } },
        { ...anthropic, id: 'forgotten', order: 2, data: { ...inEurope, regions: ['eu-west', 'eu-north'] } },
      ],
    },
    { name: 'lent', endpoints: [{ ...house, id: 'lent' }] },
    { name: 'moved', endpoints: [{ ...house, id: 'moved', baseUrl: 'http://elsewhere.example/v1' }] },
    { name: 'fallen', fallbacks: ['lent'], endpoints: [{ ...openai, id: 'first' }] },
  ],
};

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse({ yaml: JSON.stringify(configuration) });
});
afterAll(() => admin.house.stop());

let count = 0;
const fresh = () => `d-${++count}`;
const messages = [{ role: 'user', content: 'Hello.' }];

async function ask(key: string, model: string, more: { path?: string; stream?: boolean; headers?: object } = {}) {
  const { path = '/v1/chat/completions', stream = false, headers = {} } = more;
  const response = await admin.house.post(
    path,
    { model, messages, max_tokens: 20, stream },
    {
      headers: { authorization: `Bearer ${key}`, ...headers },
    },
  );
  const text = await response.text();
  return { status: response.status, text, endpoint: response.headers.get('x-turnpike-endpoint') };
}

describe.each(['/v1/chat/completions', '/v1/messages'])('%s', (path) => {
  test.each([false, true])('only endpoints that fulfil what all levels demand serve (streamed: %p)', async (stream) => {
    const team = fresh();
    await admin.call('POST', '/teams', { name: team, policy: { data: { training: false } } });
    const key = await admin.newKey({ name: fresh(), teamId: team, policy: { data: { retentionDaysMax: 0 } } });
    expect(await ask(key, 'either', { path, stream })).toMatchObject({ status: 200, endpoint: 'forgotten' });
    expect((await admin.house.lastRow()).plan.join('\n')).toContain(
      'it keeps data for 30 days, and 0 days are allowed',
    );
    const refused = await ask(key, 'plain', { path, stream });
    expect(refused.status).toBe(403);
    expect(refused.text).toContain('plain: how long it keeps data is not known');
    // Nobody demands anything of this one.
    expect((await ask(await admin.newKey({ name: fresh() }), 'plain', { path, stream })).status).toBe(200);
  });
});

test("an endpoint has its provider's terms at its provider's address, and nowhere else", async () => {
  const key = await admin.newKey({ name: fresh(), policy: { data: { regions: ['eu-west'] } } });
  expect(await ask(key, 'lent')).toMatchObject({ status: 200, endpoint: 'lent' });
  expect((await ask(key, 'moved')).text).toContain('its region is not known');
  // Every region there may be counts.
  expect((await ask(key, 'either')).text).toContain('the region eu-north is not allowed');
});

test('fallbacks, end users and keys of the configuration are held to it too', async () => {
  const key = await admin.newKey({ name: fresh(), policy: { data: { retentionDaysMax: 0 } } });
  expect((await ask(key, 'fallen')).endpoint).toBe('lent');
  expect((await ask('sk-europe-0123456789', 'either')).endpoint).toBe('forgotten');
  expect((await ask('sk-europe-0123456789', 'plain')).status).toBe(403);
  const name = fresh();
  await admin.call('POST', '/end-users', { name, policy: { data: { training: false } } });
  const body = { model: 'plain', messages, user: name };
  const free = await admin.newKey({ name: fresh() });
  const refused = await admin.house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${free}` },
  });
  const { error } = (await refused.json()) as { error: { code: string; message: string } };
  expect(error.code).toBe('data_forbidden');
  expect(error.message).toStartWith(`The end user "${name}" may send data to no endpoint of the model "plain"`);
});

test('the effective policy shows the demands of all levels', async () => {
  const team = fresh();
  await admin.call('POST', '/teams', { name: team, policy: { data: { regions: ['eu*'], retentionDaysMax: 30 } } });
  const name = fresh();
  await admin.newKey({ name, teamId: team, policy: { data: { retentionDaysMax: 7 } } });
  const { body } = await admin.call('GET', `/keys/${name}/policy`);
  expect(body).toMatchObject({ effective: { data: { regions: [['eu*']], retentionDaysMax: 7, mayTrain: true } } });
});

test('the policy of the configuration holds for all keys, but for the admin key', async () => {
  const policy = { parameters: [{ field: 'n', max: 1 }], tagsRequired: ['known'], models: ['pl*'] };
  const keys = [
    { name: 'known', key: 'sk-known-0123456789', tags: ['known'] },
    { name: 'unknown', key: 'sk-unknown-0123456789' },
  ];
  const other = await startAdminTestHouse({ yaml: JSON.stringify({ ...configuration, policy, keys }) });
  try {
    const status = async (key: string, model = 'plain', more: object = {}) => {
      const body = { model, messages, ...more };
      const response = await other.house.post('/v1/chat/completions', body, {
        headers: { authorization: `Bearer ${key}` },
      });
      await response.text();
      return response.status;
    };
    const name = fresh();
    const stored = await other.newKey({ name, tags: ['known'] });
    for (const key of ['sk-known-0123456789', stored]) {
      expect([await status(key), await status(key, 'lent'), await status(key, 'plain', { n: 2 })]).toEqual([
        200, 403, 403,
      ]);
    }
    expect(await status('sk-unknown-0123456789')).toBe(403);
    expect(await status(await other.newKey({ name: fresh() }))).toBe(403);
    expect(await status(ADMIN_KEY, 'lent', { n: 2 })).toBe(200);
    const { body } = await other.call('GET', `/keys/${name}/policy`);
    expect(body).toMatchObject({
      levels: [{ kind: 'configuration', policy }, { kind: 'key' }],
      effective: { models: [['pl*']], parameters: policy.parameters },
    });
  } finally {
    await other.house.stop();
  }
});

test('addresses are those of clients, behind proxies that are trusted', async () => {
  const from = (address: string) =>
    ask('sk-office-0123456789', 'plain', { headers: { 'x-forwarded-for': address } }).then(({ status }) => status);
  expect(await from('203.0.113.7')).toBe(200);
  expect(await from('203.0.113.7, 10.0.0.2')).toBe(200);
  // What the client wrote itself, before what the proxy saw.
  expect(await from('203.0.113.7, 198.51.100.1')).toBe(403);
  expect(await from('203.0.113.7, nonsense')).toBe(403);
  expect((await ask('sk-office-0123456789', 'plain')).status).toBe(403);
});
