import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
beforeAll(async () => {
  house = await startLitellmTestHouse();
  await house.call('POST', '/tags', { name: 'slow-team', limits: [{ requests: 1, per: 'minute' }] });
});
afterAll(() => house.house.stop());

const made = (path: string, fields: object) => house.made(path, fields);
const team = (fields: object) => made('/team/new', fields);
const info = async (id: unknown) => (await house.ask(`/team/info?team_id=${id}`)).body;

/** How many calls get through before one is refused. */
const calls = async (key: string, fields?: object) => {
  let passed = 0;
  while (passed < 100 && (await house.spend(key, fields)).status === 200) passed++;
  return passed;
};

describe('/team/new', () => {
  test('with a name for people, models, rules and members', async () => {
    const fields = {
      team_alias: 'Core infra',
      models: ['chat'],
      max_budget: 10,
      budget_duration: '30d',
      rpm_limit: 100,
      tpm_limit: 1_000_000,
      metadata: { cost_centre: 7 },
      members_with_roles: [
        { role: 'admin', user_id: 'lead' },
        { role: 'user', user_email: 'ann@example.org' },
      ],
    };
    const answer = await team(fields);
    const { members_with_roles, ...rest } = fields;
    expect(answer).toMatchObject({ ...rest, spend: 0, blocked: false, organization_id: null });
    expect(answer.members_with_roles).toMatchObject(members_with_roles);
    const { team_info, team_memberships, keys } = await info(answer.team_id);
    expect(team_info).toMatchObject({ ...fields, team_id: answer.team_id });
    expect(team_memberships).toMatchObject([{ user_id: 'lead', spend: 0 }, { team_id: answer.team_id }]);
    expect(keys).toEqual([]);
    const { key } = await house.generate({ team_id: answer.team_id });
    expect((await house.spend(key)).status).toBe(200);
    expect((await house.spend(key, { model: 'claude' })).status).toBe(403);
    expect((await info(answer.team_id)).team_info).toMatchObject({ spend: COST });
  });

  test('an id of its own choice is taken once', async () => {
    expect(await team({ team_id: 'chosen id' })).toMatchObject({ team_id: 'chosen id' });
    expect((await house.ask('/team/new', { team_id: 'chosen id' })).body.error).toMatchObject({ code: '400' });
  });

  test('max_budget is one budget for all its keys', async () => {
    const { team_id } = await team({ max_budget: 10 * COST });
    const keys = [await house.generate({ team_id }), await house.generate({ team_id })];
    let passed = 0;
    for (;;) {
      const answers = await Promise.all(keys.map(({ key }) => house.spend(key)));
      passed += answers.filter(({ status }) => status === 200).length;
      if (answers.every(({ status }) => status === 402)) break;
    }
    const { team_info } = await info(team_id);
    expect(Number(team_info.spend).toFixed(9)).toBe((passed * COST).toFixed(9));
    expect(passed).toBeWithin(1, 11);
  });

  test.each([
    [{ rpm_limit: 1 }],
    [{ tpm_limit: 40 }],
    [{ model_rpm_limit: { chat: 1 } }],
    [{ team_member_rpm_limit: 1 }],
    [{ team_member_tpm_limit: 40 }],
    [{ tags: ['slow-team'] }],
  ])('%j', async (limits) => {
    const { team_id } = await team(limits);
    const { key } = await house.generate({ team_id, user_id: 'counted' });
    expect((await house.spend(key, { max_tokens: 1 })).status).toBe(200);
    expect((await house.spend(key, { max_tokens: 1 })).status).toBe(429);
  });

  test('tags of a team are tags of its keys', async () => {
    const { team_id, metadata } = await team({ metadata: { tags: ['of the team'], other: 1 } });
    expect(metadata).toEqual({ tags: ['of the team'], other: 1 });
    const { key } = await house.generate({ team_id, tags: ['of the key'] });
    await house.spend(key);
    const { body } = await house.call('GET', '/ledger/entries?scope=tag:of%20the%20team');
    expect(body.data).toHaveLength(1);
  });
});

