import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readFile, writeFile } from 'node:fs/promises';
import { runLedgerCommand } from '../cli/ledger-command.ts';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, type Fields, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

const month = new Date().toISOString().slice(0, 7);
const report = async (query = '') => (await admin.call('GET', `/ledger/chargeback?month=${month}${query}`)).body;
const lineOf = (body: Fields, name: string) => body.data.find((line) => line.name === name);
const nano = (line: Fields | undefined, field: 'cost' | 'uplift' | 'charge') =>
  BigInt(String(line?.[`${field}NanoUsd`]));

test('a team is charged its markup from the change on, and what was charged before stays', async () => {
  await admin.call('POST', '/teams', { name: 'web', markups: [{ percent: '12.5' }] });
  const key = await admin.newKey({ name: 'web', teamId: 'web' });
  expect(await admin.chat(key)).toBe(200);
  const first = lineOf(await report(), 'web');
  const cost = nano(first, 'cost');
  expect(cost).toBeGreaterThan(0n);
  expect(nano(first, 'uplift')).toBe((cost * 125n + 500n) / 1_000n);
  expect(nano(first, 'charge')).toBe(cost + nano(first, 'uplift'));
  // From the next call on: twenty percent, and a tenth of a cent.
  await admin.call('PATCH', '/teams/web', { markups: [{ percent: '20', perCall: '0.001' }] });
  expect(await admin.chat(key)).toBe(200);
  const second = lineOf(await report(), 'web');
  expect(nano(second, 'uplift') - nano(first, 'uplift')).toBe((cost * 20n + 50n) / 100n + 1_000_000n);
  // One that begins later is not in force yet.
  await admin.call('PATCH', '/teams/web', { markups: [{ percent: '0' }, { percent: 50, fromMs: Date.now() + 1e9 }] });
  expect(await admin.chat(key)).toBe(200);
  expect(nano(lineOf(await report(), 'web'), 'uplift')).toBe(nano(second, 'uplift'));
  const { data } = (await admin.call('GET', '/ledger/entries?scope=team:web')).body;
  expect(data.map((entry) => [entry.markup, entry.upliftUsd === undefined])).toEqual([
    [undefined, true],
    [{ percent: '20', perCallUsd: '0.001' }, false],
    [{ percent: '12.5', perCallUsd: '0' }, false],
  ] as never);
  // A correction is charged as what it corrects was, without the amount for a call.
  const corrected = data.at(1);
  const amount = `-${String(corrected?.costUsd)}`;
  await admin.call('POST', '/ledger/adjustments', { corrects: corrected?.id, amount, reason: 'Not billed' });
  const after = lineOf(await report(), 'web');
  expect(nano(after, 'uplift')).toBe(nano(first, 'uplift') + 1_000_000n);
});

test('the file marks up whoever has nothing of their own, and keys of its own', async () => {
  const { configFile } = admin.house;
  const before = JSON.parse(await readFile(configFile, 'utf8'));
  const keys = [
    { name: 'lone', key: 'sk-lone-0123456789', team: 'of-file' },
    { name: 'free', key: 'sk-free-0123456789', team: 'of-file' },
  ];
  const markups = [{ percent: 10 }, { scope: { key: 'free' }, percent: 0 }, { percent: 99, from: '2999-01-01' }];
  await writeFile(configFile, JSON.stringify({ ...before, keys, markups }));
  await admin.house.gateway.reload();
  expect([await admin.chat('sk-lone-0123456789'), await admin.chat('sk-free-0123456789')]).toEqual([200, 200]);
  const body = await report('&by=key');
  const lone = lineOf(body, 'lone');
  expect(nano(lone, 'uplift')).toBe((nano(lone, 'cost') * 10n + 50n) / 100n);
  expect(nano(lineOf(body, 'free'), 'uplift')).toBe(0n);
  for (const [markup, says] of [
    [{}, 'adds nothing'],
    [{ percent: 1, scope: { team: 'a', key: 'b' } }, 'several things'],
    [{ percent: 1, from: '2026-13-01' }, 'begins at no time'],
    [{ percent: '1e3' }, 'percent'],
  ] as const) {
    await writeFile(configFile, JSON.stringify({ ...before, markups: [markup] }));
    await admin.house.gateway.reload();
    expect(admin.house.lines.at(-1)).toContain(says);
  }
});

