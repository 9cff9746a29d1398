import { BudgetAccount } from './budget-account.ts';
import type { PeriodClock } from './period-clock.ts';

/** Accounts of one budget at most; the one not used for longest is forgotten for a new one, unless it holds money. */
export const ACCOUNTS_MAX = 100_000;

/** The oldest looked at for one that may be forgotten. */
const LOOKED_AT_MAX = 64;

/** Ids of entries remembered: far more than are entered within the minutes in which one may come twice. */
const INCLUDED_MAX = 20_000;

/** The accounts of one budget: a single one, or one for each thing it tells apart. */
export class BudgetAccounts {
  readonly #clock: PeriodClock;
  readonly #accountsMax: number;
  /** In the order of their last use. */
  readonly #accounts = new Map<string, BudgetAccount>();
  readonly #included = new Set<string>();

  constructor(clock: PeriodClock, accountsMax = ACCOUNTS_MAX) {
    this.#clock = clock;
    this.#accountsMax = accountsMax;
  }

  get clock(): PeriodClock {
    return this.#clock;
  }

  get all(): Iterable<BudgetAccount> {
    return this.#accounts.values();
  }

  /**
   * Notes that a ledger entry made by hand is in the accounts, since it was read with the rest or entered later.
   *
   * @returns false when it was already.
   */
  include(entryId: string): boolean {
    if (this.#included.has(entryId)) return false;
    if (this.#included.size >= INCLUDED_MAX) for (const oldest of this.#included) return this.#replace(oldest, entryId);
    this.#included.add(entryId);
    return true;
  }

  find(instance: string): BudgetAccount | undefined {
    return this.#accounts.get(instance);
  }

  of(instance: string): BudgetAccount {
    let account = this.#accounts.get(instance);
    if (account === undefined) {
      account = new BudgetAccount(instance, this.#clock);
      if (this.#accounts.size >= this.#accountsMax) this.#forgetOne();
    } else if (instance === '') return account;
    else this.#accounts.delete(instance);
    this.#accounts.set(instance, account);
    return account;
  }

  #replace(oldest: string, entryId: string): true {
    this.#included.delete(oldest);
    this.#included.add(entryId);
    return true;
  }

  #forgetOne(): void {
    let lookedAt = 0;
    for (const [instance, { heldNanoUsd }] of this.#accounts) {
      if (heldNanoUsd === 0n || ++lookedAt === LOOKED_AT_MAX) {
        this.#accounts.delete(instance);
        return;
      }
    }
  }
}
