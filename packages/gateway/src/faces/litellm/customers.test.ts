import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
let key: string;
beforeAll(async () => {
  house = await startLitellmTestHouse();
  ({ key } = await house.generate({}));
});
afterAll(() => house.house.stop());

const info = async (id: string) => (await house.ask(`/customer/info?end_user_id=${id}`)).body;
/** How many calls for the customer get through before one is refused, and what it says. */
const calls = async (user: string) => {
  for (let passed = 0; ; passed++) {
    const { status, message } = await house.spend(key, { user, max_tokens: 1 });
    if (status !== 200 || passed > 50) return { passed, status, message };
  }
};

test('/customer/new: max_budget holds for the customer, whose calls say `user`', async () => {
  const fields = { user_id: 'acme corp/7', alias: 'Acme', max_budget: 4 * COST, budget_duration: '30d' };
  const made = await house.made('/customer/new', fields);
  expect(made).toMatchObject({ user_id: 'acme corp/7', alias: 'Acme', blocked: false, spend: 0, budget_id: null });
  expect(made.litellm_budget_table).toMatchObject({ max_budget: 4 * COST, budget_duration: '30d' });
  const { passed, status } = await calls('acme corp/7');
  expect([passed >= 1, passed <= 4, status]).toEqual([true, true, 402]);
  const spent = (await info('acme%20corp%2F7')).spend as number;
  expect(spent.toFixed(9)).toBe((passed * COST).toFixed(9));
  expect((await house.spend(key, { user: 'somebody else' })).status).toBe(200);
  await house.made('/end_user/update', { user_id: 'acme corp/7', max_budget: 1 });
  expect((await house.spend(key, { user: 'acme corp/7' })).status).toBe(200);
});

test('budget_id: a reusable budget, with an account for each customer', async () => {
  await house.made('/budget/new', { budget_id: 'free', rpm_limit: 2, max_budget: 1 });
  for (const user_id of ['tier-a', 'tier-b']) await house.made('/customer/new', { user_id, budget_id: 'free' });
  expect(await calls('tier-a')).toMatchObject({ passed: 2, status: 429 });
  expect(await calls('tier-b')).toMatchObject({ passed: 2, status: 429 });
  expect(await info('tier-a')).toMatchObject({
    budget_id: 'free',
    litellm_budget_table: { rpm_limit: 2, max_budget: 1 },
  });
  await house.made('/budget/update', { budget_id: 'free', rpm_limit: 100 });
  expect((await house.spend(key, { user: 'tier-a' })).status).toBe(200);
  expect((await house.ask('/budget/delete', { id: 'free' })).body.error).toMatchObject({ code: '400' });
  const both = { user_id: 'both', budget_id: 'free', max_budget: 1 };
  expect((await house.ask('/customer/new', both)).body.error.param).toBe('budget_id');
});

test('/customer/block, of people who never came too, /customer/unblock, /customer/delete, /customer/list', async () => {
  const blocked = await house.made('/customer/block', { user_ids: ['never seen', 'acme'] });
  expect(blocked.blocked_users).toMatchObject([{ user_id: 'never seen', blocked: true }, { user_id: 'acme' }]);
  expect((await house.spend(key, { user: 'never seen' })).status).toBe(403);
  await house.made('/customer/unblock', { user_ids: ['never seen'] });
  expect((await house.spend(key, { user: 'never seen' })).status).toBe(200);
  const listed = JSON.parse((await house.ask('/end_user/list')).text) as { user_id: string }[];
  expect(listed.map(({ user_id }) => user_id)).toContain('never seen');
  expect((await house.ask('/customer/delete', { user_ids: ['acme', 'nobody'] })).status).toBe(404);
  expect(await house.made('/customer/delete', { user_ids: ['acme', 'never seen'] })).toMatchObject({
    deleted_customers: 2,
  });
  expect((await house.ask('/customer/info?end_user_id=acme')).body.error).toMatchObject({
    code: '404',
    param: 'user_id',
  });
});

describe('what means nothing here is refused by its name', () => {
  test.each([
    ['allowed_model_region', 'eu'],
    ['default_model', 'chat'],
    ['object_permission', { mcp_servers: ['a'] }],
    ['models', ['chat']],
  ])('%s', async (field, value) => {
    const { status, body } = await house.ask('/customer/new', { user_id: 'refused', [field]: value });
    expect([status, body.error.param]).toEqual([400, field]);
  });
});
