import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBudgetEntry } from '../../config/budget-entry.ts';
import type { BudgetEntry } from '../../config/rule-schemas.ts';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { openStore } from '../../store/open-store.ts';
import { Budgets } from './budgets.ts';
import { restoreSpend } from './restore-spend.ts';

const nowMs = Date.parse('2026-11-21T10:45:00Z');
const HOUR_MS = 3_600_000;
let dataDir = '';

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'turnpike-test-'));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

/** Spent by account, after a start at `nowMs` over these costs. */
async function restored(entry: BudgetEntry, costs: readonly { atMs: number; nanoUsd: bigint; scopes: string[] }[]) {
  const rule = readBudgetEntry(entry);
  if ('message' in rule) throw new Error(rule.message);
  const budgets = new Budgets(
    () => undefined,
    () => nowMs,
  );
  const compiled = budgets.compile([rule]);
  const store = await openStore({ url: undefined, dataDir });
  await store.writeLedger(
    costs.map(({ atMs, nanoUsd, scopes }, index) =>
      ledgerEntry({ id: `x${index}.1`, atMs, costNanoUsd: nanoUsd, scopes }),
    ),
  );
  expect(await restoreSpend(compiled, store, nowMs)).toEqual([]);
  await store.close();
  const accounts = [...(compiled[0]?.accounts.all ?? [])];
  for (const account of accounts) account.roll(nowMs);
  return Object.fromEntries(accounts.map(({ instance, spentNanoUsd }) => [instance.trim(), spentNanoUsd]));
}

const team = ['key:k', 'team:a'];

test('a calendar window of one thing starts with exactly what it spent, to the millisecond', async () => {
  const startMs = Date.parse('2026-10-31T23:00:00Z');
  const costs = [
    { atMs: startMs - 1, nanoUsd: 1n, scopes: team },
    { atMs: startMs, nanoUsd: 20n, scopes: team },
    { atMs: nowMs, nanoUsd: 300n, scopes: team },
    { atMs: nowMs - HOUR_MS, nanoUsd: 4_000n, scopes: ['team:b'] },
  ];
  const entry = { amount: 1, per: 'month', zone: 'Europe/Berlin', scope: { team: 'a' } };
  expect(await restored(entry, costs)).toEqual({ '': 320n });
});

test('a lifetime counts everything', async () => {
  const costs = [
    { atMs: 5, nanoUsd: 1n, scopes: team },
    { atMs: nowMs, nanoUsd: 20n, scopes: [] },
  ];
  expect(await restored({ amount: 1, per: 'lifetime' }, costs)).toEqual({ '': 21n });
});

test('a rolling window counts what its last sixtieths hold', async () => {
  const costs = [
    { atMs: nowMs - 62 * HOUR_MS, nanoUsd: 1n, scopes: [] },
    { atMs: nowMs - 59 * HOUR_MS, nanoUsd: 20n, scopes: [] },
    { atMs: nowMs - 30 * HOUR_MS, nanoUsd: 300n, scopes: [] },
    { atMs: nowMs, nanoUsd: 4_000n, scopes: [] },
  ];
  expect(await restored({ amount: 1, per: '60h' }, costs)).toEqual({ '': 4_320n });
});

test('things told apart are found again by what they are', async () => {
  const startMs = Date.parse('2026-11-01T00:00:00Z');
  const costs = [
    { atMs: startMs - 1, nanoUsd: 1n, scopes: ['end-user:eve'] },
    { atMs: startMs, nanoUsd: 20n, scopes: ['end-user:eve'] },
    { atMs: startMs + 30 * HOUR_MS, nanoUsd: 300n, scopes: ['end-user:eve', 'end-user:bob'] },
    { atMs: nowMs, nanoUsd: 4_000n, scopes: ['end-user:bob'] },
  ];
  expect(await restored({ amount: 1, per: 'month', scope: { endUser: '*' } }, costs)).toEqual({
    'end-user:eve': 320n,
    'end-user:bob': 4_300n,
  });
});

test('things told apart in a rolling window never count less than they spent', async () => {
  const costs = [
    { atMs: nowMs - 26 * HOUR_MS, nanoUsd: 1n, scopes: ['end-user:eve'] },
    { atMs: nowMs - 23 * HOUR_MS, nanoUsd: 20n, scopes: ['end-user:eve'] },
    { atMs: nowMs - 5, nanoUsd: 300n, scopes: ['end-user:eve'] },
  ];
  expect(await restored({ amount: 1, per: '24h', each: ['endUser'] }, costs)).toEqual({ 'end-user:eve': 320n });
});
