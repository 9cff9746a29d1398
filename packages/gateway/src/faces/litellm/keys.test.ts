import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import OpenAI from 'openai';
import { sha256Hex } from '../../policy/identify.ts';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
beforeAll(async () => {
  house = await startLitellmTestHouse();
});
afterAll(() => house.house.stop());

const info = async (key: string) => (await house.ask(`/key/info?key=${key}`)).body.info;

describe('/key/generate', () => {
  test('with models, a duration and metadata', async () => {
    const fields = { models: ['chat', 'other'], duration: '20m', metadata: { user: 'ann@example.org' } };
    const made = await house.generate(fields);
    expect(made).toMatchObject({ models: ['chat', 'other'], metadata: fields.metadata, spend: 0, duration: '20m' });
    expect(made.key).toStartWith('sk-');
    expect(made.key_name).toBe(`${made.key.slice(0, 3)}...${made.key.slice(-4)}`);
    expect(Date.parse(String(made.expires)) - Date.now()).toBeWithin(19 * 60_000, 20 * 60_000 + 1);
    expect((await house.spend(made.key)).status).toBe(200);
    expect(await house.spend(made.key, { model: 'claude' })).toMatchObject({ status: 403 });
    expect(await info(made.key)).toMatchObject({ spend: COST, models: ['chat', 'other'], metadata: fields.metadata });
  });

  test('of nothing, and of what SDKs send for nothing', async () => {
    const empty = {
      models: [],
      aliases: {},
      config: {},
      permissions: {},
      metadata: {},
      model_max_budget: {},
      spend: 0,
    };
    const absent = { guardrails: null, team_id: '', tags: null, blocked: null, auto_rotate: false, budget_id: null };
    for (const fields of [{}, { ...empty, ...absent }]) {
      const made = await house.generate(fields);
      expect(made).toMatchObject({ models: [], max_budget: null, user_id: null, team_id: null, expires: null });
      expect((await house.spend(made.key)).status).toBe(200);
    }
  });

  test('with a key of your own', async () => {
    const made = await house.generate({ key: 'sk-mine-0123456789' });
    expect(made.key).toBe('sk-mine-0123456789');
    expect((await house.spend('sk-mine-0123456789')).status).toBe(200);
    expect(await house.ask('/key/generate', { key: 'sk-mine-0123456789' })).toMatchObject({ status: 400 });
    for (const key of ['mine-0123456789-0123', 'sk-short']) {
      expect((await house.ask('/key/generate', { key })).body.error).toMatchObject({ param: 'key', code: '400' });
    }
  });

  test('for a user and a team nobody made: both are there from then on', async () => {
    const made = await house.generate({ user_id: 'auth0|ann', team_id: 'core infra', max_budget: 10 });
    expect(made).toMatchObject({ user_id: 'auth0|ann', team_id: 'core infra', max_budget: 10 });
    expect((await house.call('GET', '/teams/core%20infra')).body.name).toBe('core infra');
    expect(await info(made.key)).toMatchObject({ user_id: 'auth0|ann', team_id: 'core infra' });
    const again = await house.generate({ user_id: 'auth0|ann', team_id: 'core infra' });
    expect(again.user_id).toBe('auth0|ann');
  });

  test('shows the key in its answer, and nobody ever again', async () => {
    const { key, token } = await house.generate({ key_alias: 'once shown' });
    const places = ['/key/list?return_full_object=true&size=500', `/key/info?key=${token}`, '/key/aliases'];
    for (const path of places) expect((await house.ask(path)).text).not.toContain(key.slice(3));
    expect((await house.call('GET', '/audit/export')).text).not.toContain(key.slice(3));
  });

  test('once for an idempotency key', async () => {
    const once = () =>
      house.house.post('/key/generate', { key_alias: 'idempotent' }, { headers: { 'idempotency-key': 'a' } });
    const [first, second] = [(await (await once()).json()) as object, (await (await once()).json()) as object];
    expect(second).toMatchObject({ token: (first as { token: string }).token });
    expect(second).not.toHaveProperty('key');
  });
});

