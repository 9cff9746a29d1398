import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFile, writeFile } from 'node:fs/promises';
import { runLedgerCommand } from '../cli/ledger-command.ts';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { newExchangeId } from '../runtime/exchange-id.ts';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const DAY_MS = 86_400_000;
let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
  const { store } = admin.house.gateway;
  const days = Array.from({ length: 100 }, (_, day) => Date.now() - day * DAY_MS);
  await store.writeLedger(days.map((atMs, n) => ledgerEntry({ id: `tp_${n}.1`, atMs })));
  await store.writeExchanges(
    days.map((startedAtMs) => exchangeRow({ id: newExchangeId(Math.floor(startedAtMs)), startedAtMs })),
  );
});
afterAll(() => admin.house.stop());

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: admin.house.gateway.url };
  const code = await runLedgerCommand(['retention', ...args], environment, {
    out: async (part) => {
      out += String(part);
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

async function configure(retention: object): Promise<void> {
  const { configFile, gateway } = admin.house;
  await writeFile(configFile, JSON.stringify({ ...JSON.parse(await readFile(configFile, 'utf8')), retention }));
  await gateway.reload();
}

test('everything is kept until the configuration says otherwise', async () => {
  const refused = await run('run');
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('retention.ledgerDays')]);
  expect((await run('show')).out).toContain('Exchanges are kept for ever, attempts of the ledger for ever');
  await configure({ ledgerDays: 6 });
  expect(admin.house.lines.at(-1)).toContain('ledgerDays');
  for (const [args, says] of [
    [[], 'Say what'],
    [['run', 'now'], 'too many'],
    [['show', '--dry-run'], '--dry-run'],
    [['run', '--force'], '--force'],
  ] as const) {
    const { code, err } = await run(...args);
    expect([code, err.includes(says)]).toEqual([2, true]);
  }
});

test('a dry run counts, a run deletes, and both are told; calls go on, and the audit log stays whole', async () => {
  await configure({ exchangeLogDays: 30, ledgerDays: 60 });
  const key = await admin.newKey({ name: 'web' });
  const sums = async () => (await admin.call('GET', '/ledger/rollups?fromMs=0&limit=500')).body.data.slice(0, -1);
  const before = await sums();
  const dry = await run('run', '--dry-run');
  expect([dry.code, dry.out]).toEqual([0, '70 exchanges and 40 attempts of the ledger would be deleted.\n']);
  const [done, status] = await Promise.all([run('run'), admin.chat(key)]);
  expect([done.code, status]).toEqual([0, 200]);
  expect(done.out).toMatch(/^70 exchanges and 40 attempts of the ledger were deleted \(.*\)\.\n$/);
  expect((await run('show')).out).toContain(
    'Exchanges are kept 30 days, attempts of the ledger 60 days; sums for ever.\n70 exchanges',
  );
  expect(await sums()).toEqual(before);
  expect((await admin.call('GET', '/audit/verify')).body).toMatchObject({ isIntact: true } as never);
  const [audited] = (await admin.call('GET', '/audit?action=retention.run')).body.data;
  expect(audited).toMatchObject({ kind: 'retention', after: { exchangeLogDays: 30, ledgerDays: 60 } });
  // What needs the entries themselves says that they are gone.
  const from = new Date(Date.now() - 80 * DAY_MS).toISOString().slice(0, 10);
  const body = { provider: 'openai', from, to: from, figures: ['cost'], lines: [] };
  const { status: refused, text } = await admin.call('POST', '/ledger/reconciliations', body);
  expect([refused, text]).toEqual([400, expect.stringContaining('were deleted')]);
});

test('only who may write the ledger of the whole gateway may run it', async () => {
  const { id } = (await admin.call('POST', '/teams', { name: 'web' })).body;
  const reader = await admin.newKey({ name: 'reader', adminScopes: ['ledger:read'] });
  const bound = await admin.newKey({ name: 'bound', teamId: id, adminScopes: ['ledger:read', 'ledger:write'] });
  expect((await admin.call('GET', '/retention', undefined, { key: reader })).status).toBe(200);
  expect((await admin.call('POST', '/retention/runs', {}, { key: reader })).status).toBe(403);
  expect((await admin.call('POST', '/retention/runs', {}, { key: bound })).status).toBe(403);
});
