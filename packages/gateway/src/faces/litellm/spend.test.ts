import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { COST, type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';

let house: LitellmTestHouse;
let key: string;
let token: string;
let other: string;

/** Two calls of ann of the team web, for a customer and with tags; one of somebody else. */
beforeAll(async () => {
  house = await startLitellmTestHouse({ ledger: { endUsers: true, tags: true } });
  await house.made('/team/new', { team_id: 'web', team_alias: 'Web' });
  ({ key, token } = await house.generate({ key_alias: 'ann-key', user_id: 'ann', team_id: 'web', max_budget: 1 }));
  other = (await house.generate({ user_id: 'bob' })).token;
  await house.spend(key, { user: 'palantir', metadata: { tags: ['job:1', 'page'] } });
  await house.spend(key, { user: 'palantir', metadata: { tags: ['job:2'] } });
  await house.spend((await house.made('/key/regenerate', { key: other })).key);
});
afterAll(() => house.house.stop());

const today = new Date().toISOString().slice(0, 10);
const days = `start_date=${today}&end_date=${today}`;
const list = async (path: string, asked = undefined as string | undefined) =>
  JSON.parse((await house.ask(path, undefined, asked)).text) as Record<string, unknown>[];
/** Sums of dollars are told as floating-point numbers. */
const usd = (count: number) => expect.closeTo(count * COST, 12);

describe('/spend/logs', () => {
  test('rows: one for each call, the latest first', async () => {
    const rows = await list('/spend/logs');
    expect(rows).toHaveLength(3);
    expect(rows[1]).toMatchObject({
      api_key: token,
      user: 'ann',
      team_id: 'web',
      end_user: 'palantir',
      request_tags: ['job:2'],
      model_group: 'chat',
      custom_llm_provider: 'openai',
      spend: usd(1),
      prompt_tokens: 10,
      completion_tokens: 10,
      total_tokens: 20,
      status: 'success',
    });
    expect(await list(`/spend/logs?${days}&summarize=false`)).toHaveLength(3);
    expect(await list(`/spend/logs?api_key=${key}`)).toHaveLength(2);
    expect(await list('/spend/logs?user_id=bob')).toHaveLength(1);
  });

  test('of one request, by the id of its answer', async () => {
    const [row] = await list('/spend/logs?request_id=chatcmpl-1');
    expect(row).toMatchObject({ request_id: 'chatcmpl-1', spend: usd(1) });
    expect(await list('/spend/logs?request_id=nothing')).toEqual([]);
  });

  test('sums by day', async () => {
    expect(await list(`/spend/logs?${days}`)).toMatchObject([
      {
        startTime: today,
        spend: usd(3),
        users: { ann: usd(2), bob: usd(1) },
        models: { chat: usd(3) },
        api_keys: { [token]: usd(2), [other]: usd(1) },
      },
    ]);
    expect((await house.ask('/spend/logs?start_date=today&end_date=2026-01-01')).body.error.param).toBe('start_date');
    expect((await house.ask('/spend/logs?start_date=2026-01-02&end_date=2026-01-01')).body.error.param).toBe(
      'end_date',
    );
  });
});

test('/spend/keys, /spend/users, /spend/tags', async () => {
  expect(await list('/spend/keys')).toMatchObject([
    { token, key_alias: 'ann-key', max_budget: 1, spend: usd(2) },
    { token: other, spend: usd(1) },
  ]);
  expect(await list('/spend/users')).toMatchObject([
    { user_id: 'ann', spend: usd(2) },
    { user_id: 'bob', spend: usd(1) },
  ]);
  expect(await list('/spend/users?user_id=bob')).toMatchObject([{ user_id: 'bob' }]);
  const tags = await list(`/spend/tags?${days}`);
  expect(tags).toHaveLength(3);
  expect(tags).toContainEqual({ individual_request_tag: 'page', log_count: 1, total_spend: usd(1) });
});

test('/spend/calculate', async () => {
  const usage = { prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 };
  const answer = { model: 'chat', completion_response: { id: 'a', usage } };
  expect((await house.made('/spend/calculate', answer)).cost).toBeCloseTo(0.002, 12);
  const prompt = { model: 'chat', messages: [{ role: 'user', content: 'a'.repeat(4_000) }] };
  expect((await house.made('/spend/calculate', prompt)).cost).toBeWithin(0.001, 0.0011);
  expect((await house.ask('/spend/calculate', { ...prompt, model: 'unheard-of' })).body.error.param).toBe('model');
  expect((await house.ask('/spend/calculate', { model: 'chat' })).body.error.param).toBe('messages');
});

describe('/global/spend', () => {
  test('all together, and by day', async () => {
    expect((await house.ask('/global/spend')).body).toMatchObject({ spend: usd(3), max_budget: null });
    expect(await list('/global/spend/logs')).toMatchObject([{ date: today, spend: usd(3) }]);
    expect((await house.ask(`/global/activity?${days}`)).body).toMatchObject({
      daily_data: [{ date: today, api_requests: 3, total_tokens: 60 }],
      sum_api_requests: 3,
      sum_total_tokens: 60,
    });
  });

  test('by kind', async () => {
    expect(await list('/global/spend/keys?limit=1')).toMatchObject([
      { api_key: token, key_alias: 'ann-key', total_spend: usd(2) },
    ]);
    expect(await list('/global/spend/models?limit=5')).toMatchObject([{ model: 'chat', total_spend: usd(3) }]);
    expect(await list(`/global/spend/provider?${days}`)).toMatchObject([{ provider: 'openai', spend: usd(3) }]);
    expect(await list(`/global/spend/end_users?${days}`)).toMatchObject([
      { end_user: 'palantir', total_spend: usd(2), total_count: 2 },
    ]);
    expect((await house.ask('/global/spend/teams')).body).toMatchObject({
      daily_spend: [{ date: today, web: usd(2) }],
      teams: ['web'],
      total_spend_per_team: [{ team_id: 'web', total_spend: usd(2) }],
    });
    expect((await house.ask(`/global/spend/tags?${days}&tags=page`)).body).toMatchObject({
      spend_per_tag: [{ name: 'page', spend: usd(1), log_count: 1 }],
    });
    expect((await house.ask('/global/spend/all_tag_names')).body.tag_names).toEqual(['job:1', 'job:2', 'page']);
    expect((await house.ask('/global/spend/keys?limit=0')).body.error.param).toBe('limit');
  });
});

describe('/global/spend/report', () => {
  const part = { model: 'chat', api_key: '', spend: usd(2), total_tokens: 40 };
  const group_by_day = `${today}T00:00:00+00:00`;

  test('by team', async () => {
    const metadata = [{ ...part, api_key: token }];
    const none = [{ ...part, api_key: other, spend: usd(1), total_tokens: 20 }];
    expect(await list(`/global/spend/report?${days}&group_by=team`)).toMatchObject([
      {
        group_by_day,
        teams: [
          { team_name: 'Web', total_spend: usd(2), metadata },
          { team_name: 'Unassigned Team', total_spend: usd(1), metadata: none },
        ],
      },
    ]);
    const web = await list(`/global/spend/report?${days}&team_id=web`);
    expect(web).toMatchObject([{ teams: [{ team_name: 'Web', metadata }] }]);
  });

  test('by customer', async () => {
    expect(await list(`/global/spend/report?${days}&group_by=customer&customer_id=palantir`)).toMatchObject([
      { group_by_day, customers: [{ customer: 'palantir', total_spend: usd(2) }] },
    ]);
  });

  test('of a key, and of the keys of a user', async () => {
    const ofAnn = {
      api_key: token,
      total_cost: usd(2),
      total_input_tokens: 20,
      total_output_tokens: 20,
      model_details: [{ model: 'chat', total_cost: usd(2), total_input_tokens: 20, total_output_tokens: 20 }],
    };
    expect(await list(`/global/spend/report?${days}&api_key=${key}`)).toMatchObject([ofAnn]);
    expect(await list(`/global/spend/report?${days}&internal_user_id=ann`)).toMatchObject([ofAnn]);
    expect(await list(`/global/spend/report?${days}&group_by=api_key`)).toHaveLength(2);
    expect((await house.ask(`/global/spend/report?${days}&group_by=moon`)).body.error.param).toBe('group_by');
  });
});

test.each([
  ['/user/daily/activity', 'user_id=ann'],
  ['/team/daily/activity', 'team_ids=web,other'],
  ['/customer/daily/activity', 'end_user_ids=palantir'],
  ['/tag/daily/activity', 'tags=job:1,job:2'],
])('%s', async (path, asked) => {
  const { body } = await house.ask(`${path}?${days}&${asked}`);
  expect(body).toMatchObject({
    results: [
      {
        date: today,
        metrics: { spend: usd(2), prompt_tokens: 20, completion_tokens: 20, total_tokens: 40, api_requests: 2 },
        breakdown: {
          model_groups: { chat: { metrics: { spend: usd(2), successful_requests: 2, failed_requests: 0 } } },
          providers: { openai: { metrics: { spend: usd(2) } } },
          api_keys: { [token]: { metrics: { spend: usd(2) }, metadata: { key_alias: 'ann-key' } } },
        },
      },
    ],
    metadata: {
      total_spend: usd(2),
      total_tokens: 40,
      total_api_requests: 2,
      page: 1,
      total_pages: 1,
      has_more: false,
    },
  });
  const none = await house.ask(`${path}?start_date=2026-01-01&end_date=2026-01-02`);
  expect(none.body).toMatchObject({ results: [], metadata: { total_spend: 0, total_pages: 1 } });
});

describe('who sees what', () => {
  test('a key without rights what its user spent, and nothing else', async () => {
    expect(await list('/spend/logs', key)).toHaveLength(2);
    expect((await house.ask(`/user/daily/activity?${days}`, undefined, key)).body.metadata).toMatchObject({
      total_spend: usd(2),
    });
    expect((await house.ask(`/user/daily/activity?${days}&user_id=bob`, undefined, key)).body.results).toEqual([]);
    expect((await house.ask('/global/spend', undefined, key)).status).toBe(403);
  });

  test('a key with get_spend_routes everything; one of a team what its team spent', async () => {
    const reader = await house.generate({ permissions: { get_spend_routes: true } });
    expect(await list(`/global/spend/report?${days}&group_by=api_key`, reader.key)).toHaveLength(2);
    const ofTeam = await house.generate({ team_id: 'web', permissions: { get_spend_routes: true } });
    expect(await list(`/global/spend/report?${days}&group_by=api_key`, ofTeam.key)).toHaveLength(1);
    expect(await list('/spend/logs', ofTeam.key)).toHaveLength(2);
    expect((await house.ask('/global/spend', undefined, ofTeam.key)).status).toBe(403);
  });
});

test('/global/spend/reset fills the budgets of keys and teams, and leaves the ledger as it is', async () => {
  const poor = await house.generate({ max_budget: 5 * COST });
  let passed = 0;
  while ((await house.spend(poor.key, { max_tokens: 1 })).status === 200) passed++;
  expect(passed).toBeGreaterThan(0);
  expect((await house.ask('POST /global/spend/reset')).body).toMatchObject({ status: 'success' });
  expect((await house.spend(poor.key, { max_tokens: 1 })).status).toBe(200);
  expect((await house.ask('/global/spend')).body.spend).toEqual(usd(4 + passed));
});