describe('what is said of a key holds', () => {
  test('max_budget', async () => {
    const { key } = await house.generate({ max_budget: 0.0005, budget_duration: '30d' });
    let passed = 0;
    while ((await house.spend(key)).status === 200) passed++;
    expect(passed).toBeGreaterThan(0);
    const refused = await house.spend(key);
    expect(refused.status).toBe(402);
    const { spend, max_budget, budget_duration, budget_reset_at } = await info(key);
    expect([Number(spend).toFixed(9), max_budget, budget_duration]).toEqual([
      (passed * COST).toFixed(9),
      0.0005,
      '30d',
    ]);
    expect(String(budget_reset_at)).toEndWith('-01T00:00:00.000Z');
    await house.ask('/key/update', { key, max_budget: 1 });
    expect((await house.spend(key)).status).toBe(200);
  });

  test.each(['30s', '30m', '1h', '1d', '7d', '1mo', '45d', '2w'])(
    'budget_duration %s comes back as it is',
    async (budget_duration) => {
      const { key } = await house.generate({ max_budget: 5, budget_duration });
      expect(await info(key)).toMatchObject({ max_budget: 5, budget_duration });
      expect((await house.spend(key)).status).toBe(200);
    },
  );

  test('a budget of nothing lets nothing through, nor does less than a nano-dollar', async () => {
    for (const max_budget of [0, 0.000_000_000_001]) {
      const { key } = await house.generate({ max_budget });
      expect((await house.spend(key)).status).toBe(402);
    }
  });

  test('several budgets, and those of models', async () => {
    const budget_limits = [
      { budget_duration: '1h', max_budget: 0.0001 },
      { budget_duration: '1d', max_budget: 100 },
    ];
    const model_max_budget = { claude: { budget_limit: '0.0000001', time_period: '1d' } };
    const { key } = await house.generate({ max_budget: 50, budget_limits, model_max_budget });
    expect((await house.spend(key, { model: 'chat', max_tokens: 1000 })).message).toContain('0.0001 USD per hour');
    expect(await house.spend(key, { model: 'claude' })).toMatchObject({ status: 402 });
    expect(await info(key)).toMatchObject({
      max_budget: 50,
      budget_limits,
      model_max_budget: { claude: { budget_limit: 0.0000001, time_period: '1d' } },
    });
  });

  test.each([
    [{ rpm_limit: 1 }],
    [{ tpm_limit: 40 }],
    [{ model_rpm_limit: { chat: 1 } }],
    [{ model_tpm_limit: { chat: 40 } }],
    [{ tags: ['slow'], tag_rpm_limit: { slow: 1 } }],
  ])('%j', async (limits) => {
    const { key } = await house.generate(limits);
    expect((await house.spend(key, { max_tokens: 1 })).status).toBe(200);
    expect((await house.spend(key, { max_tokens: 1 })).status).toBe(429);
    expect(await info(key)).toMatchObject(limits);
  });

  test('blocked, budget_fallbacks, key_type', async () => {
    const { key } = await house.generate({ blocked: true });
    expect((await house.spend(key)).status).toBe(403);
    const reader = await house.generate({ key_type: 'read_only' });
    expect((await house.spend(reader.key)).status).toBe(403);
    expect((await house.ask('/key/info', undefined, reader.key)).status).toBe(200);
    const made = await house.generate({ budget_fallbacks: { claude: ['chat'] } });
    expect(made.budget_fallbacks).toEqual({ claude: ['chat'] });
  });
});

describe('a field that means nothing here is refused by its name', () => {
  test.each([
    ['guardrails', ['pii']],
    ['aliases', { 'gpt-4': 'chat' }],
    ['config', { a: 1 }],
    ['object_permission', { mcp_servers: ['a'] }],
    ['auto_rotate', true],
    ['agent_id', 'a'],
    ['key_type', 'management'],
    ['allowed_routes', ['management_routes']],
    ['permissions', { allow_pii_controls: true }],
    ['rpm_limit_type', 'guaranteed_throughput'],
    ['metadata', { logging: [{ callback_name: 'langfuse' }] }],
    ['spend', 5],
    ['colour', 'blue'],
    ['budget_duration', '2mo'],
    ['budget_duration', 'soon'],
    ['max_budget', -1],
    ['rpm_limit', 0],
  ])('%s: %j', async (field, value) => {
    const { status, body } = await house.ask('/key/generate', { [field]: value });
    expect([status, body.error.code, body.error.type]).toEqual([400, '400', 'bad_request_error']);
    expect(body.error.param).toStartWith(field);
    expect(body.error.message).toContain(field);
  });
});

