import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { writeFile } from 'node:fs/promises';
import { type AdminTestHouse, type Fields, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

let count = 0;
const fresh = (stem: string) => `${stem}-${++count}`;
/** Less than any call of these tests may cost. */
const NOTHING = '0.000001';

async function ask(key: string, fields: object = {}, headers: Record<string, string> = {}) {
  const body = { model: 'chat', max_tokens: 100, messages: [{ role: 'user', content: 'Hello.' }], ...fields };
  const response = await admin.house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  const { error } = (await response.json()) as { error?: { message?: string; code?: string } };
  return { status: response.status, message: error?.message ?? '', code: error?.code };
}

async function made(path: string, fields: object): Promise<Fields> {
  const { status, text, body } = await admin.call('POST', path, fields);
  if (status !== 201) throw new Error(text);
  return body;
}

describe('a stored end user', () => {
  test('who is blocked is refused, in every dialect, and nobody else', async () => {
    const key = await admin.newKey({ name: fresh('key') });
    const name = `auth0|${fresh('Ann Lee')}/π`;
    await made('/end-users', { name, isBlocked: true });
    expect(await ask(key, { user: name })).toMatchObject({ status: 403, code: 'end_user_blocked' });
    expect(await ask(key, { metadata: { user_id: name } })).toMatchObject({ status: 403 });
    expect((await ask(key, { user: 'somebody else' })).status).toBe(200);
    const anthropic = await admin.house.post(
      '/v1/messages',
      { model: 'claude', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }], metadata: { user_id: name } },
      { headers: { authorization: `Bearer ${key}` } },
    );
    expect(anthropic.status).toBe(403);
    expect((await anthropic.json()) as unknown).toMatchObject({ error: { type: 'permission_error' } });
    await admin.call('PATCH', `/end-users/${encodeURIComponent(name)}`, { isBlocked: false });
    expect((await ask(key, { user: name })).status).toBe(200);
  });

  test('has models within those of the key', async () => {
    const name = fresh('ann');
    await made('/model-groups', { name: 'of-ann', models: ['claude'] });
    await made('/end-users', { name, policy: { modelGroups: ['of-ann'], outputTokensMax: 50 } });
    const key = await admin.newKey({ name: fresh('key'), policy: { models: ['chat', 'claude'] } });
    const refused = await ask(key, { user: name, max_tokens: 50 });
    expect(refused).toMatchObject({ status: 403, code: 'model_forbidden' });
    expect(refused.message).toContain(`end user "${name}"`);
    expect((await ask(key)).status).toBe(200);
    await admin.call('PATCH', '/model-groups/of-ann', { models: ['chat'] });
    const tooLong = await ask(key, { user: name });
    expect(tooLong).toMatchObject({ status: 403, code: 'output_forbidden' });
    expect(tooLong.message).toContain(`end user "${name}"`);
    expect((await ask(key, { user: name, max_tokens: 50 })).status).toBe(200);
    const other = await admin.newKey({ name: fresh('key'), policy: { models: ['claude'] } });
    expect((await ask(other, { user: name, max_tokens: 50 })).message).toContain('The key');
    await admin.call('PATCH', `/end-users/${name}`, { policy: { operations: ['count-tokens'] } });
    expect(await ask(key, { user: name })).toMatchObject({ status: 403, code: 'operation_forbidden' });
  });

  test('has budgets and limits over all keys, and is shown what is left', async () => {
    const name = fresh('ann');
    await made('/end-users', {
      name,
      budgets: [{ amount: '0.0005', per: 'month' }],
      limits: [{ requests: 2, per: 'hour' }],
    });
    const [one, two] = [await admin.newKey({ name: fresh('key') }), await admin.newKey({ name: fresh('key') })];
    expect([await ask(one, { user: name, max_tokens: 4000 })]).toMatchObject([{ status: 402 }]);
    expect((await ask(two, { user: name })).status).toBe(200);
    expect((await ask(one, { user: name })).status).toBe(200);
    expect(await ask(two, { user: name })).toMatchObject({ status: 429 });
    expect((await ask(two, { user: 'another' })).status).toBe(200);
    const shown = (await admin.call('GET', `/end-users/${name}/budgets`)).body.data;
    expect(shown).toMatchObject([{ limit: { usd: '0.0005' }, held: { usd: '0' } }]);
    expect(shown[0]).not.toMatchObject({ spent: { usd: '0' } });
    await admin.house.gateway.flush();
    expect(await admin.house.gateway.store.spendBetween(`end-user:${name}`, 0, Date.now() + 1)).toBeGreaterThan(0n);
    expect((await admin.call('POST', `/end-users/${name}/reset-budgets`)).status).toBe(200);
    expect((await admin.call('GET', `/end-users/${name}/budgets`)).body.data).toMatchObject([{ spent: { usd: '0' } }]);
  });

  test('with a budget of their own is not held to the default one', async () => {
    const [team, ann, bob] = [fresh('team'), fresh('ann'), fresh('bob')];
    const byDefault = { endUser: '*', default: true, per: 'day' };
    await made('/teams', {
      name: team,
      budgets: [{ amount: NOTHING, ...byDefault }],
      limits: [{ requests: 1, ...byDefault }],
    });
    const key = await admin.newKey({ name: fresh('key'), teamId: team });
    expect((await ask(key, { user: ann })).status).toBe(402);
    await made('/end-users', {
      name: ann,
      budgets: [{ amount: 1, per: 'day' }],
      limits: [{ requests: 3, per: 'day' }],
    });
    const statuses = [];
    for (let times = 0; times < 4; times++) statuses.push((await ask(key, { user: ann })).status);
    expect(statuses).toEqual([200, 200, 200, 429]);
    expect((await ask(key, { user: bob })).status).toBe(402);
    expect((await ask(key)).status).toBe(200);
    const refused = await admin.call('POST', '/teams', {
      name: fresh('team'),
      budgets: [{ amount: 1, per: 'day', default: true }],
    });
    expect(refused.body.error).toMatchObject({ field: 'budgets[0]' });
  });

  test.each(['a*b', ' ann', 'a\nb', `eu_${'0'.repeat(26)}`, ''])('cannot be called %j', async (name) => {
    expect((await admin.call('POST', '/end-users', { name })).body.error).toMatchObject({ field: 'name' });
  });
});