describe('a budget for each member', () => {
  test('team_member_budget holds for each apart', async () => {
    const { team_id, ...rest } = await team({ team_member_budget: 3 * COST, team_member_budget_duration: '1d' });
    expect(rest.team_member_budget_table).toMatchObject({ max_budget: 3 * COST, budget_duration: '1d' });
    const [ann, bob] = [
      await house.generate({ team_id, user_id: 'ann' }),
      await house.generate({ team_id, user_id: 'bob' }),
    ];
    const passed = await calls(ann.key, { max_tokens: 1 });
    expect(passed).toBeWithin(1, 4);
    expect((await house.spend(bob.key, { max_tokens: 1 })).status).toBe(200);
    await made('/team/update', { team_id, team_member_budget: null });
    expect((await house.spend(ann.key)).status).toBe(200);
  });

  test('max_budget_in_team holds for one', async () => {
    const { team_id } = await team({});
    const added = await made('/team/member_add', {
      team_id,
      member: { role: 'user', user_id: 'cat' },
      max_budget_in_team: 3 * COST,
      budget_duration: '1d',
    });
    expect(added.updated_users).toMatchObject([{ user_id: 'cat' }]);
    expect(added.updated_team_memberships).toMatchObject([
      { user_id: 'cat', team_id, litellm_budget_table: { max_budget: 3 * COST, budget_duration: '1d' } },
    ]);
    const { key } = await house.generate({ team_id, user_id: 'cat' });
    const elsewhere = await house.generate({ user_id: 'cat' });
    const passed = await calls(key, { max_tokens: 1 });
    expect(passed).toBeWithin(1, 4);
    expect((await house.spend(elsewhere.key)).status).toBe(200);
    const { team_memberships } = await info(team_id);
    const [membership] = team_memberships as { spend: number }[];
    expect(membership?.spend.toFixed(9)).toBe((passed * COST).toFixed(9));
    const updated = await made('/team/member_update', {
      team_id,
      user_id: 'cat',
      max_budget_in_team: 5,
      role: 'admin',
    });
    expect(updated).toMatchObject({ team_id, user_id: 'cat', max_budget_in_team: 5, budget_duration: '1d' });
    expect((await house.spend(key)).status).toBe(200);
    expect((await info(team_id)).team_info.members_with_roles).toMatchObject([{ user_id: 'cat', role: 'admin' }]);
  });

  test('more for one than for each is refused, for both would hold', async () => {
    const { team_id } = await team({ team_member_budget: 1 });
    const fields = { team_id, member: { role: 'user', user_id: 'rich' }, max_budget_in_team: 2 };
    expect((await house.ask('/team/member_add', fields)).body.error).toMatchObject({ param: 'max_budget_in_team' });
  });
});

describe('members', () => {
  test('several at once, once each, and away again with their keys there', async () => {
    const { team_id } = await team({});
    const member = [
      { role: 'user', user_id: 'dan' },
      { role: 'admin', user_id: 'eve' },
    ];
    await made('/team/member_add', { team_id, member });
    const again = await house.ask('/team/member_add', { team_id, member: { role: 'user', user_id: 'dan' } });
    expect(again.body.error).toMatchObject({ code: '400', type: 'bad_request_error' });
    const { key } = await house.generate({ team_id, user_id: 'dan' });
    const kept = await house.generate({ user_id: 'dan' });
    const left = await made('/team/member_delete', { team_id, user_id: 'dan' });
    expect(left.members_with_roles).toMatchObject([{ user_id: 'eve', role: 'admin' }]);
    expect([(await house.spend(key)).status, (await house.spend(kept.key)).status]).toEqual([401, 200]);
    const nobody = await house.ask('/team/member_delete', { team_id, user_id: 'dan' });
    expect(nobody.status).toBe(404);
  });

  test('by address', async () => {
    const { team_id } = await team({});
    await made('/team/member_add', { team_id, member: { role: 'user', user_email: 'new@example.org' } });
    const { team_info } = await info(team_id);
    expect(team_info.members_with_roles).toMatchObject([{ user_email: 'new@example.org', role: 'user' }]);
    await made('/team/member_delete', { team_id, user_email: 'NEW@example.org' });
    expect((await info(team_id)).team_info.members_with_roles).toEqual([]);
  });

  test('/team/bulk_member_add: all or none', async () => {
    const { team_id } = await team({});
    const members = [
      { role: 'user', user_id: 'fay' },
      { role: 'user', user_id: 'gus' },
    ];
    const answer = await made('/team/bulk_member_add', { team_id, members, max_budget_in_team: 1 });
    expect(answer).toMatchObject({ team_id, successful_additions: 2, failed_additions: 0 });
    const again = [
      { role: 'user', user_id: 'hal' },
      { role: 'user', user_id: 'gus' },
    ];
    expect((await house.ask('/team/bulk_member_add', { team_id, members: again })).status).toBe(400);
    expect((await info(team_id)).team_info.members_with_roles).toHaveLength(2);
  });
});

test('/team/update changes what is given, and leaves the rest', async () => {
  const { team_id } = await team({ team_alias: 'before', max_budget: 1, models: ['claude'] });
  const updated = await made('/team/update', { team_id, team_alias: 'after', models: ['chat'], blocked: true });
  expect(updated).toMatchObject({
    team_id,
    data: { team_alias: 'after', models: ['chat'], max_budget: 1, blocked: true },
  });
  expect((await house.ask('/team/update', { team_id, organization_id: 'other' })).body.error.param).toBe(
    'organization_id',
  );
  expect((await house.ask('/team/update', { team_id: 'nowhere', max_budget: 1 })).status).toBe(404);
});