describe('/key/update', () => {
  test('changes what is given, takes away what is null, and leaves the rest', async () => {
    const { key } = await house.generate({ models: ['claude'], max_budget: 3, rpm_limit: 100, metadata: { a: 1 } });
    const updated = await house.ask('/key/update', { key, models: ['chat'], metadata: { b: 2 }, team_id: 'moved to' });
    expect(updated.body).toMatchObject({
      key,
      models: ['chat'],
      metadata: { b: 2 },
      team_id: 'moved to',
      max_budget: 3,
    });
    expect((await house.spend(key)).status).toBe(200);
    await house.ask('/key/update', { key, max_budget: null, rpm_limit: null, key_alias: 'renamed' });
    expect(await info(key)).toMatchObject({
      max_budget: null,
      rpm_limit: null,
      key_alias: 'renamed',
      models: ['chat'],
    });
  });

  test('moves a key to a team, whose rules then hold', async () => {
    await house.call('POST', '/teams', { name: 'narrow', policy: { models: ['claude'] } });
    const { key } = await house.generate({});
    expect((await house.spend(key)).status).toBe(200);
    await house.ask('/key/update', { key, team_id: 'narrow' });
    expect((await house.spend(key)).status).toBe(403);
  });

  test('a budget for a time', async () => {
    const { key } = await house.generate({ max_budget: 0 });
    expect((await house.spend(key)).status).toBe(402);
    const fields = { key, temp_budget_increase: 1, temp_budget_expiry: '10d' };
    expect((await house.ask('/key/update', fields)).status).toBe(200);
    expect((await house.spend(key)).status).toBe(200);
  });

  test('spend: 0 starts its budget anew', async () => {
    const { key } = await house.generate({ max_budget: 0.0003 });
    while ((await house.spend(key)).status === 200) {}
    await house.ask('/key/update', { key, spend: 0 });
    expect(await info(key)).toMatchObject({ spend: 0 });
    expect((await house.spend(key)).status).toBe(200);
  });

  test('what was written by the admin API stays', async () => {
    const { token } = await house.generate({ rpm_limit: 7 });
    const budgets = [{ amount: 1, per: 'day', endUser: '*' }];
    await house.call('PATCH', `/keys/${token}`, { budgets, limits: [{ requests: 9, per: 'hour' }] });
    await house.ask('/key/update', { key: token, max_budget: 2, rpm_limit: 8 });
    const { body } = await house.call('GET', `/keys/${token}`);
    expect(body.budgets).toEqual([{ unpriced: 'allow', amount: '2', per: 'lifetime' }, ...budgets]);
    expect(body.limits).toEqual([
      { requests: 8, per: 'minute' },
      { requests: 9, per: 'hour' },
    ]);
  });
});

describe('a key is named', () => {
  test('by itself, its SHA-256 or its token', async () => {
    const { key, token } = await house.generate({ key_alias: 'found' });
    for (const reference of [key, sha256Hex(key), token]) {
      expect((await house.ask(`/key/info?key=${reference}`)).body).toMatchObject({ key: reference, info: { token } });
    }
    const several = await house.ask('/v2/key/info', { keys: [key, token] });
    expect(several.body.info).toMatchObject([{ token }, { token }]);
    expect((await house.ask('/v2/key/info', { key_aliases: ['found'] })).body.info).toMatchObject([{ token }]);
  });

  test('and otherwise not found', async () => {
    for (const path of ['/key/info?key=sk-nothing-of-ours', '/key/info?key=web']) {
      const { status, text, body } = await house.ask(path);
      expect([status, body.error.type]).toEqual([404, 'not_found_error']);
      expect(text).not.toContain('nothing-of-ours');
    }
  });

  test('by one alias only', async () => {
    await house.generate({ key_alias: 'taken' });
    expect((await house.ask('/key/generate', { key_alias: 'taken' })).body.error.param).toBe('key_alias');
  });
});

test('/key/regenerate gives a new key, and the old one goes on for the grace period', async () => {
  const { key, token } = await house.generate({ key_alias: 'turning', max_budget: 4 });
  await house.spend(key);
  const graced = await house.ask(`/key/${key}/regenerate`, { grace_period: '1h' });
  expect(graced.body).toMatchObject({ token, key_alias: 'turning', max_budget: 4, spend: COST });
  expect([(await house.spend(key)).status, (await house.spend(graced.body.key)).status]).toEqual([200, 200]);
  const at = await house.ask('/key/regenerate', { key: token, new_key: 'sk-brought-along-1', max_budget: 5 });
  expect(at.body).toMatchObject({ key: 'sk-brought-along-1', max_budget: 5 });
  expect([(await house.spend(graced.body.key)).status, (await house.spend(at.body.key)).status]).toEqual([401, 200]);
  expect((await house.ask(`POST /key/regenerate?key=${token}`)).status).toBe(200);
});

