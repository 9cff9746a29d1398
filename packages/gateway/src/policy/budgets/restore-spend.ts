import { type LedgerEntry, rollupScopes } from '../../ledger/entry.ts';
import type { QuotaCharge } from '../../quota/authority.ts';
import type { RollupQuery, Store } from '../../store/store.ts';
import { quotaUntilMs } from './budget-account.ts';
import { type CompiledBudget, instancesUnder, ledgerScopeOf } from './compiled-budget.ts';
import type { CountedStretch } from './period-clock.ts';
import { type SpendSums, spendByStretch } from './spend-by-stretch.ts';

/** Where what was spent is read from. */
export type SpendSource = SpendSums & Pick<Store, 'ledgerByHand'>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Sums read for one budget that tells things apart; more are not loaded. */
const ROLLUPS_MAX = 100_000;
/** Rows of one answer of the store. */
const PAGE = 1_000;
/** What was entered by hand no longer ago than this may still be on its way to this process as news. */
const NEWS_MS = 600_000;
/** Reads of the same while others enter something by hand. */
const TRIES_MAX = 100;
/** Entries gone through one by one to be exact: at a start, for all budgets of one period; for one account while running. */
const ENTRIES_AT_START = 1_000_000;
const ENTRIES_WHILE_RUNNING = 20_000;

interface Reading {
  readonly budget: CompiledBudget;
  readonly instance: string;
  readonly atMs: number;
  readonly nanoUsd: bigint;
}

/**
 * Enters what the ledger says was spent in the windows in force, into accounts that are new. Budgets that count one thing
 * are exact, unless that took going through more than a million entries; those that tell things apart are read from the
 * sums by hour and day. Then an hour that a window cuts (zones off by half an hour, rolling windows) counts as a whole: too
 * much rather than too little.
 *
 * @returns the budgets of which not all could be loaded, because they tell too many things apart.
 */
export async function restoreSpend(
  budgets: readonly CompiledBudget[],
  source: SpendSource,
  nowMs: number,
): Promise<CompiledBudget[]> {
  const single = budgets.filter(({ each }) => each.length === 0);
  const apart = budgets.filter(({ each }) => each.length > 0);
  const { found, recent } = await betweenEntries(source, nowMs, async () => {
    const readings = await readSingle(single, source, nowMs);
    const partial: CompiledBudget[] = [];
    for (const budget of apart) if (!(await readEach(budget, source, nowMs, readings))) partial.push(budget);
    return { readings, partial };
  });
  for (const { budget, instance, atMs, nanoUsd } of found.readings) budget.accounts.of(instance).restore(atMs, nanoUsd);
  for (const { accounts } of budgets) for (const { id } of recent) accounts.include(id);
  return found.partial;
}

/** What an authority that does not know an account is told. */
export interface SharedSeed {
  readonly charges: readonly QuotaCharge[];
  /** What was entered by hand lately, which is not in `charges`: every process tells the authority, and it counts once. */
  readonly recent: readonly { readonly entryId: string; readonly charge: QuotaCharge }[];
}

/** What the ledger says was spent of one account, for an authority that does not know it yet: as exact as at a start. */
export async function sharedSeed(
  budget: CompiledBudget,
  instance: string,
  source: SpendSource,
  nowMs: number,
): Promise<SharedSeed> {
  const { clock } = budget.accounts;
  const scope = ledgerScopeOf(budget, instance);
  const stretches = clock.counting(nowMs);
  const { found, recent } = await betweenEntries(source, nowMs, () =>
    spendByStretch(source, [scope], stretches, nowMs, ENTRIES_WHILE_RUNNING),
  );
  const own = recent
    .filter((entry) => instancesUnder(budget, rollupScopes(entry).list).includes(instance))
    .map(({ id, atMs, costNanoUsd = 0n }) => ({ id, startMs: clock.at(atMs).startMs, amount: costNanoUsd }));
  const charges = stretches.map((stretch, at) => {
    const within = own.filter(({ startMs }) => startMs === stretch.startMs);
    const apart = within.reduce((sum, { amount }) => sum + amount, 0n);
    return { amount: (found[at]?.get(scope) ?? 0n) - apart, untilMs: quotaUntilMs(stretch) };
  });
  return {
    charges,
    recent: own.flatMap(({ id, startMs, amount }) => {
      const stretch = stretches.find((each) => each.startMs === startMs);
      return stretch === undefined ? [] : [{ entryId: id, charge: { amount, untilMs: quotaUntilMs(stretch) } }];
    }),
  };
}

