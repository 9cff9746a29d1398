import type { QuotaCall, QuotaCharge, QuotaReply } from './authority.ts';

/** What a lease needs from its node. */
export interface LeaseHouse {
  readonly node: string;
  readonly leaseMs: number;
  readonly now: () => number;
  readonly nextSeq: () => number;
  /** Is the authority known to be out of reach? */
  readonly isCut: () => boolean;
  /** Calls for the lease with all others of this turn. */
  readonly soon: (lease: QuotaLease) => void;
  /** Calls for it within 50 ms. */
  readonly later: (lease: QuotaLease) => void;
}

/** `refused`: there is no room. `cut`: the authority cannot be asked. */
export type Taken = 'taken' | 'refused' | 'cut';

interface Waiter {
  readonly amount: bigint;
  readonly resolve: (taken: Taken) => void;
  /** Set when it was refused for the first time, for what others have leased. */
  giveUpAtMs: number | undefined;
}

/** After a recall, or a refusal, nothing is kept idle for so long. */
const EXACT_MS = 2_000;
/** Others are waited for so long to give back what they have idle. */
const RECALL_WAIT_MS = 150;
/** As above when they were told a moment ago, and keep nothing idle. */
const RECALLED_WAIT_MS = 40;
const RETRY_MS = 8;
/** A lease smaller than so many takes is none: each is asked for. */
const TAKES_MIN = 4n;
/** Part of a lease's life in which it is used without having been confirmed. */
const LIFE_USED = 0.8;
/** Not taken from for so long, a lease is given back. */
const IDLE_MS = 5_000;

/** What this node may use of one account without asking, what is held out of it, and what waits to be reported. */
export class QuotaLease {
  readonly id: string;
  readonly seed: () => Promise<readonly QuotaCharge[]>;
  readonly #house: LeaseHouse;
  #capacity = 0n;
  #lease = 0n;
  #held = 0n;
  #charges = new Map<number, bigint>();
  /** Not yet taken out of the lease by the authority, those under way included. */
  #charged = 0n;
  #sent: QuotaCall | undefined;
  #latest: QuotaReply | undefined;
  #waiters: Waiter[] = [];
  #lastAmount = 0n;
  #takenAtMs = 0;
  #confirmedAtMs = 0;
  #sentAtMs = 0;
  #exactUntilMs = 0;
  #failedAtMs = 0;
  #firstFailedAtMs = 0;
  #isStale = false;
  needsSeed = false;
  isCalling = false;

  constructor(id: string, seed: () => Promise<readonly QuotaCharge[]>, house: LeaseHouse) {
    this.id = id;
    this.seed = seed;
    this.#house = house;
  }

