import type { QuotaCall, QuotaCharge, QuotaReply } from './authority.ts';

interface Lease {
  amount: bigint;
  seq: number;
  /** Void from then on, in Unix milliseconds. */
  untilMs: number;
  /** Its numbers are remembered until then, so that a late repetition is not applied again. */
  rememberedUntilMs: number;
}

/** A node's numbers are remembered for so many times the life of its lease. */
const REMEMBERED_LEASES = 60;

/** One account of an authority: what was used, and which node may use how much without asking. */
export class QuotaAccount {
  /** By the instant from which they no longer count; 0 for never. */
  readonly #slots = new Map<number, bigint>();
  readonly #leases = new Map<string, Lease>();
  #used = 0n;
  /** The seed has all that was settled before. */
  readonly #coversMs: number;
  /** The earliest instant at which something ends, so that most calls look at nothing. */
  #nextEndMs = Number.POSITIVE_INFINITY;

  constructor(seed: readonly QuotaCharge[], nowMs: number, coversMs = 0) {
    this.#coversMs = coversMs;
    this.#enter(seed, nowMs);
  }

  /** Nothing in it that a new account would not have too. */
  get isEmpty(): boolean {
    return this.#used === 0n && this.#slots.size === 0 && this.#leases.size === 0;
  }

  /** Drops what no longer counts. @param nowMs Never before an earlier one. */
  roll(nowMs: number): void {
    if (nowMs < this.#nextEndMs) return;
    let next = Number.POSITIVE_INFINITY;
    for (const [untilMs, amount] of this.#slots) {
      if (untilMs === 0) continue;
      if (untilMs <= nowMs) {
        this.#slots.delete(untilMs);
        this.#used -= amount;
      } else next = Math.min(next, untilMs);
    }
    for (const [node, lease] of this.#leases) {
      if (lease.rememberedUntilMs <= nowMs) this.#leases.delete(node);
      else if (lease.untilMs <= nowMs) {
        lease.amount = 0n;
        next = Math.min(next, lease.rememberedUntilMs);
      } else next = Math.min(next, lease.untilMs);
    }
    this.#nextEndMs = next;
  }

  /** Applies a call, or answers it from what is now when it was applied before. `nowMs` is the authority's. */
  apply(call: QuotaCall, nowMs: number, epoch: string): QuotaReply {
    this.roll(nowMs);
    const lease = this.#leaseOf(call.node);
    let granted = 0n;
    if (call.seq > lease.seq) {
      lease.seq = call.seq;
      this.#enter(
        call.charges.filter(({ settledMs }) => settledMs === undefined || settledMs >= this.#coversMs),
        nowMs,
      );
      if (call.states === undefined) {
        for (const { amount } of call.charges) if (amount > 0n) lease.amount -= amount;
        lease.amount -= call.giveBack;
      }
      if (call.states !== undefined || lease.amount < 0n) lease.amount = 0n;
      granted = this.#grant(call);
      lease.amount += granted;
    }
    lease.untilMs = nowMs + call.leaseMs;
    lease.rememberedUntilMs = nowMs + call.leaseMs * REMEMBERED_LEASES;
    this.#nextEndMs = Math.min(this.#nextEndMs, lease.untilMs);
    const all = this.#leased();
    const others = all.amount - lease.amount;
    const fits = call.need > granted ? this.#fitsAtMs(call, nowMs, all.amount) : [nowMs];
    return {
      isUnknown: false,
      epoch,
      granted,
      lease: lease.amount,
      used: this.#used,
      leasedByOthers: others,
      otherNodes: all.nodes - (lease.amount > 0n ? 1 : 0),
      fitsAtMs: fits[0] ?? nowMs,
      ...(fits.length > 1 && { asidesFitAtMs: fits.slice(1) }),
    };
  }

  /** Ends a lease. */
  release(node: string, charges: readonly QuotaCharge[], nowMs: number): void {
    this.roll(nowMs);
    this.#enter(charges, nowMs);
    const lease = this.#leases.get(node);
    if (lease !== undefined) lease.amount = 0n;
  }

  #leaseOf(node: string): Lease {
    let lease = this.#leases.get(node);
    if (lease === undefined) {
      lease = { amount: 0n, seq: 0, untilMs: 0, rememberedUntilMs: 0 };
      this.#leases.set(node, lease);
    }
    return lease;
  }

  #enter(charges: readonly QuotaCharge[], nowMs: number): void {
    for (const { amount, untilMs } of charges) {
      if (amount === 0n || (untilMs !== 0 && untilMs <= nowMs)) continue;
      this.#slots.set(untilMs, (this.#slots.get(untilMs) ?? 0n) + amount);
      this.#used += amount;
      if (untilMs !== 0) this.#nextEndMs = Math.min(this.#nextEndMs, untilMs);
    }
  }

  #grant({ need, want, capacity, states }: QuotaCall): bigint {
    const free = capacity - this.#used - this.#leased().amount;
    if (free <= 0n || free < need) return 0n;
    const most = states ?? (want > need ? want : need);
    return most < free ? most : free;
  }

  #leased(): { amount: bigint; nodes: number } {
    let amount = 0n;
    let nodes = 0;
    for (const lease of this.#leases.values()) {
      if (lease.amount === 0n) continue;
      amount += lease.amount;
      nodes++;
    }
    return { amount, nodes };
  }

  /** For the need and each of the asides. */
  #fitsAtMs({ need, asides = [], capacity }: QuotaCall, nowMs: number, leased: bigint): number[] {
    const ends = [...this.#slots].filter(([untilMs]) => untilMs !== 0).sort(([one], [other]) => one - other);
    return [need, ...asides].map((amount) => {
      if (amount > capacity) return 0;
      // Leases come free whenever their nodes give back: what only they stand in the way of may fit at any moment.
      const over = this.#used + amount - capacity;
      return over <= 0n ? nowMs : shedAtMs(ends, over, leased);
    });
  }
}

/** When so much is shed and the leases stay; if that never comes, and they do not. 0 for never. */
function shedAtMs(ends: readonly (readonly [untilMs: number, amount: bigint])[], over: bigint, leased: bigint): number {
  let withoutLeasesMs = 0;
  let shed = 0n;
  for (const [untilMs, amount] of ends) {
    shed += amount;
    if (withoutLeasesMs === 0 && shed >= over) withoutLeasesMs = untilMs;
    if (shed >= over + leased) return untilMs;
  }
  return withoutLeasesMs;
}
