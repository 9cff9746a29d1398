import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
beforeAll(async () => {
  house = await startLitellmTestHouse();
});
afterAll(() => house.house.stop());

const list = async (path: string) => JSON.parse((await house.ask(path)).text) as Record<string, unknown>[];
const calls = async (key: string, fields = {}) => {
  let passed = 0;
  while (passed < 50 && (await house.spend(key, { max_tokens: 1, ...fields })).status === 200) passed++;
  return passed;
};

describe('/budget', () => {
  test('new, update, info, settings, list, delete', async () => {
    const fields = {
      budget_id: 'silver',
      max_budget: 5,
      soft_budget: 4,
      budget_duration: '7d',
      tpm_limit: 1000,
      rpm_limit: 9,
    };
    expect(await house.made('/budget/new', fields)).toMatchObject(fields);
    expect((await house.ask('/budget/new', fields)).status).toBe(400);
    await house.made('/budget/update', { budget_id: 'silver', max_budget: 6 });
    const info = JSON.parse((await house.ask('/budget/info', { budgets: ['silver'] })).text);
    expect(info).toMatchObject([{ ...fields, max_budget: 6 }]);
    expect(await list('/budget/settings?budget_id=silver')).toContainEqual(
      expect.objectContaining({ field_name: 'max_budget', field_value: 6 }),
    );
    expect((await list('/budget/list')).map(({ budget_id }) => budget_id)).toContain('silver');
    expect(await house.made('/budget/delete', { id: 'silver' })).toMatchObject({ budget_id: 'silver' });
    expect((await house.ask('/budget/info', { budgets: ['silver'] })).body.error.code).toBe('404');
    const without = await house.made('/budget/new', { max_budget: 1 });
    expect(String(without.budget_id)).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('of keys: each has its own account', async () => {
    await house.made('/budget/new', { budget_id: 'shared', max_budget: 4 * COST, budget_duration: '1d' });
    const [one, two] = [await house.generate({ budget_id: 'shared' }), await house.generate({ budget_id: 'shared' })];
    expect(one).toMatchObject({ budget_id: 'shared', litellm_budget_table: { max_budget: 4 * COST } });
    const passed = await calls(one.key);
    expect(passed).toBeWithin(1, 5);
    expect((await house.spend(two.key, { max_tokens: 1 })).status).toBe(200);
    const { info } = (await house.ask(`/key/info?key=${one.token}`)).body;
    expect(Number(info.spend).toFixed(9)).toBe((passed * COST).toFixed(9));
    await house.made(`/key/${one.token}/reset_spend`, { reset_to: 0 });
    expect((await house.ask(`/key/info?key=${one.token}`)).body.info.spend).toBe(0);
    expect((await house.spend(one.key, { max_tokens: 1 })).status).toBe(200);
    await house.made('/key/update', { key: one.key, budget_id: null });
    expect((await house.ask(`/key/info?key=${one.token}`)).body.info.budget_id).toBeNull();
    expect((await house.ask('/key/generate', { budget_id: 'not there' })).body.error.code).toBe('400');
    const other = await house.ask(`/key/${one.token}/reset_spend`, { reset_to: 3 });
    expect(other.body.error.param).toBe('reset_to');
  });

  test('/key/bulk_update: all or none', async () => {
    const [one, two] = [await house.generate({}), await house.generate({})];
    const keys = [
      { key: one.key, max_budget: 1 },
      { key: two.token, tags: ['bulk'], team_id: 'made in bulk' },
    ];
    expect(await house.made('/key/bulk_update', { keys })).toMatchObject({
      total_requested: 2,
      successful_updates: [{ key_info: { max_budget: 1 } }, { key_info: { tags: ['bulk'], team_id: 'made in bulk' } }],
      failed_updates: [],
    });
    const wrong = [{ key: one.key, max_budget: 9 }, { key: 'sk-not-there-at-all' }];
    expect((await house.ask('/key/bulk_update', { keys: wrong })).status).toBe(404);
    expect((await house.ask(`/key/info?key=${one.token}`)).body.info.max_budget).toBe(1);
    const twice = [{ key: one.key }, { key: one.token }];
    expect((await house.ask('/key/bulk_update', { keys: twice })).body.error.param).toBe('keys');
  });
});

test('/tag: a budget over all keys whose requests carry the tag', async () => {
  const fields = { name: 'marketing', description: 'Campaigns', max_budget: 4 * COST, budget_duration: '1d' };
  const { tag } = await house.made('/tag/new', fields);
  expect(tag).toMatchObject({ name: 'marketing', description: 'Campaigns', spend: 0 });
  const { key } = await house.generate({});
  const tagged = { metadata: { tags: ['marketing'] } };
  const passed = await calls(key, tagged);
  expect(passed).toBeWithin(1, 5);
  expect((await house.spend(key)).status).toBe(200);
  const info = (await house.made('/tag/info', { names: ['marketing'] })).marketing as { spend: number };
  expect(info.spend.toFixed(9)).toBe((passed * COST).toFixed(9));
  await house.made('/tag/update', { name: 'marketing', max_budget: 1 });
  expect((await house.spend(key, tagged)).status).toBe(200);
  expect((await list('/tag/list')).map(({ name }) => name)).toEqual(['marketing']);
  expect((await house.ask('/tag/new', { name: 'x', models: ['chat'] })).body.error.param).toBe('models');
  await house.made('/tag/delete', { name: 'marketing' });
  expect(await list('/tag/list')).toEqual([]);
});

describe('/organization', () => {
  test('over its teams and their keys', async () => {
    const fields = { organization_id: 'acme', organization_alias: 'Acme', models: ['chat'], max_budget: 6 * COST };
    const made = await house.made('/organization/new', fields);
    expect(made).toMatchObject({ organization_id: 'acme', organization_alias: 'Acme', models: ['chat'], spend: 0 });
    expect(made.litellm_budget_table).toMatchObject({ max_budget: 6 * COST });
    await house.made('/team/new', { team_id: 'of acme', organization_id: 'acme' });
    const { key } = await house.generate({ team_id: 'of acme' });
    const direct = await house.generate({ organization_id: 'acme' });
    expect((await house.spend(key, { model: 'claude' })).status).toBe(403);
    expect(await calls(key)).toBeWithin(1, 7);
    expect((await house.spend(direct.key)).status).toBe(402);
    const updated = await house.made('PATCH /organization/update', {
      organization_id: 'acme',
      max_budget: 1,
      models: [],
    });
    expect(updated).toMatchObject({ models: [], litellm_budget_table: { max_budget: 1 } });
    expect((await house.spend(direct.key, { model: 'chat' })).status).toBe(200);
    const info = (await house.ask('/organization/info?organization_id=acme')).body;
    expect(info).toMatchObject({ organization_id: 'acme', teams: [{ team_id: 'of acme' }], members: [] });
    expect((await list('/organization/list')).map(({ organization_id }) => organization_id)).toEqual(['acme']);
    const deleted = await house.ask('DELETE /organization/delete', { organization_ids: ['acme'] });
    expect(JSON.parse(deleted.text)).toMatchObject([{ organization_id: 'acme' }]);
    expect([(await house.spend(key)).status, (await house.spend(direct.key)).status]).toEqual([401, 401]);
    expect((await house.ask('/team/info?team_id=of%20acme')).status).toBe(404);
    expect((await house.ask('/organization/new', {})).body.error.param).toBe('organization_alias');
  });

  test('members', async () => {
    await house.made('/organization/new', { organization_id: 'orgs', organization_alias: 'Orgs' });
    const member = { role: 'internal_user', user_id: 'mia' };
    const added = await house.made('/organization/member_add', {
      organization_id: 'orgs',
      member,
      max_budget_in_organization: 4 * COST,
    });
    expect(added).toMatchObject({
      organization_id: 'orgs',
      updated_users: [{ user_id: 'mia' }],
      updated_organization_memberships: [
        { user_role: 'internal_user', litellm_budget_table: { max_budget: 4 * COST } },
      ],
    });
    const { key } = await house.generate({ organization_id: 'orgs', user_id: 'mia' });
    expect(await calls(key)).toBeWithin(1, 5);
    const fields = { organization_id: 'orgs', user_id: 'mia', role: 'org_admin', max_budget_in_organization: 1 };
    expect(await house.made('PATCH /organization/member_update', fields)).toMatchObject({ user_role: 'org_admin' });
    expect((await house.spend(key)).status).toBe(200);
    await house.made('DELETE /organization/member_delete', { organization_id: 'orgs', user_id: 'mia' });
    expect((await house.spend(key)).status).toBe(401);
    expect((await house.ask('/organization/info?organization_id=orgs')).body.members).toEqual([]);
  });
});
