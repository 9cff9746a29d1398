import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type FaceTestHouse, startFaceTestHouse } from './face-house.test-support.ts';

/** What the emulator's answer costs, in US dollars, by the ledger. */
let price: number;
let house: FaceTestHouse;
const keys: Record<string, string> = {};
beforeAll(async () => {
  house = await startFaceTestHouse();
  await house.call('POST', '/teams', { name: 'own', policy: { byok: 'fallback' } });
  keys.own = await house.newKey({ name: 'own', teamId: 'own', adminScopes: ['ledger:read'] });
  keys.plain = await house.newKey({ name: 'plain' });
  const { emulator } = house.house;
  // An endpoint at another address than its provider's takes no credential but one for that address.
  const baseUrl = `${emulator.url}/v1`;
  await house.call('POST', '/credentials', {
    name: 'of-own',
    provider: 'openai',
    secret: 'sk-own-000001',
    teamId: 'own',
    baseUrl,
  });
});
afterAll(() => house.house.stop());

async function chat(key = ''): Promise<string> {
  const body = { model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await house.house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key}` },
  });
  await response.text();
  expect(response.status).toBe(200);
  await house.house.gateway.flush();
  return response.headers.get('x-turnpike-exchange-id') ?? '';
}

const openRouter = async (id: string, key = '') =>
  (await house.ask('GET', `/api/v1/generation?id=${id}`, undefined, key)).body.data;
const vercel = async (id: string, key = '') =>
  (await house.ask('GET', `/v1/generation?id=${id}`, undefined, key)).body.data;

describe('a call with a credential of its own', () => {
  test("is told as one, with what its owner's provider bills", async () => {
    const plain = await chat(keys.plain);
    price = Number((await openRouter(plain, keys.plain)).total_cost);
    expect(price).toBeGreaterThan(0);
    expect(await openRouter(plain, keys.plain)).toMatchObject({ is_byok: false, upstream_inference_cost: price });
    expect(await vercel(plain, keys.plain)).toMatchObject({
      is_byok: false,
      total_cost: price,
      market_cost: price,
      upstream_inference_cost: 0,
    });
    const own = await chat(keys.own);
    expect(await openRouter(own, keys.own)).toMatchObject({
      is_byok: true,
      total_cost: 0,
      usage: 0,
      upstream_inference_cost: price,
      provider_responses: [{ is_byok: true }],
    });
    expect(await vercel(own, keys.own)).toMatchObject({
      is_byok: true,
      total_cost: 0,
      market_cost: price,
      upstream_inference_cost: price,
    });
  });

  test('that the shared one had to help out is not one, and tells each try', async () => {
    house.house.emulator.fault('status,401', { times: 1 });
    const id = await chat(keys.own);
    expect(await openRouter(id, keys.own)).toMatchObject({
      is_byok: false,
      total_cost: price,
      upstream_inference_cost: price,
      provider_responses: [{ is_byok: true }, { is_byok: false }],
    });
  });
});

test('sums tell both', async () => {
  const { body } = await house.ask('GET', '/api/v1/key', undefined, keys.own);
  expect(body.data).toMatchObject({
    include_byok_in_limit: false,
    usage: price,
    byok_usage: price,
    byok_usage_daily: price,
    byok_usage_monthly: price,
  });
  const rollups = await house.call('GET', '/ledger/rollups?by=key&period=day');
  expect(rollups.body.data.find(({ scope }) => scope === 'key:own')).toMatchObject({
    costUsd: String(price),
    ownCostUsd: String(price),
  });
  const day = new Date().toISOString().slice(0, 10);
  const report = async (query: string) =>
    (await house.ask('GET', `/v1/report?start_date=${day}&end_date=${day}&${query}`, undefined, keys.own)).body.results;
  const byok = { total_cost: 0, market_cost: price, request_count: 2 };
  const system = { total_cost: price, market_cost: price, request_count: 1 };
  expect(await report('group_by=credential_type')).toMatchObject([
    { credential_type: 'system', ...system },
    { credential_type: 'byok', ...byok },
  ]);
  expect(await report('group_by=day&credential_type=byok')).toMatchObject([{ day, ...byok }]);
  expect(await report('group_by=day')).toMatchObject([{ day, total_cost: price, request_count: 3 }]);
});
