import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { MemoryAuthority } from '../quota/memory-authority.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, callAdmin, type Fields, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
  await admin.call('POST', '/organisations', { name: 'acme', budgets: [{ amount: 50, per: 'month' }] });
  await admin.call('POST', '/teams', { name: 'web', organisationId: 'acme', budgets: [{ amount: 10, per: 'month' }] });
});
afterAll(() => admin.house.stop());

const spentOf = async (url: string, path: string) =>
  (await callAdmin(url, 'GET', `${path}/budgets`)).body.data.map((budget) => (budget.spent as Fields).usd);
const adjust = (body: object, headers = {}) => admin.call('POST', '/ledger/adjustments', body, { headers });

test('an adjustment moves budgets, sums and exports at once, of a team and of what it belongs to', async () => {
  const { url } = admin.house.gateway;
  const { status, body } = await adjust({ amount: '2.5', scope: { team: 'web' }, reason: 'Offline batch' });
  expect([status, body.kind, body.scopes, body.costNanoUsd, body.enteredBy]).toEqual([
    201,
    'adjustment',
    ['team:web', 'organisation:acme'],
    '2500000000',
    'admin',
  ] as never);
  expect([await spentOf(url, '/teams/web'), await spentOf(url, '/organisations/acme')]).toEqual([['2.5'], ['2.5']]);
  await adjust({ amount: '-1.25', scope: { team: 'web' }, reason: 'Goodwill' });
  expect(await spentOf(url, '/teams/web')).toEqual(['1.25']);
  const { data } = (await admin.call('GET', '/ledger/rollups?by=team')).body;
  expect(data).toMatchObject([{ scope: 'team:web', costUsd: '1.25', entries: 2, unpriced: 0 }]);
  const [audit] = (await admin.call('GET', '/audit?action=ledger.adjust&limit=1')).body.data;
  expect(audit).toMatchObject({ actorName: 'admin', after: { costUsd: '-1.25', note: 'Goodwill' } });
});

test('a correction counts against all that the corrected entry does', async () => {
  const key = await admin.newKey({ name: 'corrected', teamId: 'web', budgets: [{ amount: 1, per: 'day' }] });
  expect(await admin.chat(key)).toBe(200);
  const [entry] = (await admin.call('GET', '/ledger/entries?scope=key:corrected')).body.data;
  const { body } = await adjust({ corrects: entry?.id, amount: '0.5', reason: 'Billed otherwise' });
  expect(body).toMatchObject({
    kind: 'correction',
    corrects: entry?.id,
    scopes: entry?.scopes,
    model: 'chat',
  } as never);
  const [spent] = await spentOf(admin.house.gateway.url, '/keys/corrected');
  expect(Number(spent)).toBeCloseTo(0.5 + Number(entry?.costUsd), 9);
  const both = await adjust({ corrects: entry?.id, scope: { team: 'web' }, amount: 1, reason: 'Both' });
  expect([both.status, both.body.error.field]).toEqual([400, 'scope']);
});

test('a budget that was reset, or is about two things, counts what comes after', async () => {
  await admin.call('POST', '/users', { name: 'mia', organisationId: 'acme' });
  await admin.call('POST', '/memberships', {
    userId: 'mia',
    teamId: 'web',
    role: 'member',
    budgets: [{ amount: 5, per: 'lifetime' }],
  });
  await admin.call('POST', '/projects', { name: 'site', budgets: [{ amount: 5, per: 'day' }] });
  await adjust({ amount: 1, scope: { project: 'site' }, reason: 'Before' });
  await admin.call('POST', '/projects/site/reset-budgets', {});
  await adjust({ amount: 2, scope: { project: 'site' }, reason: 'After' });
  await adjust({ amount: 3, scope: { user: 'mia', team: 'web' }, reason: 'Hers' });
  const { url } = admin.house.gateway;
  expect(await spentOf(url, '/projects/site')).toEqual(['2']);
  const membership = (await admin.call('GET', '/memberships?limit=1')).body.data[0]?.id;
  expect(await spentOf(url, `/memberships/${membership}`)).toEqual(['3']);
});

