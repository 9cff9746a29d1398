import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AdminTestHouse, type Fields, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

interface Shown extends Fields {
  readonly spent: { readonly nanoUsd: string };
}

let count = 0;
const fresh = (stem: string) => `${stem}-${++count}`;

async function ask(key: string, fields: object = {}): Promise<{ status: number; message: string; headers: Headers }> {
  const body = { model: 'chat', max_tokens: 100, messages: [{ role: 'user', content: 'Hello.' }], ...fields };
  const response = await admin.house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { error } = (await response.json()) as { error?: { message?: string } };
  return { status: response.status, message: error?.message ?? '', headers: response.headers };
}

describe('a stored budget', () => {
  test('refuses with its numbers, and lets the next request pass when it is raised', async () => {
    const name = fresh('key');
    const key = await admin.newKey({ name, budgets: [{ amount: '0.000001', per: 'month' }] });
    const refused = await ask(key);
    expect(refused.status).toBe(402);
    expect(refused.message).toContain(`budget of 0.000001 USD per month (key ${name})`);
    expect(refused.headers.get('x-turnpike-budget-limit-usd')).toBe('0.000001');
    const raised = await admin.call('PATCH', `/keys/${name}`, { budgets: [{ amount: 1, per: 'month' }] });
    expect(raised).toMatchObject({ status: 200, body: { budgets: [{ amount: 1, per: 'month' }] } });
    expect((await ask(key)).status).toBe(200);
    // What is spent stays when the line moves below it.
    await admin.call('PATCH', `/keys/${name}`, { budgets: [{ amount: '0.000001', per: 'month' }] });
    const again = await ask(key);
    expect(again.status).toBe(402);
    expect(again.headers.get('x-turnpike-budget-spent-usd')).not.toBe('0');
    await admin.call('PATCH', `/keys/${name}`, { budgets: null });
    expect((await ask(key)).status).toBe(200);
  });

  test('a budget that comes later starts from what is spent already', async () => {
    const name = fresh('key');
    const key = await admin.newKey({ name });
    expect((await ask(key)).status).toBe(200);
    await admin.call('PATCH', `/keys/${name}`, { budgets: [{ amount: '0.000001', per: 'month' }] });
    const spent = (await ask(key)).headers.get('x-turnpike-budget-spent-usd');
    expect(Number(spent)).toBeGreaterThan(0);
  });

  test.each(['organisation', 'team', 'user', 'project', 'service-account'])(
    'of a %s burdens its keys',
    async (kind) => {
      const name = fresh(kind);
      const made = await admin.call('POST', `/${kind}s`, { name, budgets: [{ amount: '0.000001', per: 'day' }] });
      expect(made.status).toBe(201);
      const field = kind === 'service-account' ? 'serviceAccountId' : `${kind}Id`;
      const key = await admin.newKey({ name: fresh('key'), [field]: name });
      expect((await ask(key)).status).toBe(402);
      expect((await ask(await admin.newKey({ name: fresh('key') }))).status).toBe(200);
    },
  );

  test('of a user is not that of a service account of the same name', async () => {
    const name = fresh('both');
    await admin.call('POST', '/users', { name, budgets: [{ amount: '0.000001', per: 'day' }] });
    await admin.call('POST', '/service-accounts', { name });
    const ofUser = await admin.newKey({ name: fresh('key'), userId: name });
    const ofAccount = await admin.newKey({ name: fresh('key'), serviceAccountId: name });
    expect([(await ask(ofUser)).status, (await ask(ofAccount)).status]).toEqual([402, 200]);
  });

  test('of a membership is that of the user within the team', async () => {
    const [user, team] = [fresh('user'), fresh('team')];
    await admin.call('POST', '/users', { name: user });
    await admin.call('POST', '/teams', { name: team });
    const budgets = [{ amount: '0.000001', per: 'day' }];
    const made = await admin.call('POST', '/memberships', { userId: user, teamId: team, role: 'member', budgets });
    expect(made).toMatchObject({ status: 201, body: { budgets } });
    const within = await admin.newKey({ name: fresh('key'), userId: user, teamId: team });
    const without = await admin.newKey({ name: fresh('key'), userId: user });
    expect([(await ask(within)).status, (await ask(without)).status]).toEqual([402, 200]);
    await admin.call('PATCH', `/memberships/${made.body.id}`, { budgets: null });
    expect((await ask(within)).status).toBe(200);
  });

  test('for each end user, of a team', async () => {
    const team = fresh('team');
    await admin.call('POST', '/teams', { name: team, budgets: [{ amount: '0.0003', per: 'day', endUser: '*' }] });
    const key = await admin.newKey({ name: fresh('key'), teamId: team });
    expect((await ask(key, { user: 'ann', max_tokens: 5000 })).status).toBe(402);
    expect((await ask(key, { max_tokens: 5000 })).status).toBe(200);
  });
});

