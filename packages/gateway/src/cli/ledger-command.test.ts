import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { ledgerEntry } from '../ledger/entry.test-support.ts';
import { openStore } from '../store/open-store.ts';
import { runLedgerCommand } from './ledger-command.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'turnpike-export-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string; bytes: Uint8Array[] }> {
  let out = '';
  let err = '';
  const bytes: Uint8Array[] = [];
  const code = await runLedgerCommand(
    args,
    { TURNPIKE_DATA_DIR: dataDir },
    {
      out: async (part) => {
        if (typeof part === 'string') out += part;
        else bytes.push(part);
      },
      err: (text) => {
        err += text;
      },
    },
  );
  return { code, out, err, bytes };
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

test('a Parquet file has every entry in groups, with exact amounts, and null for what is not known', async () => {
  await fill(20_500);
  const store = await openStore({ dataDir });
  const at = Date.UTC(2026, 5, 1);
  await store.writeLedger([
    ledgerEntry({ id: 'tp_x.1', atMs: at, costNanoUsd: 9_223_372_036_854_775_807n }),
    ledgerEntry({ id: 'tp_y.1', atMs: at, costNanoUsd: -9_007_199_254_740_993n, usage: { inputTokens: 1.5 } }),
    ledgerEntry({ id: 'tp_z.1', atMs: at, costNanoUsd: undefined }),
  ]);
  await store.close();
  const { code, bytes } = await run('export', '--format', 'parquet');
  expect(code).toBe(0);
  const file = await new Blob(bytes.map((part) => new Uint8Array(part))).arrayBuffer();
  const metadata = parquetMetadata(file);
  expect(metadata.row_groups.map(({ num_rows }) => num_rows)).toEqual([20_000n, 503n]);
  expect(metadata.schema.find(({ name }) => name === 'BilledCost')).toMatchObject({
    converted_type: 'DECIMAL',
    scale: 9,
  });
  const rows = await parquetReadObjects({ file });
  expect(rows[7]).toMatchObject({
    x_CostNanoUsd: 7n,
    ChargePeriodStart: new Date('2026-05-01T00:07:00.000Z'),
    x_InputTokens: 10n,
    x_Estimated: false,
    x_ModelAsked: 'chat',
    x_Fault: null,
  });
  const last = rows.slice(-3);
  expect(last.map((row) => row['x_CostNanoUsd'])).toEqual([9_223_372_036_854_775_807n, -9_007_199_254_740_993n, null]);
  // The reader rounds decimals; without their mark it gives the bytes.
  for (const element of metadata.schema) if (element.name === 'BilledCost') delete element.converted_type;
  const raw = await parquetReadObjects({ file, metadata, utf8: false, columns: ['BilledCost'], rowStart: 20_499 });
  const amounts = raw.map(({ BilledCost }) => BilledCost && BigInt.asIntN(72, BigInt(`0x${BilledCost.toHex()}`)));
  expect(amounts).toEqual([20_499n, 9_223_372_036_854_775_807n, -9_007_199_254_740_993n, null]);
  expect(last[1]?.['x_InputTokens']).toBeNull();
  const sum = rows.slice(0, -3).reduce((all, row) => all + BigInt(String(row['x_CostNanoUsd'])), 0n);
  expect(sum).toBe((20_499n * 20_500n) / 2n);
});

test('what was paid in is bought, and bills nothing; adjustments are told apart', async () => {
  const store = await openStore({ dataDir });
  const paidIn = { scopes: ['credits', 'credits:team_1'], model: undefined, provider: undefined, endpoint: undefined };
  await store.writeLedger([
    ledgerEntry({ id: 'a', kind: 'top-up', costNanoUsd: 1_500_000_000n, ...paidIn }),
    ledgerEntry({ id: 'b', kind: 'grant', costNanoUsd: 5n, ...paidIn }),
    ledgerEntry({ id: 'c', kind: 'correction', costNanoUsd: -7n, corrects: 'x', enteredBy: 'admin' }),
  ]);
  await store.close();
  const { out } = await run('export', '--format', 'json');
  const rows = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(rows).toMatchObject([
    { ChargeCategory: 'Purchase', BilledCost: '0.000000000', x_PaidInCost: '1.500000000' },
    { ChargeCategory: 'Credit', BilledCost: '0.000000000', x_PaidInCost: '0.000000005' },
    { ChargeCategory: 'Adjustment', ChargeClass: 'Correction', BilledCost: '-0.000000007', x_PaidInCost: '' },
  ]);
  expect(rows[2].x_EnteredBy).toBe('admin');
  const parquet = await run('export', '--format', 'parquet');
  const file = await new Blob(parquet.bytes.map((part) => new Uint8Array(part))).arrayBuffer();
  const typed = await parquetReadObjects({ file });
  expect(typed.map((row) => [row.x_CostNanoUsd, row.x_PaidInCost])).toEqual([
    [0n, 1.5],
    [0n, 5e-9],
    [-7n, null],
  ]);
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
  expect((await run('--help')).out).toContain('ledger export');
  expect((await run('export', '--help')).out).toContain('--from TIME');
});
