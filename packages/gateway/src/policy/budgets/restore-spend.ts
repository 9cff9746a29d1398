import type { QuotaCharge } from '../../quota/authority.ts';
import type { RollupQuery, Store } from '../../store/store.ts';
import { quotaUntilMs } from './budget-account.ts';
import { type CompiledBudget, ledgerScopeOf } from './compiled-budget.ts';

/** Where what was spent is read from. */
export type SpendSource = Pick<Store, 'spendBetween' | 'ledgerRollups'>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Sums read for one budget that tells things apart; more are not loaded. */
const ROLLUPS_MAX = 100_000;

/**
 * Enters what the ledger says was spent in the windows in force, into accounts that are new. Budgets that count one thing
 * are exact; those that tell things apart are read from the sums by hour and day, and an hour that a window cuts (zones
 * off by half an hour, rolling windows) counts as a whole: too much rather than too little.
 *
 * @returns the budgets of which not all could be loaded, because they tell too many things apart.
 */
export async function restoreSpend(
  budgets: readonly CompiledBudget[],
  source: SpendSource,
  nowMs: number,
): Promise<CompiledBudget[]> {
  const partial: CompiledBudget[] = [];
  for (const budget of budgets) {
    if (budget.each.length === 0) await restoreOne(budget, source, nowMs);
    else if (!(await restoreEach(budget, source, nowMs))) partial.push(budget);
  }
  return partial;
}

/** What the ledger says was spent of one account, for an authority that does not know it yet. Exact. */
export async function spendCharges(
  budget: CompiledBudget,
  instance: string,
  source: Pick<Store, 'spendBetween'>,
  nowMs: number,
): Promise<QuotaCharge[]> {
  const scope = ledgerScopeOf(budget, instance);
  return Promise.all(
    budget.accounts.clock.counting(nowMs).map(async (stretch) => ({
      amount: await source.spendBetween(scope, stretch.startMs, Math.min(stretch.endMs, nowMs + 1)),
      untilMs: quotaUntilMs(stretch),
    })),
  );
}

async function restoreOne(budget: CompiledBudget, source: SpendSource, nowMs: number): Promise<void> {
  const account = budget.accounts.of('');
  const stretches = budget.accounts.clock.counting(nowMs);
  const charges = await spendCharges(budget, '', source, nowMs);
  for (const [index, { amount }] of charges.entries()) account.restore(stretches[index]?.startMs ?? nowMs, amount);
}

async function restoreEach(budget: CompiledBudget, source: SpendSource, nowMs: number): Promise<boolean> {
  const { accounts, ledgerType, id } = budget;
  const startMs = accounts.clock.counting(nowMs)[0]?.startMs ?? nowMs;
  const prefix = ledgerType === undefined ? `budget:${id}` : '';
  let left = ROLLUPS_MAX;
  for (const part of queriesOf(budget, startMs, nowMs)) {
    const rows = await source.ledgerRollups({ by: ledgerType ?? 'budget', limit: left, ...part });
    for (const { scope, startMs: rowMs, costNanoUsd } of rows) {
      if (!scope.startsWith(prefix)) continue;
      const instance = ledgerType === undefined ? scope.slice(prefix.length) : `\n${scope}`;
      // Copies of a budget have longer ids: theirs do not begin with a line feed.
      if (!instance.startsWith('\n')) continue;
      const endMs = rowMs + (part.period === 'hour' ? HOUR_MS : DAY_MS) - 1;
      accounts.of(instance).restore(Math.max(startMs, Math.min(endMs, nowMs)), costNanoUsd);
    }
    left -= rows.length;
    if (left <= 0) return false;
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
