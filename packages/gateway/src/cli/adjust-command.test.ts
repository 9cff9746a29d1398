import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type AdminTestHouse, startAdminTestHouse } from '../admin/admin-house.test-support.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { runLedgerCommand } from './ledger-command.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
  await admin.call('POST', '/teams', { name: 'web' });
});
afterAll(() => admin.house.stop());

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: admin.house.gateway.url };
  const code = await runLedgerCommand(args, environment, {
    out: async (part) => {
      out += String(part);
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

test('an amount goes into the ledger as it was written, with its reason', async () => {
  const words = ['adjust', '--team', 'web', '--amount', '-1.25', '--reason', 'Goodwill', '--at', '2026-05-01'];
  const { code, out } = await run(...words);
  expect([code, out]).toEqual([0, expect.stringMatching(/^Entered -1.25 USD as adj_[0-9a-z]{26}\.\n$/)]);
  const atMs = Date.UTC(2026, 4, 1);
  const { data } = (await admin.call('GET', `/ledger/entries?fromMs=${atMs}&toMs=${atMs + 1}`)).body;
  expect(data).toMatchObject([{ costNanoUsd: '-1250000000', note: 'Goodwill', scopes: ['team:web'] }] as never);
});

test('credits are paid in and shown', async () => {
  expect((await run('credits', 'show', '--team', 'web')).out).toContain('Nothing was ever paid in for team web');
  const paid = await run('credits', 'top-up', '--team', 'web', '--amount', '100', '--reference', 'INV-7');
  expect([paid.code, paid.out]).toEqual([0, expect.stringContaining('balance   100 USD')]);
  await run('credits', 'top-up', '--team', 'web', '--amount', '100', '--reference', 'INV-7');
  await run('credits', 'top-up', '--team', 'web', '--amount', '0.5', '--grant');
  const { out } = await run('credits', 'show', '--team', 'web');
  for (const line of ['topped up 100 USD', 'granted   0.5 USD', 'balance   100.5 USD']) expect(out).toContain(line);
  for (const [args, says] of [
    [['credits', 'top-up', '--team', 'web'], '--amount'],
    [['credits', 'show'], 'whose'],
    [['credits', 'show', '--team', 'a', '--key', 'b'], 'do not go together'],
    [['credits'], 'Say what'],
  ] as const) {
    const { code, err } = await run(...args);
    expect([code, err.includes(says)]).toEqual([2, true]);
  }
});

test('what is refused is said, and wrong words are', async () => {
  const refused = await run('adjust', '--team', 'wbe', '--amount', '1', '--reason', 'x');
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('There is no team "wbe"')]);
  for (const [args, says] of [
    [['adjust', '--reason', 'x'], '--amount'],
    [['adjust', '--amount', '1'], '--reason'],
    [['adjust', '--amount', '1', '--reason', 'x', '--at', 'soon'], '--at'],
    [['adjust', '--squad', 'web'], '--squad'],
  ] as const) {
    const { code, err } = await run(...args);
    expect([code, err.includes(says)]).toEqual([2, true]);
  }
});
