import type { QuotaCall, QuotaCharge, QuotaReply } from './authority.ts';
import { LeaseCharges } from './lease-charges.ts';

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

/** Whose account it is. */
export interface LeaseUser {
  /** What was used before anybody asked, for an authority that does not know the account. */
  readonly seed: () => Promise<readonly QuotaCharge[]>;
  /**
   * The seed has what all nodes settled, but for the last moments: what it may be short of is reported by who settled it,
   * and what it has is not entered again.
   */
  readonly isLedgerSeed?: boolean;
  /** With such a seed: what this node settled before, in Unix ms, is in the ledger's tables. Absent: all but the last moments. */
  readonly writtenUntilMs?: () => number;
  /** What this node used, as far as it still counts: told again to an authority that lost its memory. */
  readonly standing?: () => readonly QuotaCharge[];
  /** The sum of what this node used, as far as it still counts. */
  readonly ownUsed?: () => bigint;
  /** What is held is used or free again within moments: others wait for it rather than being refused. */
  readonly isHeldBriefly?: boolean;
  /** Not taken from for so long, a lease is given back. */
  readonly idleMs?: number;
  /** Others are waited for so long to give back what they have idle: the first time, and when that was a moment ago. */
  readonly patienceMs?: readonly [first: number, again: number];
}

/** `refused`: there is no room. `cut`: the authority cannot be asked. */
export type Taken = 'taken' | 'refused' | 'cut';

export interface Asked {
  readonly taken: Taken;
  /** When refused: Unix ms at which the amount fits, if nothing is added; 0 for never. */
  readonly fitsAtMs: number;
}

interface Waiter {
  readonly amount: bigint;
  readonly resolve: (asked: Asked) => void;
  /** Set when it was refused for the first time, for what others have leased. */
  giveUpAtMs: number | undefined;
  /** When it was refused for the first time. */
  refusedAtMs: number | undefined;
  /** When it fits, as it was told last. */
  fitsAtMs: number | undefined;
}

/** After a recall, or a refusal, nothing is kept idle for so long. */
const EXACT_MS = 2_000;
/** See {@link LeaseUser.patienceMs}: who was told a moment ago keeps nothing idle. */
const PATIENCE_MS = [150, 40] as const;
const RETRY_MS = 8;
/** Who is refused waits so long to be told when it fits, with nothing leased elsewhere. */
const TELL_MS = 16;
const ASIDES_MAX = 64;
/** A lease smaller than so many takes is none: each is asked for. */
const TAKES_MIN = 4n;
/** Part of a lease's life in which it is used without having been confirmed. */
const LIFE_USED = 0.8;
/** Not taken from for so long, a lease is given back. */
const IDLE_MS = 5_000;

/** What this node may use of one account without asking, what is held out of it, and what waits to be reported. */
export class QuotaLease {
  readonly id: string;
  readonly user: LeaseUser;
  readonly #house: LeaseHouse;
  #capacity = 0n;
  #lease = 0n;
  #held = 0n;
  readonly #charges = new LeaseCharges();
  /** What those who waited needed when the call was sent, the least first. */
  #sentAmounts: readonly bigint[] = [];
  #sent: QuotaCall | undefined;
  #latest: QuotaReply | undefined;
  #usedByOthers = 0n;
  #waiters: Waiter[] = [];
  /** Those who wait to hear what is used. */
  #curious: (() => void)[] = [];
  /** Which memory the authority answered from. */
  #epoch: string | undefined;
  #lastAmount = 0n;
  #takenAtMs = 0;
  #confirmedAtMs = 0;
  #sentAtMs = 0;
  #exactUntilMs = 0;
  #failedAtMs = 0;
  #firstFailedAtMs = 0;
  #isStale = false;
  #mustState = false;
  needsSeed = false;
  isCalling = false;

  constructor(id: string, user: LeaseUser, house: LeaseHouse) {
    this.id = id;
    this.user = user;
    this.#house = house;
  }

