import { AuthorityUnreachable, type QuotaAuthority, type QuotaCall, type QuotaCharge } from './authority.ts';
import { type LeaseHouse, type LeaseUser, QuotaLease } from './quota-lease.ts';
import { realTimers, type Timers } from './timers.ts';

export interface QuotaNodeOptions {
  readonly authority: QuotaAuthority;
  /** Unique for each start of a process. */
  readonly node?: string;
  /** Unix milliseconds. */
  readonly clock?: () => number;
  /** The authority frees what a node that is not heard of has leased, after so long. */
  readonly leaseMs?: number;
  /** Nobody waits longer for one reply; then nobody waits at all, until there was one. Default 50: across a network, a lost one is as good as none. */
  readonly replyMs?: number;
  /** Told of errors other than an authority out of reach: a seed that could not be read. */
  readonly onError?: (error: unknown) => void;
  readonly timers?: Timers;
}

/** Long enough to go on through the restart of an authority; a crash locks what was idle for as long. */
const LEASE_MS = 45_000;
const REPLY_MS = 50;
/** The end of that wait: a process that was busy finds a reply that came meanwhile. */
const REPLY_LAST_MS = 5;
/** An authority out of reach is tried again so often, with so many accounts. */
const PROBE_MS = 1_000;
const PROBED_MAX = 64;
const REPORT_MS = 40;
/** So many accounts are kept although nothing is leased, for what would have to be told an authority that forgot it. */
const KEPT_MAX = 2_000;
const BEAT_MS = 1_000;
/** A stopping process tries so often to give back what it has. */
const CLOSE_ROUNDS = 5;
const CLOSE_PAUSE_MS = 5;
const ID_BYTES_MAX = 512;
const ENTER_AGAIN_MS = 700;
/** Answers that the authority does not know an account, until no seed from before can be on its way any more. */
const UNKNOWN_TRIES = 3;
/** What any node settled is in the ledger's tables after so long, and the nodes' clocks agree as well. */
const COVERED_AFTER_MS = 2_000;

/** This process's side of an authority: its leases, and the calls that keep them. */
export class QuotaNode {
  readonly #authority: QuotaAuthority;
  readonly #house: LeaseHouse;
  readonly #onError: (error: unknown) => void;
  readonly #replyMs: number;
  /** Those with something leased, held or to be said. */
  readonly #active = new Map<string, QuotaLease>();
  #soon = new Set<QuotaLease>();
  #later = new Set<QuotaLease>();
  readonly #timers: Timers;
  #stopReport: (() => void) | undefined;
  #stopProbe: (() => void) | undefined;
  readonly #stopBeat: () => void;
  #seq = 0;
  #isDown = false;
  #isClosed = false;

  constructor({ authority, node = crypto.randomUUID(), clock = Date.now, ...rest }: QuotaNodeOptions) {
    const { leaseMs = LEASE_MS, replyMs = REPLY_MS, onError = () => undefined, timers = realTimers } = rest;
    this.#replyMs = replyMs;
    this.#authority = authority;
    this.#timers = timers;
    this.#onError = onError;
    let latestMs = 0;
    const now = () => {
      latestMs = Math.max(latestMs, clock());
      return latestMs;
    };
    this.#house = {
      node,
      leaseMs,
      now,
      nextSeq: () => ++this.#seq,
      isCut: () => this.#isClosed || this.#isDown,
      soon: (lease) => this.#callSoon(lease),
      later: (lease) => this.#callLater(lease),
    };
    authority.onRecall((id) => this.#active.get(id)?.recall());
    authority.onLost?.(() => this.#stateAnew());
    authority.onReturn?.(() => {
      if (!this.#isDown || this.#isClosed) return;
      this.#stopProbe?.();
      this.#probe();
    });
    this.#stopBeat = timers.every(Math.min(BEAT_MS, leaseMs / 8), () => this.#keep());
  }

  /** Unix ms; never goes back. */
  now(): number {
    return this.#house.now();
  }

  /** The lease of an account; one and the same for its user's life. @param seed What was used before anybody asked. */
  lease(account: string, seed: LeaseUser['seed'], user: Omit<LeaseUser, 'seed'> = {}): QuotaLease {
    const id = idOf(account);
    return this.#active.get(id) ?? new QuotaLease(id, { seed, ...user }, this.#house);
  }

  /**
   * Charges an account with a ledger entry made by hand. Every node that hears of the entry does: to the authority each
   * entry is a node of its own with one thing to say, so it counts once. An account that the authority does not know is
   * seeded from the ledger by who uses it first; such a seed may be on its way, so it is said again a little later.
   * Resolves when it is said. Never rejects.
   */
  async enter(account: string, entryId: string, capacity: bigint, charge: QuotaCharge): Promise<void> {
    const { leaseMs } = this.#house;
    const nothing = { giveBack: 0n, need: 0n, want: 0n, recall: false, seed: undefined };
    const base = { account: idOf(account), node: `entry:${entryId}`, seq: 1, capacity, charges: [charge], leaseMs };
    for (let unknown = 0; unknown < UNKNOWN_TRIES && !this.#isClosed; ) {
      try {
        const [reply] = await this.#authority.call([{ ...base, ...nothing, nowMs: this.#house.now() }]);
        if (reply?.isUnknown !== true) break;
        unknown++;
      } catch (error) {
        if (!(error instanceof AuthorityUnreachable)) return this.#onError(error);
      }
      await Bun.sleep(ENTER_AGAIN_MS);
    }
    // What is idle here may be more than what is left now.
    this.#active.get(base.account)?.recall();
  }

  /** Reports what is left to report. The authority is closed by whoever made it. */
  async close(): Promise<void> {
    this.#stopBeat();
    this.#stopReport?.();
    this.#stopProbe?.();
    this.#isClosed = true;
    for (const lease of this.#active.values()) {
      lease.cut();
      lease.recall();
    }
    for (let round = 0; round < CLOSE_ROUNDS; round++) {
      const left = [...this.#active.values()].filter(({ isEmpty }) => !isEmpty);
      if (left.length === 0) return;
      await this.#call(left);
      await Bun.sleep(CLOSE_PAUSE_MS);
    }
  }

  #callSoon(lease: QuotaLease): void {
    this.#active.set(lease.id, lease);
    this.#soon.add(lease);
    if (this.#soon.size > 1 || this.#isClosed) return;
    queueMicrotask(() => {
      const leases = this.#soon;
      this.#soon = new Set();
      void this.#call([...leases]);
    });
  }

  #callLater(lease: QuotaLease): void {
    this.#active.set(lease.id, lease);
    this.#later.add(lease);
    this.#report();
  }

  #report(): void {
    if (this.#isClosed || this.#isDown) return;
    this.#stopReport ??= this.#timers.after(REPORT_MS, () => {
      this.#stopReport = undefined;
      const leases = this.#later;
      this.#later = new Set();
      void this.#call([...leases]);
    });
  }