test('/team/block, /team/unblock, /team/model/add, /team/model/delete', async () => {
  const { team_id } = await team({ models: ['claude'] });
  const { key } = await house.generate({ team_id });
  await made('/team/model/add', { team_id, models: ['chat'] });
  expect((await house.spend(key)).status).toBe(200);
  await made('/team/block', { team_id });
  expect((await house.spend(key)).status).toBe(403);
  await made('/team/unblock', { team_id });
  expect((await house.spend(key)).status).toBe(200);
  await made('/team/model/delete', { team_id, models: ['claude', 'chat'] });
  expect((await house.spend(key)).status).toBe(403);
  expect((await info(team_id)).team_info.models).toEqual(['no-default-models']);
});

test('/team/delete takes keys and members along, and what is spent stays in the ledger', async () => {
  const { team_id } = await team({ team_id: 'leaving', members_with_roles: [{ role: 'user', user_id: 'ivy' }] });
  const { key } = await house.generate({ team_id });
  await house.spend(key);
  expect((await house.ask('/team/delete', { team_ids: [team_id, 'not there'] })).status).toBe(404);
  expect((await house.spend(key)).status).toBe(200);
  expect(await made('/team/delete', { team_ids: [team_id] })).toMatchObject({ deleted_teams: [team_id] });
  expect((await house.spend(key)).status).toBe(401);
  expect((await house.ask(`/team/info?team_id=${team_id}`)).status).toBe(404);
  expect((await house.ask('/user/info?user_id=ivy')).body.teams).toEqual([]);
  expect((await house.call('GET', '/ledger/entries?scope=team:leaving')).body.data).toHaveLength(2);
});

test('/team/list and /v2/team/list', async () => {
  await house.call('POST', '/organisations', { name: 'listing' });
  for (const name of ['b', 'a', 'c']) await team({ team_id: `list-${name}`, organization_id: 'listing' });
  await made('/team/member_add', { team_id: 'list-a', member: { role: 'user', user_id: 'jan' } });
  const list = JSON.parse((await house.ask('/team/list?organization_id=listing')).text) as { team_id: string }[];
  expect(list.map(({ team_id }) => team_id)).toEqual(['list-b', 'list-a', 'list-c']);
  const ofJan = JSON.parse((await house.ask('/team/list?user_id=jan')).text);
  expect(ofJan).toMatchObject([{ team_id: 'list-a', keys: [], team_memberships: [{ user_id: 'jan' }] }]);
  const page = await house.ask(
    '/v2/team/list?organization_id=listing&page_size=2&page=2&sort_by=team_id&sort_order=desc',
  );
  expect(page.body).toMatchObject({ teams: [{ team_id: 'list-a' }], total: 3, page: 2, page_size: 2, total_pages: 2 });
});

test('a key sees its own team, and of that itself', async () => {
  const { team_id } = await team({
    members_with_roles: [
      { role: 'user', user_id: 'kim' },
      { role: 'user', user_id: 'leo' },
    ],
  });
  const { key, token } = await house.generate({ team_id, user_id: 'kim' });
  await house.generate({ team_id, user_id: 'leo' });
  const { status, body } = await house.ask(`/team/info?team_id=${team_id}`, undefined, key);
  expect([status, (body.keys as { token: string }[]).length]).toEqual([200, 1]);
  expect(body).toMatchObject({ keys: [{ token }], team_info: { members_with_roles: [{ user_id: 'kim' }] } });
  const other = await team({});
  expect((await house.ask(`/team/info?team_id=${other.team_id}`, undefined, key)).status).toBe(404);
});

test('a key of a team that may write memberships adds, changes and removes members of its team only', async () => {
  await house.call('POST', '/organisations', { name: 'led' });
  for (const name of ['led-a', 'led-b']) await team({ team_id: name, organization_id: 'led' });
  await house.call('POST', '/users', { name: 'nat', organisationId: 'led' });
  const lead = await house.newKey({ name: 'lead', teamId: 'led-a', adminScopes: ['memberships:write'] });
  const member = { role: 'user', user_id: 'nat' };
  const at = async (path: string, fields: object) => (await house.ask(path, fields, lead)).status;
  expect(await at('/team/member_add', { team_id: 'led-a', member })).toBe(200);
  expect(await at('/team/member_update', { team_id: 'led-a', user_id: 'nat', max_budget_in_team: 3 })).toBe(200);
  expect(await at('/team/member_add', { team_id: 'led-b', member })).toBe(404);
  await made('/team/member_add', { team_id: 'led-b', member });
  expect(await at('/team/member_delete', { team_id: 'led-b', user_id: 'nat' })).toBe(404);
  expect(await at('/team/member_delete', { team_id: 'led-a', user_id: 'nat' })).toBe(200);
});

describe('what means nothing here is refused by its name', () => {
  test.each([
    ['guardrails', ['pii']],
    ['model_aliases', { a: 'b' }],
    ['team_member_permissions', ['/key/generate']],
    ['team_member_key_duration', '1d'],
    ['default_team_member_models', ['chat']],
    ['members', ['a']],
    ['colour', 'blue'],
    ['max_budget', -1],
  ])('%s: %j', async (field, value) => {
    const { status, body } = await house.ask('/team/new', { [field]: value });
    expect([status, body.error.param]).toEqual([400, field]);
    expect(body.error.message).toContain(field);
  });
});
