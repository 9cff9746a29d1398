import { usd } from '../../catalog/decimal.ts';
import type { BudgetRule } from '../../config/budget-rule.ts';
import type { ScopeType } from '../../config/scope-type.ts';
import { sha256Hex } from '../identify.ts';
import { type Condition, conditionsOf } from '../rule-scope.ts';
import { BudgetAccounts } from './budget-accounts.ts';
import { PeriodClock } from './period-clock.ts';

/** A budget ready to be asked. */
export interface CompiledBudget {
  readonly rule: BudgetRule;
  /** The same for budgets that count the same things over the same windows. */
  readonly id: string;
  readonly accounts: BudgetAccounts;
  /** Scopes that only the exchange tells; the caller's own are answered once per caller. */
  readonly conditions: readonly Condition[];
  readonly each: readonly ScopeType[];
  /** Known for attempts only: it is about a provider. */
  readonly isOfAttempt: boolean;
  /** The kind under which the ledger sums what an account counts; undefined: under names of the budget's own. */
  readonly ledgerType: ScopeType | 'all' | undefined;
}

export function compileBudget(rule: BudgetRule, id: string, accounts: BudgetAccounts | undefined): CompiledBudget {
  return {
    rule,
    id,
    accounts: accounts ?? new BudgetAccounts(new PeriodClock(rule.period)),
    conditions: conditionsOf(rule, false),
    each: rule.each,
    isOfAttempt: rule.scope.provider !== undefined || rule.each.includes('provider'),
    ledgerType: ledgerTypeOf(rule),
  };
}

/** Rules stay the same objects over changes of others, which come often where keys are many. */
const identities = new WeakMap<BudgetRule, string>();

/** What a budget counts, whatever its lines. */
export function identityOf(rule: BudgetRule): string {
  const known = identities.get(rule);
  if (known !== undefined) return known;
  const { scope, each, period, countsFromMs, isPrepaid } = rule;
  const scopes = Object.entries(scope).sort(([a], [b]) => (a < b ? -1 : 1));
  const identity = sha256Hex(
    JSON.stringify([
      scopes,
      [...each].sort(),
      period,
      ...(countsFromMs === undefined ? [] : [countsFromMs]),
      ...(isPrepaid ? ['prepaid'] : []),
    ]),
  ).slice(0, 16);
  identities.set(rule, identity);
  return identity;
}

/** The ledger has a sum for one thing of one kind; what needs two kinds, or a pattern, is entered under the budget. */
function ledgerTypeOf({ scope, each, countsFromMs }: BudgetRule): CompiledBudget['ledgerType'] {
  // One that was reset starts at nothing, and is entered under a name of its own from then on.
  if (countsFromMs !== undefined) return undefined;
  const scopes = Object.entries(scope) as [ScopeType, string][];
  const [first] = scopes;
  if (first === undefined) return each.length === 0 ? 'all' : each.length === 1 ? each[0] : undefined;
  if (scopes.length > 1) return undefined;
  const [type, pattern] = first;
  if (each.length === 1) return each[0] === type ? type : undefined;
  // A model asked for as provider/model counts under its bare name too.
  return each.length > 0 || pattern.includes('*') || type === 'model' ? undefined : type;
}

/** The name under which the ledger sums what an account counts. */
export function ledgerScopeOf({ ledgerType, id, rule }: CompiledBudget, instance: string): string {
  if (ledgerType === undefined) return `budget:${id}${instance}`;
  if (ledgerType === 'all') return 'all';
  // An instance is a line feed and `<type>:<id>`.
  return instance === '' ? `${ledgerType}:${rule.scope[ledgerType]}` : instance.slice(1);
}

/** The accounts of a budget that a ledger entry with these names counts in: {@link ledgerScopeOf} the other way round. */
export function instancesUnder({ ledgerType, id, rule, each }: CompiledBudget, names: readonly string[]): string[] {
  if (ledgerType === 'all') return [''];
  const isApart = each.length > 0;
  if (ledgerType === undefined) {
    const own = `budget:${id}`;
    return names.flatMap((name) => {
      if (!name.startsWith(own)) return [];
      const instance = name.slice(own.length);
      // Copies of a budget have longer ids.
      return (isApart ? instance.startsWith('\n') : instance === '') ? [instance] : [];
    });
  }
  if (isApart) return names.filter((name) => name.startsWith(`${ledgerType}:`)).map((name) => `\n${name}`);
  return names.includes(`${ledgerType}:${rule.scope[ledgerType]}`) ? [''] : [];
}

/** `budget of 50 USD per month (team web)`; with the instance when things are told apart. */
export function labelOf({ limitNanoUsd, softNanoUsd, period, scope, isPrepaid }: BudgetRule, instance: string): string {
  const line = limitNanoUsd ?? softNanoUsd ?? 0n;
  const about = instance === '' ? Object.entries(scope).map(([type, id]) => `${type} ${id}`) : aboutOf(instance);
  const what = isPrepaid ? `prepaid budget of ${usd(line)} USD` : `budget of ${usd(line)} USD ${periodText(period)}`;
  return `${what}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
}

function aboutOf(instance: string): string[] {
  return instance
    .split('\n')
    .slice(1)
    .map((line) => line.replace(':', ' '));
}

function periodText(period: BudgetRule['period']): string {
  if (period.type === 'lifetime') return 'altogether';
  if (period.type === 'calendar') return `per ${period.unit}`;
  const minutes = period.lengthMs / 60_000;
  if (minutes % 1440 === 0) return `in any ${minutes / 1440} days`;
  return minutes % 60 === 0 ? `in any ${minutes / 60} hours` : `in any ${minutes} minutes`;
}
