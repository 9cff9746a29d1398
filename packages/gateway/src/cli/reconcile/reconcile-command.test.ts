import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AdminTestHouse, startAdminTestHouse } from '../../admin/admin-house.test-support.ts';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { ADMIN_KEY } from '../../testing/gateway.test-support.ts';
import { runLedgerCommand } from '../ledger-command.ts';

const DAY_MS = 86_400_000;
const day = Date.UTC(2026, 4, 1);
let admin: AdminTestHouse;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'turnpike-reconcile-'));
  admin = await startAdminTestHouse();
  const attempt = (n: number, dayNumber: number, model: string, more = {}) =>
    ledgerEntry({
      id: `tp_${n}.1`,
      atMs: day + dayNumber * DAY_MS + n,
      modelServed: model,
      usage: { inputTokens: 100, outputTokens: 10, cacheReadTokens: 40 },
      costNanoUsd: 1_000_000_000n,
      ...more,
    });
  await admin.house.gateway.store.writeLedger([
    ...Array.from({ length: 600 }, (_, n) => attempt(n, 0, 'gpt-4o')),
    attempt(600, 0, 'o3'),
    attempt(601, 1, 'gpt-4o'),
    // On another's bill, of another provider, and beyond the days compared.
    attempt(602, 0, 'gpt-4o', { paidBy: 'team:web', costNanoUsd: 0n }),
    attempt(603, 0, 'gpt-4o', { provider: 'anthropic' }),
    attempt(604, 2, 'gpt-4o'),
  ]);
});
afterAll(async () => {
  await admin.house.stop();
  await rm(folder, { recursive: true });
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: admin.house.gateway.url };
  const code = await runLedgerCommand(['reconcile', '--provider', 'openai', ...args], environment, {
    out: async (part) => {
      out += String(part);
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

async function file(name: string, content: unknown): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const bucket = (dayNumber: number, results: object[]) => ({ start_time: (day + dayNumber * DAY_MS) / 1_000, results });
const used = (model: string, calls: number, cached = 40 * calls) => ({
  model,
  num_model_requests: calls,
  input_tokens: 100 * calls,
  output_tokens: 10 * calls,
  input_cached_tokens: cached,
});
const cost = (item: string, value: number) => ({ amount: { value, currency: 'usd' }, line_item: item });
const page = (...data: object[]) => ({ object: 'page', data, has_more: false });

test('what agrees within the tolerance exits with 0', async () => {
  const usage = await file(
    'usage.json',
    page(bucket(0, [used('gpt-4o-2024-08-06', 600, 23_990), used('o3', 1)]), bucket(1, [used('gpt-4o', 1)])),
  );
  const costs = await file(
    'costs.json',
    page(
      bucket(0, [
        cost('gpt-4o-2024-08-06, input', 500),
        cost('gpt-4o-2024-08-06, output', 100.2),
        cost('o3, input', 1),
      ]),
      bucket(1, [cost('gpt-4o, input', 1.009)]),
    ),
  );
  const agreed = await run('--file', usage, '--file', costs);
  expect([agreed.err, agreed.code, agreed.out]).toEqual([
    '',
    0,
    '3 lines compared (usage of OpenAI, costs of OpenAI: input, output, cache read, cost USD), 0 differ, 0 corrected.\n',
  ]);
  const strict = await run('--file', usage, '--file', costs, '--tolerance', '0', '--tolerance-usd', '0');
  expect(strict.code).toBe(4);
  expect(strict.out).toMatch(/2026-05-01 +gpt-4o +cache read +23990 +24000 +–\n/);
  expect(strict.out).toMatch(/2026-05-02 +gpt-4o +cost USD +1.009 +1 +–\n/);
  expect(strict.out).toContain('2 differ, 0 corrected');
});

test('corrections are further entries, made once, audited, and counted', async () => {
  const { store } = admin.house.gateway;
  const content = page(bucket(0, [used('gpt-4o', 610), used('o3', 1)]), bucket(1, []));
  const usage = await file('more.json', content);
  const costs = await file(
    'more-costs.json',
    page(bucket(0, [cost('gpt-4o, input', 605), cost('o3', 0.25)]), bucket(1, [])),
  );
  const words = ['--file', usage, '--file', costs, '--to', '2026-05-02'];
  const before = await store.spendBetween('provider:openai', day, day + 2 * DAY_MS);
  expect((await run(...words)).code).toBe(4);
  const attemptsBefore = (await store.ledgerEntries({ limit: 1_000 })).length;
  // Twice at the same time, and once more.
  const [first, second] = await Promise.all([run(...words, '--correct'), run(...words, '--correct')]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(first.out + second.out).toContain('3 differ, 3 corrected');
  const again = await run(...words, '--correct', '--tolerance', '0', '--tolerance-usd', '0');
  expect([again.code, again.out]).toEqual([0, expect.stringContaining('0 differ, 0 corrected')]);
  expect((await store.ledgerEntries({ limit: 1_000 })).length).toBe(attemptsBefore + 3);
  const after = await store.spendBetween('provider:openai', day, day + 2 * DAY_MS);
  // 605 + 0.25 + 0 in place of 600 + 1 + 1.
  expect(after - before).toBe(3_250_000_000n);
  const entered = (await store.ledgerEntries({ limit: 1_000 })).filter(({ id }) => id.startsWith('rec_'));
  expect(entered.map(({ kind, note, modelServed, provider }) => [kind, note, modelServed, provider])).toEqual(
    entered.map(({ modelServed }) => [
      'adjustment',
      'Reconciled with the usage export of openai: more.json, more-costs.json',
      modelServed,
      'openai',
    ]),
  );
  expect(entered.find(({ costNanoUsd }) => costNanoUsd === 5_000_000_000n)?.usage).toEqual({
    inputTokens: 1_000,
    outputTokens: 100,
    cacheReadTokens: 400,
  });
  const rollups = await store.ledgerRollups({
    by: 'provider',
    scope: 'provider:openai',
    period: 'day',
    fromMs: day,
    toMs: day + 2 * DAY_MS,
    limit: 9,
  });
  expect(rollups.map(({ inputTokens }) => inputTokens)).toEqual([(610 + 1 + 1) * 100, 0]);
  const { data } = (await admin.call('GET', '/audit?action=ledger.reconcile')).body;
  expect(data.map(({ entityId }) => entityId).sort()).toEqual(entered.map(({ id }) => id).sort() as never);
  expect((await admin.call('GET', '/audit/verify')).body).toMatchObject({ isIntact: true } as never);
});

test('whole days are compared where models are not told, and other exports by their columns', async () => {
  const csv = await file('days.csv', 'Tag,Euro\n2026-05-03,1\n');
  const byDay = await run('--file', csv, '--columns', 'date=Tag,cost=Euro');
  expect([byDay.code, byDay.out]).toEqual([
    0,
    '1 lines compared (columns as given: cost USD), 0 differ, 0 corrected.\n',
  ]);
  const short = await run(
    '--file',
    csv,
    '--columns',
    'date=Tag,cost=Euro',
    '--to',
    '2026-05-04',
    '--from',
    '2026-05-01',
  );
  expect([short.code, short.out]).toEqual([4, expect.stringMatching(/2026-05-01 +\(all\) +cost USD +0 +605.25 /)]);
});

test('what cannot be compared is said, with the option and what to do', async () => {
  const usage = await file('usage-2.json', page(bucket(0, [used('gpt-4o', 1)])));
  const whole = await file('whole.json', page(bucket(0, [cost('', 1)])));
  for (const [args, code, says] of [
    [['--file', join(folder, 'gone.json')], 2, 'gone.json cannot be read'],
    [[], 2, '--file is missing'],
    [['--file', usage, '--by', 'week'], 2, '--by is day or model'],
    [['--file', usage, '--where', 'x'], 2, '--where is like'],
    [['--file', usage, '--from', 'soon'], 2, '--from is no time'],
    [['--file', usage, '--file', whole], 2, '--by day'],
    [['--file', usage, '--tolerance', 'some'], 1, 'tolerancePercent'],
    [['--file', usage, '--from', '2026-01-01'], 1, 'within 92 days'],
    [['--file', usage, '--provider', 'opnai'], 1, 'provider "opnai"'],
  ] as const) {
    const answer = await run(...args);
    expect([args, answer.code, answer.err.includes(says) || answer.err]).toEqual([args, code, true]);
  }
  const reader = await admin.newKey({ name: 'reader', adminScopes: ['ledger:read'] });
  const body = { provider: 'openai', from: '2026-05-01', to: '2026-05-01', figures: ['cost'], lines: [] };
  expect((await admin.call('POST', '/ledger/reconciliations', body, { key: reader })).status).toBe(200);
  const refused = await admin.call('POST', '/ledger/reconciliations', { ...body, correct: true }, { key: reader });
  expect([refused.status, refused.body.error.field]).toEqual([403, 'correct']);
});