  /** By all nodes, as far as this one knows. */
  get used(): bigint {
    return (this.#latest?.used ?? 0n) + this.#charges.total;
  }

  get leasedByOthers(): bigint {
    return this.#latest?.leasedByOthers ?? 0n;
  }

  /** Unix ms at which what was refused last fits; 0 for never. */
  get fitsAtMs(): number {
    return this.#latest?.fitsAtMs ?? 0;
  }

  /** What other nodes had used when the authority last told. */
  get usedByOthers(): bigint {
    return this.#usedByOthers;
  }

  /** Unix ms of the last answer; 0 for none. */
  get toldAtMs(): number {
    return this.#latest === undefined ? 0 : this.#confirmedAtMs;
  }

  get isWaitedFor(): boolean {
    return this.#waiters.length > 0;
  }

  /** Nothing leased, held or to be reported. */
  get isEmpty(): boolean {
    const isQuiet = !this.#charges.isWaiting && this.#sent === undefined && !this.isWaitedFor && !this.isCalling;
    return isQuiet && this.#lease === 0n && this.#held === 0n;
  }

  /** What this node used still counts, and nobody else remembers it. */
  get isRemembered(): boolean {
    const { ownUsed } = this.user;
    return (ownUsed !== undefined && ownUsed() > 0n) || this.#charges.isRecent(this.#house.now());
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
  async take(amount: bigint): Promise<Taken> {
    return (await this.ask(amount)).taken;
  }

  /** As {@link take}; who is refused is told when it fits. */
  ask(amount: bigint): Promise<Asked> {
    if (this.#house.isCut()) return Promise.resolve(CUT);
    return new Promise((resolve) => {
      this.#waiters.push({ amount, resolve, giveUpAtMs: undefined, refusedAtMs: undefined, fitsAtMs: undefined });
      this.#house.soon(this);
    });
  }

  /** Holds an amount although the lease does not have it: nobody can be asked, and it is used all the same. */
  force(amount: bigint): void {
    this.#held += amount;
    this.#house.later(this);
  }

  /** Turns what was held into what was used. Once for each hold. @param untilMs From when it no longer counts; 0: never. */
  settle(held: bigint, actual: bigint, untilMs: number): void {
    this.#held -= held;
    if (actual !== 0n) {
      const settledMs = this.user.isLedgerSeed === true ? this.#house.now() : undefined;
      this.#charges.add({ amount: actual, untilMs, settledMs });
    }
    if (this.isWaitedFor || this.#isAtLine(this.#house.now())) this.#house.soon(this);
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

  /** Resolves when the authority told what all nodes used; at once when it cannot be asked, and perhaps never. */
  renewed(): Promise<void> {
    if (this.#house.isCut()) return Promise.resolve();
    this.refresh();
    return new Promise((resolve) => {
      this.#curious.push(resolve);
    });
  }

  /** The authority knows of no lease any more. */
  stateAnew(): void {
    this.#mustState = true;
    this.#house.soon(this);
  }

  /** Is it time to say that this node lives, or to give back? */
  isDue(nowMs: number): boolean {
    return this.#sent !== undefined || nowMs - this.#confirmedAtMs > this.#house.leaseMs / 4 || this.#isIdle(nowMs);
  }

  /** The call to be made now: a lost one as it was, or a new one. Undefined: there is nothing to say. */
  next(seed: readonly QuotaCharge[] | undefined, seedCoversMs = 0): QuotaCall | undefined {
    const nowMs = this.#house.now();
    this.#sentAtMs = nowMs;
    if (this.#sent !== undefined) return this.#sent;
    this.#serve();
    const states = this.#mustState ? this.#statement(nowMs) : undefined;
    const { needs, giveBack, want } = states === undefined ? this.#wish(nowMs) : { needs: 0n, giveBack: 0n, want: 0n };
    this.#sentAmounts = needs === 0n ? [] : this.#amounts();
    const least = this.#sentAmounts[0] ?? 0n;
    const isAsked = needs > 0n || want > 0n || giveBack > 0n;
    const isNews = isAsked || this.#charges.isWaiting || this.#isStale || this.#mustState;
    if (!isNews && nowMs - this.#confirmedAtMs < this.#house.leaseMs / 4) return undefined;
    this.#isStale = this.#mustState = false;
    this.#sent = {
      account: this.id,
      node: this.#house.node,
      seq: this.#house.nextSeq(),
      nowMs,
      capacity: this.#capacity,
      charges: this.#charges.send(this.user.writtenUntilMs?.()),
      giveBack,
      states,
      need: needs,
      want,
      ...(this.#sentAmounts.length > 1 && { asides: this.#sentAmounts.slice(1).map((one) => one + needs - least) }),
      recall: needs > 0n,
      seed,
      seedCoversMs: this.user.isLedgerSeed === true ? seedCoversMs : 0,
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
    const isForgetful = this.#epoch !== undefined && this.#epoch !== reply.epoch;
    this.#epoch = reply.epoch;
    if (reply.isUnknown || isForgetful) this.#charges.tellAgain();
    if (reply.isUnknown) {
      this.#charges.returned();
      this.#stateAgain([]);
      this.needsSeed = true;
      return 0;
    }
    if (isForgetful) this.#lease = positive(this.#lease - this.#charges.sentBurden - sent.giveBack);
    else this.#lease = reply.lease;
    this.#charges.accepted(sent.nowMs, this.user.writtenUntilMs?.());
    if (isForgetful) this.#stateAgain(sent.charges);
    this.needsSeed = false;
    this.#latest = reply;
    for (const tell of this.#curious.splice(0)) tell();
    const { ownUsed } = this.user;
    if (ownUsed !== undefined) this.#usedByOthers = positive(reply.used + this.#charges.total - ownUsed());
    this.#serve();
    if (reply.isSettling === true) this.cut();
    const again = this.#refuse(sent);
    const nowMs = this.#house.now();
    const isUrgent = this.#charges.isWaiting && this.#isAtLine(nowMs);
    if (this.#mustState) return 0;
    if (this.isWaitedFor) return isUrgent ? 0 : again;
    if (isUrgent || this.#wish(nowMs).giveBack > 0n) this.#house.soon(this);
    else if (this.#charges.isWaiting) this.#house.later(this);
    return undefined;
  }

  /** Nobody can be asked: those who wait are told so. What was sent is sent again later. */
  cut(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { resolve } of waiters) resolve(CUT);
  }

  /** What was used and leased is still so, although the authority forgot it. @param known What it was told since. */
  #stateAgain(known: readonly QuotaCharge[]): void {
    const { standing } = this.user;
    if (standing !== undefined) {
      const charges = [...standing(), ...known.map(({ amount, untilMs }) => ({ amount: -amount, untilMs }))];
      this.#lease = positive(this.#lease - this.#charges.burden);
      this.#charges.replace(charges);
    }
    this.#mustState ||= this.#lease > 0n || this.#held > 0n;
  }

  get #idle(): bigint {
    return this.#lease - this.#held - this.#charges.burden - this.#charges.sentBurden - (this.#sent?.giveBack ?? 0n);
  }

  /** So much is kept at hand; 0 when each take is asked for. */
  #target(nowMs: number): bigint {
    if (nowMs < this.#exactUntilMs || this.#latest === undefined) return 0n;
    const remaining = this.#capacity - this.#latest.used - this.#charges.total;
    const target = remaining / BigInt(4 * (this.#latest.otherNodes + 1));
    return target < this.#lastAmount * TAKES_MIN ? 0n : target;
  }

  /** There others wait for what is known to be used, and for what is idle. Where nothing is taken, there is no line. */
  #isAtLine(nowMs: number): boolean {
    return this.#takenAtMs > 0 && this.#target(nowMs) === 0n;
  }

  /** Not confirmed for so long that the authority may have given it to others. */
  #isVoid(nowMs: number): boolean {
    return nowMs - this.#confirmedAtMs > this.#house.leaseMs * LIFE_USED;
  }

  #isIdle(nowMs: number): boolean {
    return nowMs - this.#takenAtMs > (this.user.idleMs ?? IDLE_MS);
  }

  /** What was leased, less what was used of it; in any case what is held. */
  #statement(nowMs: number): bigint {
    const left = this.#isVoid(nowMs) ? 0n : this.#lease - this.#charges.burden;
    return left > this.#held ? left : this.#held;
  }

  #wish(nowMs: number): { needs: bigint; giveBack: bigint; want: bigint } {
    const target = this.#isIdle(nowMs) ? 0n : this.#target(nowMs);
    // What was used beyond the lease is told, and needs none any more; what is held beyond it does.
    const idle = positive(this.#lease - this.#charges.burden) - this.#held;
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

  /** What those who wait need, the least first, each once. */
  #amounts(): bigint[] {
    const amounts = [...new Set(this.#waiters.map(({ amount }) => amount))];
    if (amounts.length > 1) amounts.sort((one, other) => (one < other ? -1 : 1));
    return amounts.slice(0, ASIDES_MAX + 1);
  }

  #serve(): void {
    if (this.#waiters.length === 0 || this.#isVoid(this.#house.now())) return;
    const left: Waiter[] = [];
    for (const waiter of this.#waiters) {
      if (this.#idle < waiter.amount) left.push(waiter);
      else {
        this.#held += waiter.amount;
        waiter.resolve(TAKEN);
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
    const [firstMs, againMs] = this.user.patienceMs ?? PATIENCE_MS;
    const waitMs = nowMs - this.#firstFailedAtMs > firstMs ? againMs : firstMs;
    const isHeldBriefly = this.user.isHeldBriefly === true;
    const room = this.#capacity - reply.used - (isHeldBriefly ? 0n : this.#held) - this.#charges.total;
    const told = [reply.fitsAtMs, ...(reply.asidesFitAtMs ?? [])];
    const left: Waiter[] = [];
    let isNew = false;
    for (const waiter of this.#waiters) {
      waiter.giveUpAtMs ??= nowMs + waitMs;
      waiter.refusedAtMs ??= nowMs;
      const at = this.#sentAmounts.indexOf(waiter.amount);
      waiter.fitsAtMs = told[at] ?? waiter.fitsAtMs;
      // Refused in any case; when it fits is known exactly from an answer about it, with nothing leased elsewhere.
      const isTold = waiter.fitsAtMs !== undefined && reply.leasedByOthers === 0n;
      if (waiter.amount > room ? isTold || nowMs - waiter.refusedAtMs >= TELL_MS : nowMs >= waiter.giveUpAtMs) {
        waiter.resolve({ taken: 'refused', fitsAtMs: waiter.fitsAtMs ?? reply.fitsAtMs });
      } else {
        left.push(waiter);
        isNew ||= waiter.fitsAtMs === undefined;
      }
    }
    this.#waiters = left;
    if (left.length === 0) return undefined;
    return isNew ? 0 : RETRY_MS;
  }
}

const TAKEN: Asked = { taken: 'taken', fitsAtMs: 0 };
const CUT: Asked = { taken: 'cut', fitsAtMs: 0 };

function positive(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