describe('a stored limit', () => {
  test('refuses, and goes with what carries it', async () => {
    const team = fresh('team');
    const made = await admin.call('POST', '/teams', { name: team, limits: [{ requests: 1, per: 'hour' }] });
    const key = await admin.newKey({ name: fresh('key'), teamId: team });
    expect([(await ask(key)).status, (await ask(key)).status]).toEqual([200, 429]);
    await admin.call('PATCH', `/teams/${made.body.id}`, { limits: [{ requests: 2, per: 'hour' }] });
    expect([(await ask(key)).status, (await ask(key)).status]).toEqual([200, 429]);
    await admin.call('PATCH', `/teams/${made.body.id}`, { limits: null });
    expect((await ask(key)).status).toBe(200);
  });

  test('with a queue lets requests of all its keys wait for their turn', async () => {
    const team = fresh('team');
    const queue = { maxWait: '20s', by: 'key', shares: [{ id: 'key-*', weight: 2 }] };
    await admin.call('POST', '/teams', { name: team, limits: [{ requests: 2, per: '500ms', queue }] });
    const keys = [
      await admin.newKey({ name: fresh('key'), teamId: team }),
      await admin.newKey({ name: fresh('key'), teamId: team }),
    ];
    const answers = await Promise.all([...keys, ...keys, ...keys].map((key) => ask(key)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    expect(answers.filter(({ headers }) => headers.has('x-turnpike-queued-ms')).length).toBeGreaterThan(1);
  });
});

test.each([
  [{ budgets: [{ per: 'day' }] }, 'budgets[0]', 'no line'],
  [
    {
      budgets: [
        { amount: 1, per: 'day' },
        { amount: 1, per: 'day', zone: 'Nowhere/No' },
      ],
    },
    'budgets[1]',
    'time zone',
  ],
  [{ budgets: [{ amount: 1, soft: 2, per: 'day' }] }, 'budgets[0]', 'soft line'],
  [{ limits: [{ per: 'minute' }] }, 'limits[0]', 'limits nothing'],
  [{ limits: [{ requests: 1 }] }, 'limits[0]', 'no window'],
  [{ limits: [{ concurrency: 1, provider: 'x', queue: { maxWait: '1s' } }] }, 'limits[0]', 'about a provider'],
  [{ budgets: [{ amount: 1, per: 'day', team: 'x' }] }, 'budgets[0].team', 'no field'],
  [{ budgets: [{ amount: 1, per: 'year' }] }, 'budgets[0].per', 'form'],
])('what makes no rule is refused with its place: %j', async (fields, place, words) => {
  const { status, body } = await admin.call('POST', '/teams', { name: fresh('team'), ...fields });
  expect([status, body.error.field]).toEqual([400, place]);
  expect(body.error.message).toContain(words);
});

describe('what is left', () => {
  const shown = async (path: string) => (await admin.call('GET', `${path}/budgets`)).body.data;

  test('is shown exactly, in every window', async () => {
    const name = fresh('key');
    const key = await admin.newKey({
      name,
      budgets: [
        { amount: 1, soft: '0.5', per: 'month' },
        { amount: 2, per: '30d' },
        { amount: 3, per: 'lifetime', endUser: '*' },
      ],
    });
    expect(await shown(`/keys/${name}`)).toMatchObject([
      {
        limit: { usd: '1', nanoUsd: '1000000000' },
        soft: { usd: '0.5' },
        spent: { usd: '0' },
        remaining: { usd: '1' },
      },
      { limit: { usd: '2' }, endMs: null },
    ]);
    const served = await ask(key, { user: 'ann' });
    const spent = served.headers.get('x-turnpike-cost-usd') ?? '';
    await admin.house.gateway.flush();
    const [month, rolling, ofAnn] = await shown(`/keys/${name}`);
    expect(Number(spent)).toBeGreaterThan(0);
    expect([month?.spent, rolling?.spent, ofAnn?.spent]).toMatchObject([
      { usd: spent },
      { usd: spent },
      { usd: spent },
    ]);
    expect(ofAnn).toMatchObject({ instance: 'end-user:ann', held: { nanoUsd: '0' }, startMs: null, endMs: null });
    expect(Number(month?.endMs)).toBeGreaterThan(Date.now());
  });

  test('is all there is after a reset, and the ledger keeps what was spent', async () => {
    const name = fresh('key');
    const key = await admin.newKey({ name, budgets: [{ amount: 1, per: 'month' }] });
    expect((await ask(key)).status).toBe(200);
    const [before] = await shown(`/keys/${name}`);
    expect(before).not.toMatchObject({ spent: { nanoUsd: '0' } });
    expect((await admin.call('POST', `/keys/${name}/reset-budgets`)).status).toBe(200);
    expect(await shown(`/keys/${name}`)).toMatchObject([{ spent: { nanoUsd: '0' }, remaining: { usd: '1' } }]);
    expect((await ask(key)).status).toBe(200);
    expect(await shown(`/keys/${name}`)).toMatchObject([{ spent: before?.spent }]);
    await admin.house.gateway.flush();
    const inLedger = await admin.house.gateway.store.spendBetween(`key:${name}`, 0, Date.now() + 1);
    const once = BigInt(String((before as Shown | undefined)?.spent.nanoUsd));
    expect(inLedger).toBe(2n * once);
    expect(
      (
        await admin.call(
          'POST',
          `/keys/${(await admin.call('POST', '/keys', { name: fresh('key') })).body.id}/reset-budgets`,
        )
      ).status,
    ).toBe(400);
  });
});

test('a policy names cheaper models for when a budget is spent; the innermost level decides', async () => {
  const endpoint = (model: string, usd: number) => ({
    provider: 'openai',
    model,
    baseUrl: '{{upstream}}/v1',
    apiKey: 'sk-up',
    price: { input: usd, output: usd },
  });
  const models = [
    { name: 'dear', endpoints: [endpoint('gpt-test', 1000)] },
    { name: 'cheap', endpoints: [endpoint('gpt-small', 0)] },
  ];
  const own = await startAdminTestHouse({ yaml: JSON.stringify({ models }) });
  try {
    const budgets = [{ amount: '0.001', per: 'month' }];
    const policy = { fallbackModels: { dear: ['nothing'] } };
    await own.call('POST', '/teams', { name: 'web', budgets, policy });
    const without = await own.newKey({ name: 'without', teamId: 'web' });
    const inner = { fallbackModels: { dear: ['cheap'] } };
    const key = await own.newKey({ name: 'with', teamId: 'web', policy: inner });
    expect([await own.chat(without, 'dear'), await own.chat(key, 'dear')]).toEqual([402, 200]);
    await own.call('PATCH', '/keys/with', { policy: { ...inner, models: ['dear'] } });
    expect(await own.chat(key, 'dear')).toBe(402);
  } finally {
    await own.house.stop();
  }
});

test('an increase holds until its time, and no longer', async () => {
  const name = fresh('key');
  const untilMs = Date.now() + 700;
  const budget = { amount: '0.000001', per: 'month', temporaryIncrease: { amount: 1, untilMs } };
  const key = await admin.newKey({ name, budgets: [budget] });
  expect((await ask(key)).status).toBe(200);
  while (Date.now() < untilMs + 100) await Bun.sleep(20);
  expect((await ask(key)).status).toBe(402);
  const nothing = { per: 'month', soft: 1, temporaryIncrease: { amount: 1, untilMs } };
  const refused = await admin.call('PATCH', `/keys/${name}`, { budgets: [nothing] });
  expect([refused.status, refused.body.error.field]).toEqual([400, 'budgets[0]']);
});
