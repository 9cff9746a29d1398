import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { LedgerEntry } from '../ledger/entry.ts';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const todayMs = Math.floor(Date.now() / DAY_MS) * DAY_MS;

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
  await admin.house.gateway.store.writeLedger([
    entry(1, todayMs - 2 * DAY_MS, ['key:web', 'team:search'], 1_500_000_001n),
    entry(2, todayMs - DAY_MS, ['key:web', 'team:search'], 9_007_199_254_740_993n),
    entry(3, todayMs - DAY_MS, ['key:bot'], undefined),
    entry(4, todayMs, ['key:bot', 'team:ads'], 7n),
  ]);
});
afterAll(() => admin.house.stop());

function entry(n: number, atMs: number, scopes: string[], costNanoUsd: bigint | undefined): LedgerEntry {
  return {
    id: `x${n}.1`,
    kind: 'attempt',
    atMs,
    settledAtMs: atMs + 5,
    exchangeId: `x${n}`,
    attempt: 1,
    scopes,
    model: `asked-${n % 2}`,
    provider: 'openai',
    endpoint: 'openai/m',
    modelServed: 'm',
    fault: undefined,
    usage: { inputTokens: 10 * n, outputTokens: n },
    costNanoUsd,
    uncovered: [],
    isEstimated: n === 4,
    corrects: undefined,
    note: undefined,
  };
}

test('entries come the latest first, to the nano-dollar, in pages', async () => {
  const all = await admin.call('GET', '/ledger/entries');
  expect(all.body.data.map(({ id, costUsd }) => [id, costUsd] as unknown)).toEqual([
    ['x4.1', '0.000000007'],
    ['x3.1', null],
    ['x2.1', '9007199.254740993'],
    ['x1.1', '1.500000001'],
  ]);
  const pages: string[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await admin.call('GET', `/ledger/entries?limit=1${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    pages.push(...page.body.data.map(({ id }) => id));
    cursor = page.body.nextCursor;
  }
  expect(pages).toEqual(['x4.1', 'x3.1', 'x2.1', 'x1.1']);
});

test('entries are found by what they count against, by exchange, and by time', async () => {
  const ids = async (query: string) =>
    (await admin.call('GET', `/ledger/entries?${query}`)).body.data.map(({ id }) => id);
  expect(await ids('scope=team:search')).toEqual(['x2.1', 'x1.1']);
  expect(await ids('scope=model:asked-0')).toEqual(['x4.1', 'x2.1']);
  expect(await ids('exchangeId=x3')).toEqual(['x3.1']);
  expect(await ids(`fromMs=${todayMs - DAY_MS}&toMs=${todayMs}`)).toEqual(['x3.1', 'x2.1']);
  expect(await ids('scope=team:sea')).toEqual([]);
});

test('sums are told by kind and period, in pages, and say what they leave out', async () => {
  const byTeam = await admin.call('GET', '/ledger/rollups?by=team');
  expect(byTeam.body.data.map(({ scope, startMs, costUsd }) => [scope, startMs, costUsd] as unknown)).toEqual([
    ['team:search', todayMs - 2 * DAY_MS, '1.500000001'],
    ['team:search', todayMs - DAY_MS, '9007199.254740993'],
    ['team:ads', todayMs, '0.000000007'],
  ]);
  const all = await admin.call('GET', `/ledger/rollups?fromMs=${todayMs - DAY_MS}&toMs=${todayMs}`);
  expect(all.body.data).toMatchObject([{ scope: 'all', entries: 2, unpriced: 1, estimated: 0, inputTokens: 50 }]);
  const scopes: unknown[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const more = cursor && `&cursor=${encodeURIComponent(cursor)}`;
    const page = await admin.call('GET', `/ledger/rollups?by=key&period=hour&limit=1${more}`);
    scopes.push(...page.body.data.map(({ scope }) => scope));
    cursor = page.body.nextCursor;
  }
  expect(scopes).toEqual(['key:web', 'key:bot', 'key:web', 'key:bot']);
});

test('what a call through the gateway cost is there as soon as it is asked for', async () => {
  const key = await admin.newKey({ name: 'seen' });
  expect(await admin.chat(key)).toBe(200);
  const { data } = (await admin.call('GET', '/ledger/entries?scope=key:seen')).body;
  expect(data).toHaveLength(1);
  expect(data[0]).toMatchObject({ kind: 'attempt', isEstimated: false });
});

test('a key of a team sees what counts against its team, and no sums of others', async () => {
  const { id } = (await admin.call('POST', '/teams', { name: 'search' })).body;
  const key = await admin.newKey({ name: 'accountant', teamId: id, adminScopes: ['ledger:read'] });
  const own = await admin.call('GET', '/ledger/entries', undefined, { key });
  expect(own.body.data.map(({ id }) => id)).toEqual(['x2.1', 'x1.1']);
  expect((await admin.call('GET', '/ledger/entries?scope=team:ads', undefined, { key })).status).toBe(403);
  expect((await admin.call('GET', '/ledger/rollups?by=key', undefined, { key })).status).toBe(403);
});

test('queries that make no sense are refused by name', async () => {
  for (const [query, field] of [
    ['entries?scope=nothing', 'scope'],
    ['entries?cursor=later', 'cursor'],
    ['rollups?by=shoe-size', 'by'],
    ['rollups?period=week', 'period'],
    ['entries?fromMs=yesterday', 'fromMs'],
  ]) {
    const { status, body } = await admin.call('GET', `/ledger/${query}`);
    expect([query, status, body.error.field]).toEqual([query, 400, field] as never);
  }
});