describe('a stored tag', () => {
  test('bounds the requests that carry it, whoever sends them', async () => {
    const name = fresh('batch');
    await made('/tags', { name, limits: [{ requests: 2, per: 'hour' }], budgets: [{ amount: 1, per: 'month' }] });
    const tagged = await admin.newKey({ name: fresh('key'), tags: [name] });
    const plain = await admin.newKey({ name: fresh('key') });
    expect((await ask(tagged)).status).toBe(200);
    expect((await ask(plain, {}, { 'x-turnpike-tags': `other, ${name}` })).status).toBe(200);
    expect((await ask(plain, { metadata: { tags: [name] } })).status).toBe(429);
    expect((await ask(tagged)).status).toBe(429);
    expect((await ask(plain)).status).toBe(200);
    const [left] = (await admin.call('GET', `/tags/${name}/budgets`)).body.data;
    expect(left).not.toMatchObject({ spent: { nanoUsd: '0' } });
    expect((await admin.call('POST', '/tags', { name: fresh('t'), policy: {} })).status).toBe(400);
  });
});

describe('a reusable budget', () => {
  test('holds for each that refers to it, with an account of its own', async () => {
    const budget = await made('/budgets', {
      name: fresh('plan'),
      budgets: [{ amount: '0.05', per: 'month' }],
      limits: [{ requests: 5, per: 'hour' }],
    });
    const keys: string[] = [];
    const names = [fresh('key'), fresh('key')];
    for (const name of names) keys.push(await admin.newKey({ name, budgetIds: [budget.name] }));
    const [one = '', two = ''] = keys;
    const shown = async (name: string | undefined) => (await admin.call('GET', `/keys/${name}/budgets`)).body.data;
    expect((await ask(one)).status).toBe(200);
    expect(await shown(names[0])).not.toMatchObject([{ spent: { nanoUsd: '0' } }]);
    expect(await shown(names[1])).toMatchObject([{ spent: { nanoUsd: '0' } }]);
    expect((await ask(two)).status).toBe(200);
    const [ofOne, ofTwo] = [await shown(names[0]), await shown(names[1])];
    expect(ofOne[0]?.spent).toEqual(ofTwo[0]?.spent);
    expect((await admin.call('GET', `/keys/${names[0]}`)).body).toMatchObject({ budgetIds: [budget.id] });
    // A change of the one definition holds for all.
    await admin.call('PATCH', `/budgets/${budget.name}`, { budgets: [{ amount: NOTHING, per: 'month' }] });
    expect([(await ask(one)).status, (await ask(two)).status]).toEqual([402, 402]);
    await admin.call('PATCH', `/budgets/${budget.name}`, { budgets: null, limits: [{ requests: 3, per: 'hour' }] });
    expect([(await ask(one)).status, (await ask(one)).status, (await ask(one)).status]).toEqual([200, 200, 429]);
    expect((await ask(two)).status).toBe(200);
  });

  test.each(['teams', 'users', 'organisations', 'projects', 'service-accounts', 'end-users', 'tags'])(
    'can be referred to by %s',
    async (path) => {
      const { id } = await made('/budgets', { name: fresh('plan'), budgets: [{ amount: NOTHING, per: 'day' }] });
      const name = fresh('level');
      await made(`/${path}`, { name, budgetIds: [id] });
      const field = path === 'service-accounts' ? 'serviceAccountId' : `${path.slice(0, -1)}Id`;
      const isOfRequest = path === 'end-users' || path === 'tags';
      const key = await admin.newKey({ name: fresh('key'), ...(!isOfRequest && { [field]: name }) });
      expect((await ask(key, { user: name, metadata: { tags: [name] } })).status).toBe(402);
    },
  );

  test('cannot be deleted while something refers to it, and only what is there can be referred to', async () => {
    const budget = await made('/budgets', { name: fresh('plan'), budgets: [{ amount: NOTHING, per: 'day' }] });
    const name = fresh('key');
    const key = await admin.newKey({ name, budgetIds: [budget.id] });
    const refused = await admin.call('DELETE', `/budgets/${budget.id}`);
    expect(refused).toMatchObject({ status: 409 });
    expect(refused.body.error.message).toContain(name);
    const unknown = await admin.call('PATCH', `/keys/${name}`, { budgetIds: [budget.id, 'nothing'] });
    expect(unknown.body.error).toMatchObject({ code: 'body_invalid', field: 'budgetIds[1]' });
    expect((await admin.call('PATCH', `/keys/${name}`, { budgetIds: null })).status).toBe(200);
    expect((await ask(key)).status).toBe(200);
    expect((await admin.call('DELETE', `/budgets/${budget.id}`)).status).toBe(204);
  });

  test('whose rules make no sense for what refers to it is refused there', async () => {
    const ofEach = await made('/budgets', { name: fresh('plan'), budgets: [{ amount: 1, per: 'day', endUser: '*' }] });
    const refused = await admin.call('POST', '/end-users', { name: fresh('ann'), budgetIds: [ofEach.id] });
    expect(refused.body.error).toMatchObject({ code: 'record_conflict', field: 'budgetIds[0]' });
    const plain = await made('/budgets', { name: fresh('plan'), budgets: [{ amount: 1, per: 'day' }] });
    await made('/end-users', { name: fresh('ann'), budgetIds: [plain.id] });
    const changed = await admin.call('PATCH', `/budgets/${plain.id}`, {
      limits: [{ requests: 1, per: 'day', endUser: '*' }],
    });
    expect(changed.body.error.code).toBe('record_conflict');
  });

  test('is reset for one, and for the others is not', async () => {
    const budget = await made('/budgets', { name: fresh('plan'), budgets: [{ amount: 1, per: 'month' }] });
    const names = [fresh('key'), fresh('key')];
    for (const name of names) {
      expect((await ask(await admin.newKey({ name, budgetIds: [budget.id] }))).status).toBe(200);
    }
    const spent = async () => {
      const shown = await Promise.all(names.map((name) => admin.call('GET', `/keys/${name}/budgets`)));
      return shown.map(({ body }) => (body.data[0] as unknown as { spent: { nanoUsd: string } }).spent.nanoUsd === '0');
    };
    expect(await spent()).toEqual([false, false]);
    expect((await admin.call('POST', `/keys/${names[0]}/reset-budgets`)).status).toBe(200);
    expect(await spent()).toEqual([true, false]);
  });

  test('of a team is seen and referred to by the keys of the team, and by no other', async () => {
    const [web, far] = [fresh('web'), fresh('far')];
    for (const name of [web, far]) await made('/teams', { name });
    const plan = await made('/budgets', { name: fresh('plan'), teamId: web, budgets: [{ amount: 1, per: 'day' }] });
    const scopes = { adminScopes: ['keys:write', 'budgets:write'] };
    const ofWeb = { key: await admin.newKey({ name: fresh('key'), teamId: web, ...scopes }) };
    const ofFar = { key: await admin.newKey({ name: fresh('key'), teamId: far, ...scopes }) };
    const fields = () => ({ name: fresh('key'), budgetIds: [plan.id] });
    expect((await admin.call('POST', '/keys', fields(), ofWeb)).status).toBe(201);
    expect((await admin.call('POST', '/keys', fields(), ofFar)).body.error.field).toBe('budgetIds[0]');
    expect((await admin.call('GET', `/budgets/${plan.id}`, undefined, ofFar)).status).toBe(404);
    expect((await admin.call('PATCH', `/budgets/${plan.id}`, { description: 'x' }, ofWeb)).status).toBe(200);
  });
});

test('who is not stored can be refused, and a header can name the end user', async () => {
  const own = await startAdminTestHouse();
  try {
    const file = JSON.parse(await Bun.file(own.house.configFile).text()) as object;
    await writeFile(
      own.house.configFile,
      JSON.stringify({ ...file, endUsers: { header: 'X-Person', unknown: 'refuse' } }),
    );
    await own.house.gateway.reload();
    await own.call('POST', '/end-users', { name: 'ann' });
    const status = async (fields: object, headers: Record<string, string> = {}) => {
      const body = { model: 'chat', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }], ...fields };
      return (await own.house.post('/v1/chat/completions', body, { headers })).status;
    };
    expect(await status({ user: 'ann' })).toBe(200);
    expect(await status({ user: 'bob' })).toBe(403);
    expect(await status({ user: 'bob' }, { 'x-person': 'ann' })).toBe(200);
    expect(await status({ user: 'ann' }, { 'x-person': 'bob' })).toBe(403);
    // A request that names nobody is for nobody.
    expect(await status({})).toBe(200);
    expect(own.house.emulator.requests.some(({ headers }) => headers.has('x-person'))).toBe(false);
  } finally {
    await own.house.stop();
  }
});
