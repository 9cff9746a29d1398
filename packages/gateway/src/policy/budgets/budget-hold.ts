import type { RuleSubject } from '../rule-scope.ts';
import { instancesOf } from '../rule-scope.ts';
import type { BudgetAccount, HeldShare } from './budget-account.ts';
import { type CompiledBudget, labelOf, ledgerScopeOf } from './compiled-budget.ts';

/** An account that an exchange counts under, and the rule that says how much may be in it. */
export interface BudgetStanding {
  readonly budget: CompiledBudget;
  readonly account: BudgetAccount;
}

/** Why an attempt may not be made. Nothing was held. */
export interface Shortage {
  /** Where there is no room. */
  readonly standing: BudgetStanding;
  /**
   * `spent`: the window's money is gone. `held`: it fits as soon as those under way turn out cheaper. `never`: it is more
   * than the whole budget. `unpriced`: nobody knows what it costs. `unbounded`: nobody knows the most it can cost. `unknown`:
   * what others spent cannot be asked.
   */
  readonly reason: 'spent' | 'held' | 'never' | 'unpriced' | 'unbounded' | 'unknown';
  /** For people: `budget of 50 USD per month (team web)`. */
  readonly label: string;
  readonly limitNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
  readonly neededNanoUsd: bigint;
  /** When it fits if nothing is added, in Unix milliseconds; Infinity for never. */
  readonly fitsAtMs: number;
}

/** What may make an attempt dearer than its bound. */
export interface Doubts {
  /** What nobody knows the highest cost of, for people. */
  readonly unbounded?: string | undefined;
  /** Is its answer as long as the model likes? */
  readonly isOutputOpen?: boolean | undefined;
}

const NO_DOUBTS: Doubts = {};

/** What operators want to hear of a budget. */
export interface BudgetAlert {
  /** The soft line was crossed; or a call was refused because the window's money is gone. */
  readonly type: 'soft-line' | 'spent';
  /** The same in every process, and after a restart, for the same window. */
  readonly id: string;
  /** For people: `budget of 50 USD per month (team web)`. */
  readonly label: string;
  /** What it counts, as the ledger names it: `team:web`, `all`, `budget:<id>`. */
  readonly scope: string;
  readonly lineNanoUsd: bigint;
  readonly spentNanoUsd: bigint;
  /** From when on it may be told again, in Unix milliseconds; Infinity for never. */
  readonly untilMs: number;
}

/** What a hold needs from its house. */
export interface HoldHouse {
  /** Unix milliseconds, never going back. */
  readonly now: () => number;
  /** Told once for each window and type. */
  readonly onAlert: (alert: BudgetAlert) => void;
  /** Gives an account its part of a budget that several processes share. Undefined: there is one process. */
  readonly share?: ((standing: BudgetStanding) => void) | undefined;
  /** The budget that counts in place of one that was reset since; undefined for one in force. */
  readonly resetOf: (budget: CompiledBudget) => CompiledBudget | undefined;
}

/** The money one exchange holds: for one attempt at a time, in all accounts it counts under, or in none. */
export class BudgetHold {
  readonly #house: HoldHouse;
  readonly #budgets: readonly CompiledBudget[];
  readonly #subject: RuleSubject;
  /** Those that every attempt counts under, looked up once. */
  readonly #always: readonly BudgetStanding[];
  #standings: readonly BudgetStanding[];
  #held: readonly HeldShare[] = [];
  #heldAtMs = 0;

