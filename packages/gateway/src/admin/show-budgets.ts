import * as z from 'zod/mini';
import { usd } from '../catalog/decimal.ts';
import { scopeTypeOf } from '../config/rule-about.ts';
import type { AdminResource } from '../identity/admin-scope.ts';
import type { EntityKind } from '../identity/entity.ts';
import { levelOf } from '../identity/stored-rules.ts';
import type { BudgetAccount } from '../policy/budgets/budget-account.ts';
import type { CompiledBudget } from '../policy/budgets/compiled-budget.ts';
import { labelOf } from '../policy/budgets/compiled-budget.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { change, seen } from './entity-actions.ts';

/** Accounts shown of one budget that tells things apart. */
const ACCOUNTS_SHOWN_MAX = 1_000;

export const money = z
  .object({ usd: z.string(), nanoUsd: z.string() })
  .check(z.describe('Exact, as decimal strings: US dollars, and nano-dollars.'));

export const budgetsShownSchema = z.object({
  data: z.array(
    z.object({
      label: z.string(),
      instance: z.string().check(z.describe('What it counts, of the things the budget tells apart; else empty.')),
      limit: z.nullable(money),
      soft: z.nullable(money),
      spent: money,
      held: money.check(z.describe('By calls under way.')),
      remaining: z.nullable(money).check(z.describe('Of the hard line; never below 0.')),
      startMs: z.nullable(z.int()).check(z.describe('Of the window; null for one without a beginning.')),
      endMs: z.nullable(z.int()).check(z.describe('When it is full again; null for rolling windows and for never.')),
    }),
  ),
});

/** What is spent, held and left of every budget that names the entity, wherever it was written. */
export async function showBudgets(context: AdminContext, kind: EntityKind): Promise<AdminAnswer> {
  const { house } = context;
  const entity = await seen(context, kind);
  const level = levelOf(entity, (id) => (id === undefined ? undefined : house.directory.byId(id))) ?? {};
  const wanted = Object.entries(level);
  const concerned = house.budgets.inForce.filter(({ rule }) =>
    wanted.every(([type, id]) => rule.scope[scopeTypeOf(type)] === id),
  );
  await house.budgets.refresh(concerned);
  const nowMs = house.budgets.now();
  return { status: 200, body: { data: concerned.flatMap((budget) => accountsOf(budget, nowMs)) } };
}

/** Lets what was spent until now count no more, for every budget of the entity. The ledger keeps what it has. */
export function resetBudgets(context: AdminContext, kind: EntityKind, resource: AdminResource): Promise<AdminAnswer> {
  return change(context, kind, `${resource}.reset-budgets`, (before) => {
    const { budgets = [], budgetIds = [] } = before.body;
    if (budgets.length + budgetIds.length === 0) {
      throw new AdminFault('body_invalid', { message: `The ${kind} "${before.name}" has no budgets to be reset.` });
    }
    const countsFromMs = context.house.budgets.now();
    return {
      ...before,
      body: {
        ...before.body,
        ...(budgets.length > 0 && { budgets: budgets.map((entry) => ({ ...entry, countsFromMs })) }),
        ...(budgetIds.length > 0 && { budgetsCountFromMs: countsFromMs }),
      },
    };
  });
}

function accountsOf(budget: CompiledBudget, nowMs: number): unknown[] {
  if (budget.each.length === 0) return [shown(budget, budget.accounts.of(''), nowMs)];
  const accounts: unknown[] = [];
  for (const account of budget.accounts.all) {
    if (accounts.length === ACCOUNTS_SHOWN_MAX) break;
    accounts.push(shown(budget, account, nowMs));
  }
  return accounts;
}

function shown({ rule, accounts }: CompiledBudget, account: BudgetAccount, nowMs: number): unknown {
  account.roll(nowMs);
  const { limitNanoUsd, softNanoUsd, period } = rule;
  const { spentNanoUsd, heldNanoUsd, instance } = account;
  const left = limitNanoUsd === undefined ? undefined : limitNanoUsd - spentNanoUsd - heldNanoUsd;
  const window = period.type === 'calendar' ? accounts.clock.at(nowMs) : undefined;
  return {
    label: labelOf(rule, instance),
    instance: instance.trim().replaceAll('\n', ' '),
    limit: limitNanoUsd === undefined ? null : moneyOf(limitNanoUsd),
    soft: softNanoUsd === undefined ? null : moneyOf(softNanoUsd),
    spent: moneyOf(spentNanoUsd),
    held: moneyOf(heldNanoUsd),
    remaining: left === undefined ? null : moneyOf(left < 0n ? 0n : left),
    startMs: window?.startMs ?? (period.type === 'rolling' ? nowMs - period.lengthMs : null),
    endMs: window?.endMs ?? null,
  };
}

/** An amount, as the API shows it. */
export function moneyOf(nanoUsd: bigint): { usd: string; nanoUsd: string } {
  return { usd: usd(nanoUsd), nanoUsd: String(nanoUsd) };
}