  /** The authority is there, and knows nothing any more: who waits is told so, and what is held is leased again. */
  #stateAnew(): void {
    if (this.#isClosed) return;
    this.#isDown = false;
    for (const lease of this.#active.values()) {
      lease.cut();
      lease.stateAnew();
    }
  }

  #keep(): void {
    const nowMs = this.#house.now();
    if (this.#isDown) return;
    const due: QuotaLease[] = [];
    for (const [id, lease] of this.#active) {
      if (lease.isEmpty && (!lease.isRemembered || this.#active.size > KEPT_MAX)) this.#active.delete(id);
      else if (lease.isDue(nowMs)) due.push(lease);
    }
    if (due.length > 0) void this.#call(due);
  }

  /** One round trip for all of them that have something to say and none under way. Never rejects. */
  async #call(wanted: readonly QuotaLease[], isProbe = this.#isClosed): Promise<void> {
    const leases: QuotaLease[] = [];
    const calls: QuotaCall[] = [];
    for (const lease of wanted) {
      if (lease.isCalling || (this.#isDown && !isProbe)) {
        this.#callLater(lease);
        continue;
      }
      if (lease.needsSeed) {
        lease.isCalling = true;
        void this.#callSeeded(lease);
        continue;
      }
      const call = lease.next(undefined);
      if (call === undefined) continue;
      lease.isCalling = true;
      leases.push(lease);
      calls.push(call);
    }
    if (calls.length > 0) await this.#exchange(leases, calls);
  }

  async #callSeeded(lease: QuotaLease): Promise<void> {
    try {
      const coversMs = this.#house.now() - COVERED_AFTER_MS;
      const seed = await lease.user.seed();
      const call = lease.next(seed, coversMs);
      if (call !== undefined) return await this.#exchange([lease], [call]);
    } catch (error) {
      this.#onError(error);
      lease.cut();
    }
    lease.isCalling = false;
  }

  async #exchange(leases: readonly QuotaLease[], calls: readonly QuotaCall[]): Promise<void> {
    const cut = () => this.#cut(leases);
    let stop = this.#timers.after(this.#replyMs - REPLY_LAST_MS, () => {
      stop = this.#timers.after(REPLY_LAST_MS, cut);
    });
    try {
      const replies = await this.#authority.call(calls);
      for (const [index, lease] of leases.entries()) {
        lease.isCalling = false;
        const reply = replies[index];
        const againMs = reply && lease.answered(reply);
        if (againMs === 0) this.#callSoon(lease);
        else if (againMs !== undefined) this.#timers.after(againMs, () => this.#callSoon(lease));
      }
      this.#isDown = false;
      if (this.#later.size > 0) this.#report();
    } catch (error) {
      if (!(error instanceof AuthorityUnreachable)) this.#onError(error);
      for (const lease of leases) {
        lease.isCalling = false;
        this.#callLater(lease);
      }
      this.#cut(leases);
    } finally {
      stop();
    }
  }

  #cut(leases: readonly QuotaLease[]): void {
    this.#isDown = true;
    for (const lease of leases) lease.cut();
    for (const lease of this.#active.values()) lease.cut();
    this.#stopReport?.();
    this.#stopReport = undefined;
    if (!this.#isClosed) this.#stopProbe ??= this.#timers.after(PROBE_MS, () => this.#probe());
  }

  /** Says what is to be said of some accounts: a reply ends the cut. */
  #probe(): void {
    this.#stopProbe = undefined;
    if (!this.#isDown) return;
    const leases: QuotaLease[] = [];
    for (const lease of this.#active.values()) {
      if (!lease.isCalling) leases.push(lease);
      if (leases.length === PROBED_MAX) break;
    }
    void this.#call(leases, true);
    this.#stopProbe ??= this.#timers.after(PROBE_MS, () => this.#probe());
  }
}

function idOf(account: string): string {
  return Buffer.byteLength(account) <= ID_BYTES_MAX ? account : hashed(account);
}

function hashed(account: string): string {
  return `h:${new Bun.CryptoHasher('sha256').update(account).digest('hex')}`;
}