  constructor(house: HoldHouse, budgets: readonly CompiledBudget[], subject: RuleSubject) {
    this.#house = house;
    this.#budgets = budgets;
    this.#subject = subject;
    this.#always = standingsOf(
      budgets.filter(({ isOfAttempt }) => !isOfAttempt),
      subject,
      house,
    );
    this.#standings = this.#always;
  }

  /** Does the exchange count under no budget at all? */
  get isEmpty(): boolean {
    return this.#budgets.length === 0;
  }

  /** The accounts of the latest attempt; before one, those of every attempt. */
  get standings(): readonly BudgetStanding[] {
    return this.#standings;
  }

  /** What keeps an attempt out now. Holds nothing. @param boundNanoUsd Its highest cost; undefined when not known. */
  shortage(provider: string, boundNanoUsd: bigint | undefined, doubts = NO_DOUBTS): Shortage | undefined {
    const nowMs = this.#house.now();
    const shortage = judge(this.#at(provider), boundNanoUsd, doubts, nowMs);
    if (shortage?.reason === 'spent') this.#tell('spent', shortage.standing, shortage.limitNanoUsd, nowMs);
    return shortage;
  }

  /** Is so much left of every budget? */
  hasLeft(provider: string, nanoUsd: bigint): boolean {
    const nowMs = this.#house.now();
    return this.#at(provider).every(({ budget: { rule }, account }) => {
      if (rule.limitNanoUsd === undefined) return true;
      account.roll(nowMs);
      const heldNanoUsd = account.heldNanoUsd + (account.lease?.leasedByOthers ?? 0n);
      return account.spentNanoUsd + heldNanoUsd + nanoUsd <= rule.limitNanoUsd;
    });
  }

  /**
   * Holds the highest cost of an attempt in all accounts together, or in none. A promise only when other processes share
   * a budget and its lease here is too small.
   */
  take(
    provider: string,
    boundNanoUsd: bigint | undefined,
    doubts = NO_DOUBTS,
  ): Shortage | undefined | Promise<Shortage | undefined> {
    this.release();
    const nowMs = this.#house.now();
    const standings = this.#at(provider);
    const shortage = judge(standings, boundNanoUsd, doubts, nowMs);
    if (shortage !== undefined) {
      if (shortage.reason === 'spent') this.#tell('spent', shortage.standing, shortage.limitNanoUsd, nowMs);
      return shortage;
    }
    const nanoUsd = boundNanoUsd ?? 0n;
    if (this.#house.share !== undefined && nanoUsd > 0n) {
      const at = standings.findIndex((standing) => !takeNow(standing, nanoUsd));
      if (at >= 0) {
        putBack(standings.slice(0, at), nanoUsd);
        return this.#takeShared(standings, nanoUsd);
      }
    }
    this.#enter(standings, nanoUsd, nowMs);
    return undefined;
  }

  /**
   * Asks for what the leases do not have, the tightest budget first: the one that refuses is likely to be that, and what
   * is taken of the others meanwhile is missed by those who fit.
   */
  async #takeShared(standings: readonly BudgetStanding[], nanoUsd: bigint): Promise<Shortage | undefined> {
    const tightestFirst = [...standings].sort((a, b) => (roomOf(a) < roomOf(b) ? -1 : 1));
    for (const [at, standing] of tightestFirst.entries()) {
      if (takeNow(standing, nanoUsd)) continue;
      const answer = await standing.account.lease?.take(nanoUsd);
      if (answer !== 'refused' && answer !== 'cut') continue;
      putBack(tightestFirst.slice(0, at), nanoUsd);
      const nowMs = this.#house.now();
      const shortage = sharedShortage(standing, nanoUsd, answer === 'cut', nowMs);
      if (shortage.reason === 'spent') this.#tell('spent', standing, shortage.limitNanoUsd, nowMs);
      return shortage;
    }
    this.#enter(standings, nanoUsd, this.#house.now());
    return undefined;
  }

  #enter(standings: readonly BudgetStanding[], nanoUsd: bigint, nowMs: number): void {
    this.#standings = standings;
    this.#heldAtMs = nowMs;
    this.#held = standings.map((standing) => standing.account.hold(nanoUsd, nowMs, leasedOf(standing, nanoUsd)));
  }

  /**
   * Turns what is held into the true cost; the rest is free again. Once for each hold: a second call finds nothing.
   *
   * @param costNanoUsd Undefined when nobody can tell: then all that was held counts as spent.
   */
  charge(costNanoUsd: bigint | undefined): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    const nowMs = this.#house.now();
    for (const [index, share] of held.entries()) {
      const { account, nanoUsd } = share;
      account.roll(nowMs);
      account.settle(share, costNanoUsd ?? nanoUsd);
      const standing = this.#standings[index];
      if (standing === undefined) continue;
      this.#tellSoft(standing, nowMs);
      this.#carry(standing, costNanoUsd ?? nanoUsd, nowMs);
    }
  }

  /** What began after a budget was reset, and was held before this process knew, counts under the reset one. */
  #carry({ budget, account: { instance } }: BudgetStanding, nanoUsd: bigint, nowMs: number): void {
    const reset = this.#house.resetOf(budget);
    if (reset === undefined || nanoUsd === 0n || this.#heldAtMs < (reset.rule.countsFromMs ?? 0)) return;
    const account = reset.accounts.of(instance);
    this.#house.share?.({ budget: reset, account });
    account.carry(this.#heldAtMs, nanoUsd, nowMs);
  }

  /** Gives back what is held: nothing was sent, or what was sent cost nothing. */
  release(): void {
    this.charge(0n);
  }

  /** The names under which the ledger must sum the running attempt, so that a later start finds what was spent. */
  ledgerScopes(): string[] {
    return this.#standings.map(({ budget, account }) => ledgerScopeOf(budget, account.instance));
  }

  #at(provider: string): readonly BudgetStanding[] {
    if (this.#always.length === this.#budgets.length) return this.#always;
    const ofAttempt = this.#budgets.filter(({ isOfAttempt }) => isOfAttempt);
    if (ofAttempt.length === 0) return this.#always;
    return [...this.#always, ...standingsOf(ofAttempt, { ...this.#subject, provider }, this.#house)];
  }

  #tellSoft(standing: BudgetStanding, nowMs: number): void {
    const { softNanoUsd } = standing.budget.rule;
    if (softNanoUsd === undefined || standing.account.spentNanoUsd < softNanoUsd) return;
    this.#tell('soft-line', standing, softNanoUsd, nowMs);
  }

  /** Once in each window; in a rolling one, once in each of its length. */
  #tell(type: BudgetAlert['type'], { budget, account }: BudgetStanding, lineNanoUsd: bigint, nowMs: number): void {
    if (account.toldUntilMs[type] > nowMs) return;
    const { rule, accounts } = budget;
    const lengthMs = rule.period.type === 'rolling' ? rule.period.lengthMs : undefined;
    const { startMs, endMs } = accounts.clock.at(nowMs);
    const untilMs = lengthMs === undefined ? endMs : nowMs + lengthMs;
    account.toldUntilMs[type] = untilMs;
    this.#house.onAlert({
      type,
      id: `${type}:${budget.id}:${account.instance.trim()}:${lengthMs === undefined ? startMs : Math.floor(nowMs / lengthMs)}`,
      label: labelOf(rule, account.instance),
      scope: ledgerScopeOf(budget, account.instance),
      lineNanoUsd,
      spentNanoUsd: account.spentNanoUsd,
      untilMs,
    });
  }
}