/** Reads at a moment of which is known what had been entered by hand: anew when something is entered meanwhile. */
async function betweenEntries<T>(
  source: Pick<Store, 'ledgerByHand'>,
  nowMs: number,
  read: () => Promise<T>,
): Promise<{ found: T; recent: readonly LedgerEntry[] }> {
  let before = await source.ledgerByHand(nowMs - NEWS_MS);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await read();
    const recent = await source.ledgerByHand(nowMs - NEWS_MS);
    if (recent.length === before.length && recent.at(-1)?.id === before.at(-1)?.id) return { found, recent };
    before = recent;
  }
  throw new Error('What was spent could not be read: others enter things by hand without a pause.');
}

/** Budgets over the same windows at once: there may be one for each of very many keys. */
async function readSingle(budgets: readonly CompiledBudget[], source: SpendSource, nowMs: number): Promise<Reading[]> {
  const alike = new Map<string, { stretches: CountedStretch[]; budgets: CompiledBudget[] }>();
  for (const budget of budgets) {
    const stretches = budget.accounts.clock.counting(nowMs);
    const key = stretches.map(({ startMs, endMs }) => `${startMs}-${endMs}`).join();
    const same = alike.get(key);
    if (same === undefined) alike.set(key, { stretches, budgets: [budget] });
    else same.budgets.push(budget);
  }
  const readings: Reading[] = [];
  for (const { stretches, budgets } of alike.values()) {
    const scopes = [...new Set(budgets.map((budget) => ledgerScopeOf(budget, '')))];
    const spent = await spendByStretch(source, scopes, stretches, nowMs, ENTRIES_AT_START);
    for (const [at, { startMs }] of stretches.entries()) {
      for (const budget of budgets) {
        const nanoUsd = spent[at]?.get(ledgerScopeOf(budget, '')) ?? 0n;
        readings.push({ budget, instance: '', atMs: startMs, nanoUsd });
      }
    }
  }
  return readings;
}

/** @returns false when there is more than is loaded. */
async function readEach(
  budget: CompiledBudget,
  source: SpendSource,
  nowMs: number,
  readings: Reading[],
): Promise<boolean> {
  const { accounts, ledgerType, id } = budget;
  const startMs = accounts.clock.counting(nowMs)[0]?.startMs ?? nowMs;
  const prefix = ledgerType === undefined ? `budget:${id}` : '';
  let left = ROLLUPS_MAX;
  for (const part of queriesOf(budget, startMs, nowMs)) {
    const lengthMs = part.period === 'hour' ? HOUR_MS : DAY_MS;
    for (let beyond: RollupQuery['beyond']; ; ) {
      const rows = await source.ledgerRollups({ by: ledgerType ?? 'budget', limit: PAGE, beyond, ...part });
      for (const { scope, startMs: rowMs, costNanoUsd } of rows) {
        if (!scope.startsWith(prefix)) continue;
        const instance = ledgerType === undefined ? scope.slice(prefix.length) : `\n${scope}`;
        // Copies of a budget have longer ids: theirs do not begin with a line feed.
        if (!instance.startsWith('\n')) continue;
        const atMs = Math.max(startMs, Math.min(rowMs + lengthMs - 1, nowMs));
        readings.push({ budget, instance, atMs, nanoUsd: costNanoUsd });
      }
      left -= rows.length;
      if (left <= 0) return false;
      if (rows.length < PAGE) break;
      beyond = rows.at(-1);
    }
  }
  return true;
}

type Part = Pick<RollupQuery, 'period' | 'fromMs' | 'toMs'>;

/** Whole days by their sums, the rest by the hour; rolling windows by the hour throughout. In the order of time. */
function queriesOf({ rule }: CompiledBudget, startMs: number, nowMs: number): Part[] {
  const fromMs = Math.floor(startMs / HOUR_MS) * HOUR_MS;
  const toMs = nowMs + 1;
  const daysFromMs = Math.ceil(fromMs / DAY_MS) * DAY_MS;
  const daysToMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  if (rule.period.type === 'rolling' || daysFromMs >= daysToMs) return [{ period: 'hour', fromMs, toMs }];
  return [
    { period: 'hour', fromMs, toMs: daysFromMs },
    { period: 'day', fromMs: daysFromMs, toMs: daysToMs },
    { period: 'hour', fromMs: daysToMs, toMs },
  ];
}