test('lines and what is unassigned make up the total, over pages, in months of a zone', async () => {
  const { store } = admin.house.gateway;
  const start = Date.UTC(2026, 1, 1);
  const entries = Array.from({ length: 40 }, (_, n) =>
    ledgerEntry({
      id: `old_${n}.1`,
      atMs: start + n * 3_600_000,
      scopes: n % 4 === 0 ? ['key:lone'] : [`key:k${n}`, `team:t${n % 7}`],
      costNanoUsd: BigInt(n * n + 1),
      upliftNanoUsd: BigInt(n),
      markup: { percentMillionths: 1n, perCallNanoUsd: 0n },
    }),
  );
  await store.writeLedger(entries);
  const lines: Fields[] = [];
  let body: Fields | undefined;
  for (let cursor = ''; body === undefined || cursor !== ''; cursor = body.nextCursor ?? '') {
    const more = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    body = (await admin.call('GET', `/ledger/chargeback?month=2026-02&limit=3${more}`)).body;
    lines.push(...body.data);
  }
  expect(lines.map(({ name }) => name)).toEqual(['t0', 't1', 't2', 't3', 't4', 't5', 't6'] as never);
  for (const field of ['cost', 'uplift', 'charge'] as const) {
    const sum = [...lines, body.unassigned as Fields].reduce((all, line) => all + nano(line, field), 0n);
    expect(sum).toBe(nano(body.total as Fields, field));
  }
  expect(nano(body.total as Fields, 'uplift')).toBe(780n);
  // February begins an hour earlier in Berlin, and five and a half in Kolkata.
  const berlin = (await admin.call('GET', '/ledger/chargeback?month=2026-01&zone=Europe/Berlin')).body;
  expect([berlin.toMs, (berlin.total as Fields).entries]).toEqual([start - 3_600_000, 0]);
  const newYork = (await admin.call('GET', '/ledger/chargeback?month=2026-01&zone=America/New_York')).body;
  expect((newYork.total as Fields).entries).toBe(5);
  for (const zone of ['Asia/Kolkata', 'Mars']) {
    const { status, body } = await admin.call('GET', `/ledger/chargeback?month=2026-01&zone=${zone}`);
    expect([zone, status, body.error.field]).toEqual([zone, 400, 'zone']);
  }
  expect((await admin.call('GET', '/ledger/chargeback?month=2026-13')).body.error.field).toBe('month');
});

test('wrong markups are refused by name, and kinds that bear none take none', async () => {
  for (const [path, body, field] of [
    ['/teams', { name: 'x', markups: [{}] }, 'markups[0]'],
    ['/teams', { name: 'x', markups: [{ percent: 1 }, { percent: '0.0000001' }] }, 'markups[1]'],
    ['/keys', { name: 'x', markups: [{ perCall: -1 }] }, 'markups[0].perCall'],
    ['/users', { name: 'x', markups: [{ percent: 1 }] }, 'markups'],
  ] as const) {
    const answer = await admin.call('POST', path, body);
    expect([path, answer.status, answer.body.error.field]).toEqual([path, 400, field]);
  }
});

test('whoever is charged does not decide what is charged', async () => {
  const { id } = (await admin.call('POST', '/teams', { name: 'bound' })).body;
  const bound = await admin.newKey({ name: 'bound', teamId: id, adminScopes: ['keys:write', 'ledger:write'] });
  const without = await admin.newKey({ name: 'without', adminScopes: ['keys:write', 'teams:write'] });
  for (const [key, method, path] of [
    [bound, 'POST', '/keys'],
    [without, 'POST', '/keys'],
    [without, 'PATCH', '/teams/bound'],
  ] as const) {
    const body = { ...(method === 'POST' && { name: 'cheap', teamId: id }), markups: [{ percent: -100 }] };
    const answer = await admin.call(method, path, body, { key });
    expect([answer.status, answer.body.error.code]).toEqual([403, 'scope_missing']);
  }
  expect((await admin.call('GET', '/ledger/chargeback?month=2026-02', undefined, { key: bound })).status).toBe(403);
});

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let [out, err] = ['', ''];
  const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: admin.house.gateway.url };
  const code = await runLedgerCommand(['chargeback', ...args], environment, {
    out: async (part) => {
      out += String(part);
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

test('the command writes a table, CSV whose columns add up, and JSON', async () => {
  const table = await run('--month', '2026-02');
  expect(table.out.split('\n')[0]).toMatch(/^team +entries +unpriced +cost +uplift +charge$/);
  expect(table.out).toMatch(/\n\(no team\) +10 /);
  expect(table.out).toMatch(/\ntotal +40 .* 0.00000078 /);
  const csv = await run('--month', '2026-02', '--by', 'key', '--format', 'csv');
  const [, ...rows] = csv.out
    .trimEnd()
    .split('\r\n')
    .map((line) => line.split(','));
  const total = JSON.parse((await run('--month', '2026-02', '--format', 'json')).out).total;
  const scaled = (text = '') => Math.round(Number(text) * 1e9);
  expect(rows.reduce((sum, row) => sum + scaled(row[8]), 0)).toBe(Number(total.chargeNanoUsd));
  for (const [args, says] of [
    [[], '--month'],
    [['--month', '2026-02', '--format', 'xml'], '--format'],
    [['--moon'], '--moon'],
  ] as const) {
    const { code, err } = await run(...args);
    expect([code, err.includes(says)]).toEqual([2, true]);
  }
  expect((await run('--month', '2026-02', '--by', 'moon')).code).toBe(1);
});