function standingsOf(budgets: readonly CompiledBudget[], subject: RuleSubject, { share }: HoldHouse): BudgetStanding[] {
  const standings = budgets.flatMap((budget) =>
    instancesOf(budget, subject).map((instance) => ({ budget, account: budget.accounts.of(instance) })),
  );
  if (share !== undefined) for (const standing of standings) share(standing);
  return standings;
}

/** True when the lease has it, or nobody shares the account. */
function takeNow({ budget, account }: BudgetStanding, nanoUsd: bigint): boolean {
  const { limitNanoUsd } = budget.rule;
  return account.lease === undefined || limitNanoUsd === undefined || account.lease.tryTake(nanoUsd, limitNanoUsd);
}

/** What is left for all, as far as this process knows: what others have leased may be idle. */
function roomOf({ budget, account }: BudgetStanding): bigint {
  return (budget.rule.limitNanoUsd ?? 0n) - account.spentNanoUsd - account.heldNanoUsd;
}

function putBack(standings: readonly BudgetStanding[], nanoUsd: bigint): void {
  for (const standing of standings) standing.account.lease?.settle(leasedOf(standing, nanoUsd), 0n, 0);
}

/** A reload may give a budget a hard line, or take it away, while its account and lease stay. */
function leasedOf({ budget, account }: BudgetStanding, nanoUsd: bigint): bigint {
  return account.lease === undefined || budget.rule.limitNanoUsd === undefined ? 0n : nanoUsd;
}

