import type { BudgetRule } from '../../config/budget-rule.ts';
import { nowMs } from '../../runtime/clock.ts';
import type { Caller } from '../caller.ts';
import { RuleIndex, type RulesOfCaller } from '../rule-index.ts';
import type { RuleSubject } from '../rule-scope.ts';
import type { BudgetAccounts } from './budget-accounts.ts';
import { type BudgetAlert, BudgetHold, type BudgetStanding, type HoldHouse } from './budget-hold.ts';
import { type CompiledBudget, compileBudget, identityOf } from './compiled-budget.ts';

/** The budgets that may concern a caller's exchanges, and what they need to know. */
type CallerBudgets = RulesOfCaller<CompiledBudget>;

/** Who only wants to know waits no longer for other processes. */
const REFRESH_MS = 500;

/**
 * The budgets in force and what is spent and held of each, in the memory of this process. Both outlive a change of the
 * rules: a budget that differs from an earlier one in its lines at most goes on from that one's accounts.
 */
export class Budgets {
  readonly #house: HoldHouse;
  #latestMs = Number.NEGATIVE_INFINITY;
  #budgets: readonly CompiledBudget[] = [];
  #index = new RuleIndex<CompiledBudget>([]);
  #ofCaller = new WeakMap<Caller, CallerBudgets>();
  /** By the accounts of a budget that was reset: the one that took its place. */
  readonly #resets = new WeakMap<BudgetAccounts, CompiledBudget>();

  /**
   * @param onAlert Told when a soft line is crossed, or a hard one refuses: once for each window.
   * @param share See {@link HoldHouse}.
   * @param clock Unix milliseconds. Should it go back, time stands still until it has caught up.
   */
  constructor(
    onAlert: (alert: BudgetAlert) => void,
    clock: () => number = nowMs,
    share?: (standing: BudgetStanding) => void,
  ) {
    const now = () => {
      this.#latestMs = Math.max(this.#latestMs, clock());
      return this.#latestMs;
    };
    this.#house = { onAlert, now, share, resetOf: (budget) => this.#resetOf(budget) };
  }

  get inForce(): readonly CompiledBudget[] {
    return this.#budgets;
  }

  now(): number {
    return this.#house.now();
  }

  /** Makes rules ready, with the accounts of those in force that count the same. Changes nothing. */
  compile(rules: readonly BudgetRule[]): readonly CompiledBudget[] {
    const known = new Map(this.#budgets.map((budget) => [budget.id, budget]));
    const taken = new Set<string>();
    return rules.map((rule) => {
      const identity = identityOf(rule);
      let id = identity;
      for (let copy = 2; taken.has(id); copy++) id = `${identity}~${copy}`;
      taken.add(id);
      const same = known.get(id);
      return same?.rule === rule ? same : compileBudget(rule, id, same?.accounts);
    });
  }

  /** Puts budgets in force, in place of those before. */
  apply(budgets: readonly CompiledBudget[]): void {
    this.#noteResets(budgets);
    this.#budgets = budgets;
    this.#index = new RuleIndex(budgets);
    this.#ofCaller = new WeakMap();
  }

  #noteResets(budgets: readonly CompiledBudget[]): void {
    const kept = new Set(budgets.map(({ accounts }) => accounts));
    const gone = this.#budgets.filter(({ accounts }) => !kept.has(accounts));
    if (gone.length === 0) return;
    const known = new Set(this.#budgets.map(({ accounts }) => accounts));
    const resets = new Map<string, CompiledBudget>();
    for (const budget of budgets) {
      if (budget.rule.countsFromMs !== undefined && !known.has(budget.accounts)) resets.set(lineageOf(budget), budget);
    }
    for (const budget of gone) {
      const reset = resets.get(lineageOf(budget));
      if (reset !== undefined) this.#resets.set(budget.accounts, reset);
    }
  }

  #resetOf({ accounts }: CompiledBudget): CompiledBudget | undefined {
    let reset = this.#resets.get(accounts);
    for (let next = reset; next !== undefined; next = this.#resets.get(next.accounts)) reset = next;
    return reset;
  }

  /** Undefined when no budget concerns the caller: the usual case, and one look. */
  of(caller: Caller): CallerBudgets | undefined {
    if (this.#budgets.length === 0) return undefined;
    let found = this.#ofCaller.get(caller);
    if (found === undefined) {
      found = this.#index.of(caller);
      this.#ofCaller.set(caller, found);
    }
    return found.rules.length === 0 && !found.needsEndUser && !found.needsTags ? undefined : found;
  }

  /** Opens the purse of one exchange; nothing is held yet. */
  open({ rules }: CallerBudgets, subject: RuleSubject): BudgetHold {
    const budgets = this.#index.ofRequest(subject.caller, rules, subject.endUser, subject.tags);
    return new BudgetHold(this.#house, budgets, subject);
  }

  /** Hears what all processes spent of the accounts known here, for those who ask how budgets stand. Waits a moment at most. */
  async refresh(budgets: readonly CompiledBudget[]): Promise<void> {
    const { share } = this.#house;
    if (share === undefined) return;
    const leases = budgets.flatMap((budget) => {
      const { accounts, each } = budget;
      return (each.length === 0 ? [accounts.of('')] : [...accounts.all]).map((account) => {
        share({ budget, account });
        return account.lease?.renewed();
      });
    });
    await Promise.race([Promise.all(leases), Bun.sleep(REFRESH_MS)]);
  }

  /** Money held now, over all accounts: 0 when nothing is under way. */
  get heldNanoUsd(): bigint {
    let held = 0n;
    for (const { accounts } of this.#budgets) for (const account of accounts.all) held += account.heldNanoUsd;
    return held;
  }
}

/** The same for a budget before and after it was reset. */
function lineageOf({ rule }: CompiledBudget): string {
  return identityOf({ ...rule, countsFromMs: undefined });
}