test('/key/block, /key/unblock, /key/delete', async () => {
  const { key, token } = await house.generate({ key_alias: 'going' });
  expect((await house.ask('/key/block', { key })).body).toMatchObject({ blocked: true, token });
  expect((await house.spend(key)).status).toBe(403);
  expect((await house.ask('/key/unblock', { key: token })).body).toMatchObject({ blocked: false });
  expect((await house.spend(key)).status).toBe(200);
  const other = await house.generate({ key_alias: 'going too' });
  // All or none.
  expect((await house.ask('/key/delete', { keys: [key, 'sk-not-there-at-all'] })).status).toBe(404);
  expect((await house.spend(key)).status).toBe(200);
  expect((await house.ask('/key/delete', { keys: [key] })).body.deleted_keys).toEqual([key]);
  expect((await house.ask('/key/delete', { key_aliases: ['going too'] })).body.deleted_keys).toEqual(['going too']);
  expect([(await house.spend(key)).status, (await house.spend(other.key)).status]).toEqual([401, 401]);
});

test('/key/list and /key/aliases', async () => {
  const made: string[] = [];
  for (const alias of ['list b', 'list a', 'list c']) {
    made.push((await house.generate({ key_alias: alias, team_id: 'listed' })).token);
  }
  const { body } = await house.ask('/key/list?team_id=listed&size=2');
  expect(body).toMatchObject({ keys: made.slice(0, 2), total_count: 3, current_page: 1, total_pages: 2 });
  const rest = await house.ask('/key/list?team_id=listed&size=2&page=2&sort_by=key_alias&sort_order=desc');
  expect(rest.body.keys).toEqual([made[1]]);
  const full = await house.ask('/key/list?team_id=listed&return_full_object=true&key_alias=list%20a');
  expect(full.body.keys).toMatchObject([{ token: made[1], key_alias: 'list a', spend: 0, team_id: 'listed' }]);
  expect((await house.ask('/key/aliases?search=LIST')).body.aliases).toEqual(['list a', 'list b', 'list c']);
  expect((await house.ask('/key/list?page=0')).body.error.param).toBe('page');
  expect((await house.ask('/key/list?status=deleted')).body.error.param).toBe('status');
});

test('a virtual key may ask about itself', async () => {
  const { key, token } = await house.generate({ key_alias: 'itself' });
  const other = await house.generate({});
  expect((await house.ask('/key/info', undefined, key)).body.info).toMatchObject({ token });
  expect((await house.ask(`/key/info?key=${key}`, undefined, key)).status).toBe(200);
  expect((await house.ask(`/key/info?key=${other.token}`, undefined, key)).status).toBe(404);
  expect((await house.ask('/key/list', undefined, key)).body.keys).toEqual([token]);
  expect((await house.ask('POST /key/health', undefined, key)).body.key).toBe('healthy');
  expect((await house.ask('/key/generate', {}, key)).body.error).toMatchObject({ code: '403', type: 'auth_error' });
});

test("LiteLLM's own header carries a key too", async () => {
  const headers = { 'x-litellm-api-key': 'Bearer sk-test-admin-0123456789', authorization: 'Bearer something-else' };
  const response = await fetch(`${house.house.gateway.url}/key/list`, { headers });
  expect(response.status).toBe(200);
});

test("OpenAI's SDK takes a key made here", async () => {
  const { key } = await house.generate({ models: ['chat'], max_budget: 1 });
  const client = new OpenAI({ apiKey: key, baseURL: house.house.gateway.url, maxRetries: 0 });
  const messages = [{ role: 'user' as const, content: 'Hello.' }];
  const answer = await client.chat.completions.create({ model: 'chat', messages });
  expect(answer.choices[0]?.message.content).toBe('Hello.');
  const refused = async () => client.chat.completions.create({ model: 'claude', messages });
  expect(refused()).rejects.toThrow('claude');
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['chat']);
  expect((await info(key)).spend).toBe(COST);
});