function sharedShortage(
  { budget, account }: BudgetStanding,
  neededNanoUsd: bigint,
  isCut: boolean,
  nowMs: number,
): Shortage {
  const { limitNanoUsd = 0n } = budget.rule;
  const { spentNanoUsd, lease } = account;
  const heldNanoUsd = account.heldNanoUsd + (lease?.leasedByOthers ?? 0n);
  const told = {
    standing: { budget, account },
    label: labelOf(budget.rule, account.instance),
    limitNanoUsd,
    spentNanoUsd,
    heldNanoUsd,
    neededNanoUsd,
  };
  if (isCut) return { ...told, reason: 'unknown', fitsAtMs: nowMs };
  if (spentNanoUsd + neededNanoUsd <= limitNanoUsd) return { ...told, reason: 'held', fitsAtMs: nowMs };
  return { ...told, reason: 'spent', fitsAtMs: lease?.fitsAtMs || Number.POSITIVE_INFINITY };
}

/** The account that keeps an attempt out for longest. What costs nothing fits everywhere. */
function judge(
  standings: readonly BudgetStanding[],
  boundNanoUsd: bigint | undefined,
  doubts: Doubts,
  nowMs: number,
): Shortage | undefined {
  let worst: Shortage | undefined;
  for (const standing of standings) {
    standing.account.roll(nowMs);
    if (boundNanoUsd === 0n) continue;
    const shortage = shortageOf(standing, boundNanoUsd, doubts, nowMs);
    if (shortage !== undefined && (worst === undefined || shortage.fitsAtMs > worst.fitsAtMs)) worst = shortage;
  }
  return worst;
}

function shortageOf(
  { budget, account }: BudgetStanding,
  boundNanoUsd: bigint | undefined,
  { unbounded, isOutputOpen }: Doubts,
  nowMs: number,
): Shortage | undefined {
  const { limitNanoUsd, unpriced, unboundedOutput } = budget.rule;
  if (limitNanoUsd === undefined) return undefined;
  const { spentNanoUsd, heldNanoUsd } = account;
  const neededNanoUsd = boundNanoUsd ?? 0n;
  const over = spentNanoUsd + heldNanoUsd + neededNanoUsd - limitNanoUsd;
  const isRefused =
    (unbounded !== undefined && budget.rule.unbounded !== 'estimate') ||
    (isOutputOpen === true && unboundedOutput === 'refuse');
  if (boundNanoUsd === undefined ? unpriced === 'allow' : over <= 0n && !isRefused) return undefined;
  const told = {
    standing: { budget, account },
    label: labelOf(budget.rule, account.instance),
    limitNanoUsd,
    spentNanoUsd,
    heldNanoUsd,
    neededNanoUsd,
  };
  if (boundNanoUsd === undefined) return { ...told, reason: 'unpriced', fitsAtMs: Number.POSITIVE_INFINITY };
  if (isRefused) return { ...told, reason: 'unbounded', fitsAtMs: Number.POSITIVE_INFINITY };
  if (neededNanoUsd > limitNanoUsd) return { ...told, reason: 'never', fitsAtMs: Number.POSITIVE_INFINITY };
  // What all processes together have left is asked for when it is taken.
  if (account.lease !== undefined) return undefined;
  if (over <= heldNanoUsd) return { ...told, reason: 'held', fitsAtMs: nowMs };
  return { ...told, reason: 'spent', fitsAtMs: account.shedsAtMs(over - heldNanoUsd) };
}
