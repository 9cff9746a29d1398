import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
beforeAll(async () => {
  house = await startLitellmTestHouse();
});
afterAll(() => house.house.stop());

const made = (path: string, fields: object) => house.made(path, fields);
const info = async (id: string) => (await house.ask(`/user/info?user_id=${id}`)).body;

describe('/user/new', () => {
  test('makes the user and a first key', async () => {
    const fields = {
      user_id: 'ann',
      user_email: 'ann@example.org',
      user_alias: 'Ann',
      user_role: 'internal_user',
      max_budget: 5,
      budget_duration: '30d',
      metadata: { desk: 4 },
    };
    const answer = await made('/user/new', { ...fields, key_alias: 'first', duration: '1d' });
    expect(answer).toMatchObject({ ...fields, key_alias: 'first', spend: 0, teams: [] });
    expect(answer.key).toStartWith('sk-');
    expect((await house.spend(answer.key)).status).toBe(200);
    const { user_info, keys, teams } = await info('ann');
    expect(user_info).toMatchObject({ ...fields, spend: COST });
    expect(keys).toMatchObject([{ token: answer.token, key_alias: 'first', user_id: 'ann', spend: COST }]);
    expect(teams).toEqual([]);
    expect((await house.ask('/user/new', { user_id: 'ann' })).body.error.code).toBe('400');
  });

  test('without a key', async () => {
    const answer = await made('/user/new', { auto_create_key: false });
    expect(answer.key).toBeNull();
    expect((await info(String(answer.user_id))).keys).toEqual([]);
  });

  test('in teams, which are made when nobody has', async () => {
    await made('/team/new', { team_id: 'there' });
    const teams = ['there', { team_id: 'not there yet', max_budget_in_team: 1, user_role: 'admin' }];
    const answer = await made('/user/new', { user_id: 'bob', teams });
    expect(answer.teams).toEqual(['there', 'not there yet']);
    expect((await info('bob')).teams).toMatchObject([{ team_id: 'there' }, { team_id: 'not there yet' }]);
    const team = await house.ask('/team/info?team_id=not%20there%20yet');
    expect(team.body.team_memberships).toMatchObject([{ user_id: 'bob', litellm_budget_table: { max_budget: 1 } }]);
    expect(team.body.team_info.members_with_roles).toMatchObject([{ user_id: 'bob', role: 'admin' }]);
  });
});

test('max_budget holds over all keys of the user', async () => {
  const { key } = await made('/user/new', { user_id: 'cat', max_budget: 3 * COST });
  const other = await house.generate({ user_id: 'cat' });
  let passed = 0;
  while ((await house.spend(key, { max_tokens: 1 })).status === 200) passed++;
  expect(passed).toBeWithin(1, 4);
  expect((await house.spend(other.key)).status).toBe(402);
  const updated = await made('/user/update', { user_id: 'cat', max_budget: 1 });
  expect(updated).toMatchObject({ user_id: 'cat', data: { max_budget: 1 } });
  expect((await house.spend(other.key)).status).toBe(200);
});

test.each([
  [{ rpm_limit: 1 }],
  [{ tpm_limit: 40 }],
  [{ model_rpm_limit: { chat: 1 } }],
  [{ model_max_budget: { chat: { budget_limit: COST, time_period: '1d' } } }],
])('%j', async (rules) => {
  const { key } = await made('/user/new', rules);
  const statuses: number[] = [];
  for (let call = 0; call < 3; call++) statuses.push((await house.spend(key, { max_tokens: 1 })).status);
  expect(statuses.at(-1)).toBeOneOf([402, 429]);
});