  /** By all nodes, as far as this one knows. */
  get used(): bigint {
    return (this.#latest?.used ?? 0n) + this.#charged;
  }

  get leasedByOthers(): bigint {
    return this.#latest?.leasedByOthers ?? 0n;
  }

  /** Unix ms at which what was refused last fits; 0 for never. */
  get fitsAtMs(): number {
    return this.#latest?.fitsAtMs ?? 0;
  }

  get isWaitedFor(): boolean {
    return this.#waiters.length > 0;
  }

  /** Nothing leased, held or to be reported. */
  get isEmpty(): boolean {
    return this.#lease === 0n && this.#held === 0n && this.#charged === 0n && !this.isWaitedFor && !this.isCalling;
  }

  /** Holds an amount out of the lease, when it is there. At once. */
  tryTake(amount: bigint, capacity: bigint): boolean {
    this.#capacity = capacity;
    this.#lastAmount = amount;
    const nowMs = this.#house.now();
    this.#takenAtMs = nowMs;
    if (this.#idle < amount || this.#isVoid(nowMs)) return false;
    this.#held += amount;
    const target = this.#target(nowMs);
    if (target > 0n && this.#idle * 2n < target) this.#house.later(this);
    return true;
  }

  /** Asks for an amount that the lease does not have. Never rejects. */
  take(amount: bigint): Promise<Taken> {
    if (this.#house.isCut()) return Promise.resolve('cut');
    return new Promise((resolve) => {
      this.#waiters.push({ amount, resolve, giveUpAtMs: undefined });
      this.#house.soon(this);
    });
  }

  /** Turns what was held into what was used. Once for each hold. @param untilMs From when it no longer counts; 0: never. */
  settle(held: bigint, actual: bigint, untilMs: number): void {
    this.#held -= held;
    if (actual !== 0n) {
      this.#charges.set(untilMs, (this.#charges.get(untilMs) ?? 0n) + actual);
      this.#charged += actual;
    }
    if (this.isWaitedFor || this.#target(this.#house.now()) === 0n) this.#house.soon(this);
    else if (actual !== 0n) this.#house.later(this);
  }

  /** Another node needs what is idle here. */
  recall(): void {
    this.#exactUntilMs = this.#house.now() + EXACT_MS;
    if (this.#idle > 0n && !this.isWaitedFor) this.#house.soon(this);
  }

  /** Something was charged past this lease: asks what is used now. */
  refresh(): void {
    this.#isStale = true;
    this.#house.soon(this);
  }

  /** Is it time to say that this node lives, or to give back? */
  isDue(nowMs: number): boolean {
    return this.#sent !== undefined || nowMs - this.#confirmedAtMs > this.#house.leaseMs / 4 || this.#isIdle(nowMs);
  }

  /** The call to be made now: a lost one as it was, or a new one. Undefined: there is nothing to say. */
  next(seed: readonly QuotaCharge[] | undefined): QuotaCall | undefined {
    const nowMs = this.#house.now();
    this.#sentAtMs = nowMs;
    if (this.#sent !== undefined) return this.#sent;
    this.#serve();
    const { needs, giveBack, want } = this.#wish(nowMs);
    const isNews = this.#isStale || needs > 0n || want > 0n || giveBack > 0n || this.#charges.size > 0;
    if (!isNews && nowMs - this.#confirmedAtMs < this.#house.leaseMs / 4) return undefined;
    this.#isStale = false;
    const charges = [...this.#charges].map(([untilMs, amount]) => ({ amount, untilMs }));
    this.#charges = new Map();
    this.#sent = {
      account: this.id,
      node: this.#house.node,
      seq: this.#house.nextSeq(),
      nowMs,
      capacity: this.#capacity,
      charges,
      giveBack,
      need: needs,
      want,
      recall: needs > 0n,
      seed,
      leaseMs: this.#house.leaseMs,
    };
    return this.#sent;
  }

  /** @returns in how many milliseconds to call again for those who wait; undefined: not needed. */
  answered(reply: QuotaReply): number | undefined {
    const sent = this.#sent;
    this.#sent = undefined;
    if (sent === undefined) return undefined;
    this.#confirmedAtMs = this.#sentAtMs;
    this.#lease = reply.lease;
    if (reply.isUnknown) {
      for (const { amount, untilMs } of sent.charges) {
        this.#charges.set(untilMs, (this.#charges.get(untilMs) ?? 0n) + amount);
      }
      this.needsSeed = true;
      return 0;
    }
    this.needsSeed = false;
    this.#latest = reply;
    for (const { amount } of sent.charges) this.#charged -= amount;
    this.#serve();
    const again = this.#refuse(sent);
    if (this.isWaitedFor) return again;
    if (this.#wish(this.#house.now()).giveBack > 0n) this.#house.soon(this);
    else if (this.#charges.size > 0) this.#house.later(this);
    return undefined;
  }

  /** Nobody can be asked: those who wait are told so. What was sent is sent again later. */
  cut(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve('cut');
  }

  get #idle(): bigint {
    return this.#lease - this.#held - this.#charged - (this.#sent?.giveBack ?? 0n);
  }

  /** So much is kept at hand; 0 when each take is asked for. */
  #target(nowMs: number): bigint {
    if (nowMs < this.#exactUntilMs || this.#latest === undefined) return 0n;
    const remaining = this.#capacity - this.#latest.used - this.#charged;
    const target = remaining / BigInt(4 * (this.#latest.otherNodes + 1));
    return target < this.#lastAmount * TAKES_MIN ? 0n : target;
  }

  /** Not confirmed for so long that the authority may have given it to others. */
  #isVoid(nowMs: number): boolean {
    return nowMs - this.#confirmedAtMs > this.#house.leaseMs * LIFE_USED;
  }

  #isIdle(nowMs: number): boolean {
    return nowMs - this.#takenAtMs > IDLE_MS;
  }

  #wish(nowMs: number): { needs: bigint; giveBack: bigint; want: bigint } {
    const target = this.#isIdle(nowMs) ? 0n : this.#target(nowMs);
    const idle = this.#idle;
    const missing = idle < 0n ? -idle : 0n;
    if (this.#waiters.length === 0) {
      if (target === 0n) return { needs: 0n, giveBack: idle > 0n ? idle : 0n, want: missing };
      return { needs: 0n, giveBack: 0n, want: idle * 2n < target ? target - idle : 0n };
    }
    const amounts = this.#waiters.map(({ amount }) => amount);
    // When the least does not fit, none does: one answer refuses them all.
    const least = amounts.reduce((one, other) => (other < one ? other : one));
    const all = amounts.reduce((one, other) => one + other, 0n);
    // Two nodes that each kept a part of what is left would both be refused: at the line it all goes back first.
    if (target === 0n) return { needs: least + missing, giveBack: idle > 0n ? idle : 0n, want: all + missing };
    return { needs: least - idle, giveBack: 0n, want: all + target - idle };
  }

  #serve(): void {
    if (this.#waiters.length === 0 || this.#isVoid(this.#house.now())) return;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (this.#idle < waiter.amount) left.push(waiter);
      else {
        this.#held += waiter.amount;
        waiter.resolve('taken');
      }
    }
    this.#waiters = left;
  }

  /** Refuses those who asked and for whom there is no room; the rest is asked for again. */
  #refuse({ need }: QuotaCall): number | undefined {
    const reply = this.#latest;
    if (this.#waiters.length === 0 || reply === undefined) return undefined;
    if (reply.granted > 0n || need === 0n) return 0;
    const nowMs = this.#house.now();
    if (nowMs - this.#failedAtMs > EXACT_MS) this.#firstFailedAtMs = nowMs;
    this.#failedAtMs = nowMs;
    this.#exactUntilMs = nowMs + EXACT_MS;
    const waitMs = nowMs - this.#firstFailedAtMs > RECALL_WAIT_MS ? RECALLED_WAIT_MS : RECALL_WAIT_MS;
    const room = this.#capacity - reply.used - this.#held - this.#charged;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      waiter.giveUpAtMs ??= nowMs + waitMs;
      if (waiter.amount > room || nowMs >= waiter.giveUpAtMs) waiter.resolve('refused');
      else left.push(waiter);
    }
    this.#waiters = left;
    return left.length === 0 ? undefined : RETRY_MS;
  }
}
