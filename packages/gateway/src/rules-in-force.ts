import { usd } from './catalog/decimal.ts';
import type { BudgetRule } from './config/budget-rule.ts';
import type { Snapshot } from './config/snapshot.ts';
import type { StoredRules } from './identity/stored-rules.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { BudgetAlert, BudgetStanding } from './policy/budgets/budget-hold.ts';
import { Budgets } from './policy/budgets/budgets.ts';
import { type CompiledBudget, labelOf } from './policy/budgets/compiled-budget.ts';
import { type EnterShared, enterByHand } from './policy/budgets/enter-by-hand.ts';
import { restoreSpend, sharedSeed } from './policy/budgets/restore-spend.ts';
import { rulesNow } from './policy/budgets/rules-now.ts';
import { Limiter } from './policy/limits/limiter.ts';
import { Markups } from './policy/markups.ts';
import type { QuotaNode } from './quota/quota-node.ts';
import { nowMs } from './runtime/clock.ts';
import type { Store } from './store/store.ts';
import type { Log } from './telemetry/log.ts';

/** A timer waits no longer: what it waits for is looked at anew. */
const TIMER_MS_MAX = 86_400_000;
const RULES_RETRY_MS = 1_000;

interface Parts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly stored: StoredRules;
  readonly log: Log;
  readonly onAlert: (alert: BudgetAlert) => void;
  /** Set when several processes share budgets and limits. */
  readonly quota: QuotaNode | undefined;
  /** Called when rules become others by the passing of time: is to call {@link RulesInForce.put} in its turn. */
  readonly renew: () => Promise<void>;
}

type Configured = Pick<Snapshot, 'budgets' | 'limits' | 'markups'>;

/** The rules of the configuration and those of stored entities, together, and what is counted against them. */
export class RulesInForce {
  /** What is spent and held of each budget. */
  readonly budgets: Budgets;
  readonly limiter: Limiter;
  readonly markups = new Markups();
  readonly #parts: Parts;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.limiter = new Limiter({ quota: parts.quota });
    this.budgets = new Budgets(
      (alert) => {
        const { type, label, lineNanoUsd, spentNanoUsd } = alert;
        parts.log.warn(type === 'spent' ? 'A budget is spent.' : 'A soft line of a budget is crossed.', {
          budget: label,
          lineUsd: usd(lineNanoUsd),
          spentUsd: usd(spentNanoUsd),
        });
        parts.onAlert(alert);
      },
      undefined,
      parts.quota && ((standing) => this.#share(standing)),
    );
  }

  /** Never to be called before an earlier call has ended. @throws StoreError; then the rules are as they were. */
  async put({ budgets, limits, markups }: Configured): Promise<void> {
    const { stored } = this.#parts;
    const now = rulesNow([...budgets, ...stored.budgets], nowMs());
    await this.#putBudgets(now.rules);
    clearTimeout(this.#timer);
    if (now.untilMs < Number.POSITIVE_INFINITY) this.#renewAt(now.untilMs);
    this.limiter.apply([...limits, ...stored.limits]);
    this.markups.apply([...markups, ...stored.markups]);
  }

  /** Budgets in force move with the ledger; those that come later read it. */
  async enterByHand(ids: readonly string[]): Promise<void> {
    const { store, quota } = this.#parts;
    const enterShared: EnterShared = (...charged) => this.#enterShared(...charged);
    for (const id of ids) {
      const entry = await store.ledgerEntry(id);
      if (entry === undefined) continue;
      enterByHand(this.budgets.inForce, entry, this.budgets.now(), quota && enterShared);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** When an increase ends, the rules are others. */
  #renewAt(atMs: number): void {
    const waitMs = Math.min(Math.max(atMs - nowMs(), 1), TIMER_MS_MAX);
    this.#timer = setTimeout(() => {
      this.#parts.renew().catch((error: unknown) => {
        this.#parts.log.error('Budgets could not be changed.', {
          error: error instanceof Error ? error : String(error),
        });
        this.#renewAt(nowMs() + RULES_RETRY_MS);
      });
    }, waitMs);
    this.#timer.unref();
  }

  /** A budget that was not in force until now starts from what the ledger says. */
  async #putBudgets(rules: readonly BudgetRule[]): Promise<void> {
    const { ledger, store, log, quota } = this.#parts;
    const budgets = this.budgets.compile(rules);
    const known = new Set(this.budgets.inForce.map(({ accounts }) => accounts));
    const added = budgets.filter((budget) => !known.has(budget.accounts));
    // What processes share is asked of the authority, which is told of the ledger by who asks first.
    if (added.length > 0 && quota === undefined) {
      await ledger.flush();
      const partial = await restoreSpend(added, store, this.budgets.now());
      for (const { rule } of partial) {
        log.warn('Not all of what was spent of a budget could be loaded: it tells too many things apart.', {
          budget: labelOf(rule, ''),
        });
      }
    }
    this.budgets.apply(budgets);
  }

  /** Of a budget without a hard line nothing is taken: what was spent is told, and asked, behind the traffic. */
  #share({ budget, account }: BudgetStanding): void {
    if (account.lease !== undefined) return;
    const { ledger, store, quota } = this.#parts;
    const { instance } = account;
    const seed = async () => {
      await ledger.flush();
      const { charges, recent } = await sharedSeed(budget, instance, store, this.budgets.now());
      for (const { entryId, charge } of recent) this.#enterShared(budget, instance, entryId, charge);
      return charges;
    };
    account.lease = quota?.lease(sharedId(budget, instance), seed, {
      isLedgerSeed: true,
      writtenUntilMs: () => ledger.writtenUntilMs,
    });
  }

  #enterShared(...[budget, instance, entryId, charge]: Parameters<EnterShared>): void {
    const capacity = budget.rule.limitNanoUsd ?? 0n;
    void this.#parts.quota
      ?.enter(sharedId(budget, instance), entryId, capacity, charge)
      .then(() => budget.accounts.find(instance)?.lease?.refresh());
  }
}

/** What the authority calls an account. */
function sharedId({ id }: CompiledBudget, instance: string): string {
  return `b:${id}:${instance}`;
}