test('the same reference or idempotency key is entered once; another amount under it is refused', async () => {
  const body = { amount: '0.1', scope: { team: 'web' }, reason: 'Invoice', reference: 'INV-7' };
  const [one, two] = await Promise.all([adjust(body), adjust(body)]);
  expect([one.status, two.status, one.body.id]).toEqual([201, 201, two.body.id]);
  expect((await adjust({ ...body, amount: '0.2' })).body.error).toMatchObject({ code: 'record_conflict' } as never);
  const { reference: _, ...plain } = body;
  const first = await adjust(plain, { 'idempotency-key': 'k1' });
  const again = await adjust(plain, { 'idempotency-key': 'k1' });
  expect([again.body.id, again.headers.get('idempotent-replayed')]).toEqual([first.body.id, 'true']);
  const entered = (await admin.call('GET', '/ledger/entries?scope=team:web&limit=500')).body.data;
  expect(entered.filter(({ note }) => note === 'Invoice')).toHaveLength(2);
});

test('what makes no sense is refused by name, and changes nothing', async () => {
  const before = (await admin.call('GET', '/ledger/rollups')).body;
  for (const [body, field] of [
    [{ amount: 0, scope: { team: 'web' }, reason: 'x' }, 'amount'],
    [{ amount: '1.0000000001', scope: { team: 'web' }, reason: 'x' }, 'amount'],
    [{ amount: 'much', scope: { team: 'web' }, reason: 'x' }, 'amount'],
    [{ amount: 1, reason: 'x' }, 'scope'],
    [{ amount: 1, scope: { team: 'wbe' }, reason: 'x' }, 'scope.team'],
    [{ amount: 1, scope: { squad: 'web' }, reason: 'x' }, 'scope.squad'],
    [{ amount: 1, scope: { team: 'web' } }, 'reason'],
    [{ amount: 1, corrects: 'tp_none.1', reason: 'x' }, 'corrects'],
    [{ amount: 1, scope: { team: 'web' }, reason: 'x', atMs: Date.now() + 60_000 }, 'atMs'],
  ] as const) {
    const { status, body: answer } = await adjust(body);
    expect([body, status, answer.error.field]).toEqual([body, 400, field] as never);
  }
  expect((await admin.call('GET', '/ledger/rollups')).body).toEqual(before);
});

test('processes of a fleet count an adjustment once, within a second, and a start counts it too', async () => {
  const emulator = await startEmulator();
  const dataDir = mkdtempSync(join(tmpdir(), 'turnpike-fleet-'));
  const authority = new MemoryAuthority();
  const gateways: Gateway[] = [];
  const configFile = join(dataDir, 'turnpike.yaml');
  const price = { input: 1, output: 2 };
  const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'sk-up', price };
  writeFileSync(configFile, JSON.stringify({ models: [{ name: 'chat', endpoints: [endpoint] }] }));
  const started = async () => {
    const gateway = await startGateway({
      port: 0,
      configFile,
      environment: { TURNPIKE_DATA_DIR: dataDir, TURNPIKE_ADMIN_KEY: ADMIN_KEY },
      log: new Log({ write: () => undefined }),
      authority,
    });
    gateways.push(gateway);
    return gateway;
  };
  try {
    const [one, two] = [await started(), await started()];
    // One that processes share, and one that each counts for itself.
    const budgets = [
      { amount: 10, per: 'month' },
      { soft: 9, per: 'lifetime' },
    ];
    await callAdmin(one.url, 'POST', '/teams', { name: 'web', budgets });
    const { key } = (await callAdmin(one.url, 'POST', '/keys', { name: 'k', teamId: 'web' })).body;
    await until(async () => (await chat(two.url, key)) === 200);
    expect(await chat(one.url, key)).toBe(200);
    await callAdmin(two.url, 'POST', '/ledger/adjustments', { amount: 4, scope: { team: 'web' }, reason: 'x' });
    await callAdmin(one.url, 'POST', '/ledger/adjustments', { amount: -1, scope: { team: 'web' }, reason: 'y' });
    for (const { url } of gateways) {
      await until(async () => (await spentOf(url, '/teams/web')).every((usd) => Math.floor(Number(usd)) === 3));
    }
    // Said twice or late, it would show by now.
    await Bun.sleep(1_500);
    const third = await started();
    expect(await chat(third.url, key)).toBe(200);
    for (const { url } of gateways) {
      expect((await spentOf(url, '/teams/web')).map((usd) => Math.floor(Number(usd)))).toEqual([3, 3]);
    }
  } finally {
    for (const gateway of gateways) await gateway.stop();
    await emulator.stop();
    rmSync(dataDir, { recursive: true });
  }
}, 20_000);

async function chat(url: string, key: string): Promise<number> {
  const { status } = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'chat', max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  return status;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 1_500;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error('It did not come true in time.');
    await Bun.sleep(50);
  }
}
