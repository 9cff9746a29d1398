import type { QuotaCharge } from './authority.ts';

/** Longer than what is settled takes to be in every seed, while the ledger is written. */
const TOLD_KEPT_MS = 4_000;

/** By instant and second of settling. */
type Charges = Map<string, QuotaCharge>;

/** What one lease was charged with and is to be reported, what of it is under way, and the latest that was reported. */
export class LeaseCharges {
  #waiting: Charges = new Map();
  #sent: readonly QuotaCharge[] = [];
  /** What the authority was told and a seed may not have yet, should it lose its memory. */
  readonly #told: Charges = new Map();
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
    for (const { settledMs = 0 } of this.#told.values()) if (settledMs > nowMs - TOLD_KEPT_MS) return true;
    return false;
  }

  /** @param isInLease The authority will take it out of the lease. */
  add(charge: QuotaCharge, isInLease = true): void {
    const [before, after] = merge(this.#waiting, charge, `${isInLease}`);
    if (isInLease) this.#burden += positive(after) - positive(before);
    this.#total += charge.amount;
  }

  /** All that waits, to be sent. One batch at a time is under way. @param writtenUntilMs See {@link LeaseUser}. */
  send(writtenUntilMs = Number.POSITIVE_INFINITY): readonly QuotaCharge[] {
    this.#sent = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#sentBurden = this.#burden;
    this.#burden = 0n;
    return this.#sent.map((charge) => {
      const isInTables = charge.settledMs === undefined || charge.settledMs < writtenUntilMs;
      // No seed that was read until now can have it.
      return isInTables ? charge : { ...charge, settledMs: undefined };
    });
  }

  /** What was sent is known. @param writtenUntilMs See {@link LeaseUser}. */
  accepted(nowMs: number, writtenUntilMs = Number.POSITIVE_INFINITY): void {
    const sent = this.#leave();
    if (this.#told.size === 0 && sent.length === 0) return;
    const keptMs = Math.min(nowMs - TOLD_KEPT_MS, writtenUntilMs);
    for (const charge of sent) if (charge.settledMs !== undefined) merge(this.#told, charge, '');
    for (const [key, { settledMs = 0 }] of this.#told) if (settledMs <= keptMs) this.#told.delete(key);
  }

  /** What was sent was not entered. */
  returned(): void {
    for (const charge of this.#leave()) this.add(charge);
  }

  /** What was told lately is told again, beside a statement of the lease: a seed read in these moments may be short of it. */
  tellAgain(): void {
    const told = [...this.#told.values()];
    this.#told.clear();
    for (const charge of told) this.add(charge, false);
  }

  /** Nothing waits but these, beside a statement of the lease. */
  replace(charges: readonly QuotaCharge[]): void {
    this.#waiting = new Map();
    this.#burden = this.#total = 0n;
    for (const charge of charges) this.add(charge, false);
  }

  #leave(): readonly QuotaCharge[] {
    const sent = this.#sent;
    this.#sent = [];
    this.#sentBurden = 0n;
    for (const { amount } of sent) this.#total -= amount;
    return sent;
  }
}

/** @returns what was there under its instants, and what is now. */
function merge(charges: Charges, { amount, untilMs, settledMs }: QuotaCharge, kind: string): [bigint, bigint] {
  const key = `${kind} ${untilMs} ${settledMs === undefined ? '' : Math.floor(settledMs / 1_000)}`;
  const { amount: before = 0n, settledMs: beforeMs = 0 } = charges.get(key) ?? {};
  const after = before + amount;
  // Under the later instant: what a seed may have too is rather entered twice than not at all.
  const latestMs = settledMs === undefined ? undefined : Math.max(settledMs, beforeMs);
  if (after === 0n) charges.delete(key);
  else charges.set(key, { amount: after, untilMs, settledMs: latestMs });
  return [before, after];
}

function positive(amount: bigint): bigint {
  return amount > 0n ? amount : 0n;
}
