import { afterAll, beforeAll, expect, test } from 'bun:test';
import { MemoryAuthority } from '../quota/memory-authority.ts';
import { type AdminTestHouse, type Fields, startAdminTestHouse } from './admin-house.test-support.ts';

/** As the answers have it; one process of a fleet counts by leases. */
const houses: Record<string, AdminTestHouse> = {};
beforeAll(async () => {
  houses.alone = await startAdminTestHouse();
  houses.fleet = await startAdminTestHouse({ authority: new MemoryAuthority() });
});
afterAll(async () => {
  for (const { house } of Object.values(houses)) await house.stop();
});

function houseOf(kind: string): AdminTestHouse {
  const found = houses[kind];
  if (found === undefined) throw new Error(`There is no house "${kind}".`);
  return found;
}

async function ask(admin: AdminTestHouse, key: string): Promise<{ status: number; message: string; headers: Headers }> {
  const body = { model: 'chat', max_tokens: 100, messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await admin.house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key}` },
  });
  const { error } = (await response.json()) as { error?: { message?: string } };
  return { status: response.status, message: error?.message ?? '', headers: response.headers };
}

const usdOf = (credits: Fields, field: string) => (credits[field] as { usd: string }).usd;

test.each(['alone', 'fleet'])(
  '%s: a team spends what was paid in, and no more, until it is topped up',
  async (kind) => {
    const admin = houseOf(kind);
    const topUp = (amount: string, more = {}) =>
      admin.call('POST', '/teams/prepaid/credits/top-ups', { amount, ...more });
    await admin.call('POST', '/teams', { name: 'prepaid' });
    const key = await admin.newKey({ name: 'of-prepaid', teamId: 'prepaid' });
    // What came before the first top-up does not count.
    expect((await ask(admin, key)).status).toBe(200);
    expect((await admin.call('GET', '/teams/prepaid/credits')).body).toMatchObject({ isPrepaid: false } as never);
    const opened = await topUp('0');
    expect([opened.status, usdOf(opened.body.credits as Fields, 'balance')]).toEqual([201, '0']);
    const refused = await ask(admin, key);
    expect([refused.status, refused.message]).toEqual([
      402,
      expect.stringContaining('prepaid budget of 0 USD (team prepaid)'),
    ]);
    expect(refused.headers.get('retry-after')).toBeNull();
    await topUp('0.0005');
    await topUp('0.0001', { isGrant: true, reason: 'Welcome' });
    let answered = 0;
    while ((await ask(admin, key)).status === 200) answered++;
    expect(answered).toBeGreaterThan(2);
    const { body } = await admin.call('GET', '/teams/prepaid/credits');
    expect([usdOf(body, 'toppedUp'), usdOf(body, 'granted')]).toEqual(['0.0005', '0.0001']);
    const nano = (field: string) => BigInt((body[field] as { nanoUsd: string }).nanoUsd);
    expect(nano('balance')).toBe(600_000n - nano('spent'));
    expect(nano('balance')).toBeGreaterThanOrEqual(0n);
    await topUp('1');
    expect((await ask(admin, key)).status).toBe(200);
    // An adjustment moves the balance like spending does.
    await admin.call('POST', '/ledger/adjustments', { amount: '5', scope: { team: 'prepaid' }, reason: 'Late bill' });
    expect((await ask(admin, key)).status).toBe(402);
    const after = (await admin.call('GET', '/teams/prepaid/credits')).body;
    expect(usdOf(after, 'balance')).toStartWith('-3.99');
  },
);

test('what is paid in is an entry, audited, and no spending', async () => {
  const admin = houseOf('alone');
  const { id } = (await admin.call('POST', '/organisations', { name: 'acme' })).body;
  const sums = async () => (await admin.call('GET', '/ledger/rollups')).body.data.map(({ costUsd }) => costUsd);
  const before = await sums();
  await admin.call('POST', '/organisations/acme/credits/top-ups', { amount: 100, reference: 'INV-1' });
  await admin.call('POST', '/organisations/acme/credits/top-ups', { amount: '2.5', isGrant: true });
  expect(await sums()).toEqual(before);
  const { data } = (await admin.call('GET', `/ledger/entries?scope=credits:${id}`)).body;
  expect(data.map(({ kind, costUsd, note }) => [kind, costUsd, note])).toEqual([
    ['grant', '2.5', undefined],
    ['top-up', '100', 'INV-1'],
  ] as never);
  const paidIn = await admin.house.gateway.store.spendBetween(`credits:${id}`, 0, Date.now() + 1);
  const view = (await admin.call('GET', '/organisations/acme')).body.credits as Fields;
  expect(paidIn).toBe(BigInt(String(view.toppedUpNanoUsd)) + BigInt(String(view.grantedNanoUsd)));
  expect(await admin.house.gateway.store.spendBetween('all', Date.now() - 60_000, Date.now() + 1)).toBeLessThan(paidIn);
  const [audit] = (await admin.call('GET', '/audit?action=organisations.top-up-credits&limit=1')).body.data;
  expect(audit).toMatchObject({ after: { credits: { grantedNanoUsd: '2500000000' } } });
  const corrected = await admin.call('POST', '/ledger/adjustments', { amount: 1, corrects: data[0]?.id, reason: 'x' });
  expect([corrected.status, corrected.body.error.field]).toEqual([400, 'corrects']);
});

test('the same reference is paid in once, at the same time too', async () => {
  const admin = houseOf('alone');
  await admin.call('POST', '/users', { name: 'mia' });
  const pay = (amount: number) => admin.call('POST', '/users/mia/credits/top-ups', { amount, reference: 'wire 7' });
  const answers = await Promise.all([pay(5), pay(5), pay(5)]);
  expect(new Set(answers.map(({ body }) => body.entryId)).size).toBe(1);
  expect(usdOf((await admin.call('GET', '/users/mia/credits')).body, 'toppedUp')).toBe('5');
  expect((await pay(6)).body.error).toMatchObject({ code: 'record_conflict', field: 'reference' } as never);
  for (const amount of ['-1', 'much', '1.0000000001', 1e10]) {
    const { status, body } = await admin.call('POST', '/users/mia/credits/top-ups', { amount });
    expect([amount, status, body.error.field]).toEqual([amount, 400, 'amount'] as never);
  }
});

test('a key of a team sees its balance and cannot pay in for itself', async () => {
  const admin = houseOf('alone');
  const { id } = (await admin.call('POST', '/teams', { name: 'bound' })).body;
  const key = await admin.newKey({ name: 'bound', teamId: id, adminScopes: ['teams:read', 'ledger:write'] });
  expect((await admin.call('GET', '/teams/bound/credits', undefined, { key })).status).toBe(200);
  expect((await admin.call('POST', '/teams/bound/credits/top-ups', { amount: 9 }, { key })).status).toBe(403);
});
