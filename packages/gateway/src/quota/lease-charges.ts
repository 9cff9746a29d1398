import type { QuotaCharge } from './authority.ts';

/** Longer than what is settled takes to be in every seed. */
const TOLD_KEPT_MS = 4_000;

/** What one lease was charged with and is to be reported, what of it is under way, and the latest that was reported. */
export class LeaseCharges {
  /** By instant and second of settling. */
  #waiting = new Map<string, QuotaCharge>();
  /** The latest that the authority was told, should it lose its memory. */
  #told: readonly QuotaCharge[] = [];
  #total = 0n;
  #burden = 0n;
  #sentBurden = 0n;

  /** Not yet known to the authority, what is under way included. */
  get total(): bigint {
    return this.#total;
  }

  /** What the authority will take out of the lease for those to be sent: not for corrections. */
  get burden(): bigint {
    return this.#burden;
  }

  /** As {@link burden}, for those under way. */
  get sentBurden(): bigint {
    return this.#sentBurden;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Would anything have to be said again to an authority that lost its memory now? */
  isRecent(nowMs: number): boolean {
    return this.#told.some(({ settledMs = 0 }) => settledMs > nowMs - TOLD_KEPT_MS);
  }

  /** @param isInLease The authority will take it out of the lease. */
  add({ amount, untilMs, settledMs }: QuotaCharge, isInLease = true): void {
    const key = `${isInLease} ${untilMs} ${settledMs === undefined ? '' : Math.floor(settledMs / 1_000)}`;
    const { amount: before = 0n, settledMs: beforeMs = 0 } = this.#waiting.get(key) ?? {};
    const after = before + amount;
    // Under the later instant: what a seed may have too is rather entered twice than not at all.
    const latestMs = settledMs === undefined ? undefined : Math.max(settledMs, beforeMs);
    if (after === 0n) this.#waiting.delete(key);
    else this.#waiting.set(key, { amount: after, untilMs, settledMs: latestMs });
    if (isInLease) this.#burden += positive(after) - positive(before);
    this.#total += amount;
  }

  /** All that waits, to be sent. One batch at a time is under way. */
  send(): readonly QuotaCharge[] {
    const charges = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#sentBurden = this.#burden;
    this.#burden = 0n;
    return charges;
  }

  /** What was sent is known. */
  accepted(sent: readonly QuotaCharge[], sentAtMs: number): void {
    this.#leave(sent);
    if (this.#told.length === 0 && sent.length === 0) return;
    this.#told = [...this.#told, ...sent].filter(({ settledMs = 0 }) => settledMs > sentAtMs - TOLD_KEPT_MS);
  }

  /** What was sent was not entered. */
  returned(sent: readonly QuotaCharge[]): void {
    this.#leave(sent);
    for (const charge of sent) this.add(charge);
  }

  /** What was told lately is told again, beside a statement of the lease: a seed read in these moments may be short of it. */
  tellAgain(): void {
    const told = this.#told;
    this.#told = [];
    for (const charge of told) this.add(charge, false);
  }

  /** Nothing waits but these, beside a statement of the lease. */
  replace(charges: readonly QuotaCharge[]): void {
    this.#waiting = new Map();
    this.#burden = this.#total = 0n;
    for (const charge of charges) this.add(charge, false);
  }

  #leave(sent: readonly QuotaCharge[]): void {
    this.#sentBurden = 0n;
    for (const { amount } of sent) this.#total -= amount;
  }
}

function positive(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