describe('/user/update', () => {
  test('by id or by address; what is left out stays, and null takes away', async () => {
    await made('/user/new', { user_id: 'dan', user_email: 'dan@example.org', max_budget: 2, rpm_limit: 9 });
    await made('/user/update', { user_email: 'dan@example.org', user_alias: 'Dan' });
    await made('/user/update', { user_id: 'dan', user_email: 'd@example.org', max_budget: null });
    expect((await info('dan')).user_info).toMatchObject({
      user_alias: 'Dan',
      user_email: 'd@example.org',
      max_budget: null,
      rpm_limit: 9,
    });
    expect((await house.ask('/user/update', { user_email: 'nobody@example.org' })).status).toBe(404);
  });

  test('spend: 0 starts the budget anew', async () => {
    const { key } = await made('/user/new', { user_id: 'eve', max_budget: 5 * COST });
    while ((await house.spend(key, { max_tokens: 1 })).status === 200) {}
    await made('/user/update', { user_id: 'eve', spend: 0 });
    expect((await info('eve')).user_info).toMatchObject({ spend: 0 });
    expect((await house.spend(key, { max_tokens: 1 })).status).toBe(200);
  });

  test('many at once: all or none', async () => {
    for (const user_id of ['fay', 'gus']) await made('/user/new', { user_id, auto_create_key: false });
    const users = [
      { user_id: 'fay', max_budget: 1 },
      { user_id: 'gus', max_budget: 2 },
    ];
    expect(await made('/user/bulk_update', { users })).toMatchObject({ successful_updates: 2, failed_updates: 0 });
    const wrong = [
      { user_id: 'fay', max_budget: 7 },
      { user_id: 'nobody', max_budget: 2 },
    ];
    expect((await house.ask('/user/bulk_update', { users: wrong })).status).toBe(404);
    expect((await info('fay')).user_info).toMatchObject({ max_budget: 1 });
  });
});

test('/user/delete takes keys and memberships along', async () => {
  const { key } = await made('/user/new', { user_id: 'hal', teams: ['with hal'] });
  expect((await house.ask('/user/delete', { user_ids: ['hal'] })).text).toBe('1');
  expect((await house.spend(key)).status).toBe(401);
  expect((await house.ask('/user/info?user_id=hal')).status).toBe(404);
  expect((await house.ask('/team/info?team_id=with%20hal')).body.team_memberships).toEqual([]);
});

test('/user/list', async () => {
  for (const id of ['b', 'a', 'c']) {
    await made('/user/new', { user_id: `list-${id}`, user_email: `${id}@listed.example`, teams: ['listed'] });
  }
  const { body } = await house.ask('/user/list?team=listed&page_size=2&sort_by=user_id&sort_order=desc');
  expect(body).toMatchObject({
    users: [{ user_id: 'list-c', key_count: 1 }, { user_id: 'list-b' }],
    total: 3,
    page: 1,
    page_size: 2,
    total_pages: 2,
  });
  const byEmail = await house.ask('/user/list?user_email=A@listed');
  expect(byEmail.body.users).toMatchObject([{ user_id: 'list-a' }]);
  const byIds = await house.ask('/user/list?user_ids=list-a,list-c');
  expect(byIds.body.users).toMatchObject([{ user_id: 'list-a' }, { user_id: 'list-c' }]);
});

test('a key tells of its own user, and of no other', async () => {
  const { key } = await made('/user/new', { user_id: 'ian' });
  await house.generate({ user_id: 'ian' });
  const own = await house.ask('/user/info', undefined, key);
  expect(own.body).toMatchObject({ user_id: 'ian', user_info: { user_id: 'ian' } });
  expect(own.body.keys).toHaveLength(1);
  expect((await house.ask('/v2/user/info', undefined, key)).body).toMatchObject({ user_id: 'ian' });
  expect((await house.ask('/user/info?user_id=ann', undefined, key)).status).toBe(404);
});

describe('what means nothing here is refused by its name', () => {
  test.each([
    ['user_role', 'proxy_admin'],
    ['send_invite_email', true],
    ['sso_user_id', 'a'],
    ['guardrails', ['pii']],
    ['metadata', { tags: ['a'] }],
    ['aliases', { a: 'b' }],
  ])('%s: %j', async (field, value) => {
    const { status, body } = await house.ask('/user/new', { [field]: value });
    expect([status, body.error.code]).toEqual([400, '400']);
    expect(body.error.param).toStartWith(field);
  });
});
