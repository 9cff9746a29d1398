import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { openStore } from '../store/open-store.ts';
import { runLedgerCommand } from './ledger-command.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'turnpike-export-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runLedgerCommand(
    args,
    { TURNPIKE_DATA_DIR: dataDir },
    {
      out: async (text) => {
        out += text;
      },
      err: (text) => {
        err += text;
      },
    },
  );
  return { code, out, err };
}

async function fill(count: number): Promise<void> {
  const store = await openStore({ dataDir });
  const start = Date.UTC(2026, 4, 1);
  await store.writeLedger(
    Array.from({ length: count }, (_, n) =>
      ledgerEntry({ id: `tp_${String(n).padStart(5, '0')}.1`, atMs: start + n * 60_000, costNanoUsd: BigInt(n) }),
    ),
  );
  await store.close();
}

test('writes every entry once, oldest first, in exact dollars', async () => {
  await fill(2_500);
  const { code, out } = await run('export');
  expect(code).toBe(0);
  const [head, ...lines] = out.trimEnd().split('\r\n');
  expect(head?.split(',').slice(0, 3)).toEqual(['BilledCost', 'BillingCurrency', 'ChargePeriodStart']);
  expect(lines).toHaveLength(2_500);
  expect(lines[7]).toStartWith('0.000000007,USD,2026-05-01T00:07:00.000Z,');
  const nano = lines.reduce((sum, line) => sum + BigInt((line.split(',')[0] ?? '').replace('.', '')), 0n);
  expect(nano).toBe((2_499n * 2_500n) / 2n);
});

test('keeps to the times and the scope asked for; unknown costs are empty', async () => {
  await fill(10);
  const store = await openStore({ dataDir });
  const odd = { id: 'tp_x.1', atMs: Date.UTC(2026, 5, 1), scopes: ['key:a,"b"'], model: '=SUM(A1)' };
  await store.writeLedger([ledgerEntry({ ...odd, costNanoUsd: undefined })]);
  await store.close();
  const may = await run('export', '--format', 'json', '--from', '2026-05-01T00:02:00Z', '--to', '2026-05-01T00:05:00Z');
  expect(
    may.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).x_EntryId),
  ).toEqual(['tp_00002.1', 'tp_00003.1', 'tp_00004.1']);
  const june = await run('export', '--scope', 'key:a,"b"');
  const [, line = ''] = june.out.split('\r\n');
  expect(line).toStartWith(',USD,2026-06-01');
  expect(line).toContain(`,"[""key:a,\\""b\\""""]",`);
  expect(line).toContain(`,'=SUM(A1),`);
});

test('wrong words are said', async () => {
  for (const [args, says] of [
    [[], 'Say what'],
    [['import'], 'import'],
    [['export', '--format', 'xml'], 'xml'],
    [['export', '--from', 'yesterday'], 'yesterday'],
    [['export', '--form', 'csv'], '--form'],
  ] as const) {
    const { code, err } = await run(...args);
    expect([code, err.includes(says)]).toEqual([2, true]);
  }
  expect((await run('--help')).out).toContain('--from TIME');
});
