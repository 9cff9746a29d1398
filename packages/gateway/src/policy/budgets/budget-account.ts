import type { QuotaLease } from '../../quota/quota-lease.ts';
import type { CountedStretch, PeriodClock } from './period-clock.ts';

/** What began within one stretch. */
interface Share extends CountedStretch {
  spentNanoUsd: bigint;
  heldNanoUsd: bigint;
  /** Does it still count? */
  counts: boolean;
}

/** Money set aside for one attempt. It belongs to the window in which the attempt began, whenever that ends. */
export interface HeldShare {
  readonly account: BudgetAccount;
  readonly share: Share;
  readonly nanoUsd: bigint;
  /** Taken out of a lease; 0 when the budget had no hard line, or was not shared, at that moment. */
  readonly leasedNanoUsd: bigint;
}

/**
 * What one budget knows of one thing it counts: all there is of its state. Spent and held are those of the window in
 * force; what began in an earlier one, and ends only now, burdens that one. Money is in nano-USD.
 */
export class BudgetAccount {
  /** What it counts, as the rule tells it apart: empty, or lines of `<type>:<id>`. */
  readonly instance: string;
  /** Alerts were told until then, in Unix milliseconds. */
  readonly toldUntilMs = { 'soft-line': 0, spent: 0 };
  /** What this process may spend of it, when several share the budget. */
  lease: QuotaLease | undefined;
  readonly #clock: PeriodClock;
  /** The earliest first. */
  readonly #shares: Share[] = [];
  #spent = 0n;
  #held = 0n;

  constructor(instance: string, clock: PeriodClock) {
    this.instance = instance;
    this.#clock = clock;
  }

  /** By all processes, as far as this one knows. */
  get spentNanoUsd(): bigint {
    return this.lease?.used ?? this.#spent;
  }

  /** By this process. */
  get heldNanoUsd(): bigint {
    return this.#held;
  }

  /** Forgets what no longer counts. To be called before anything is asked. @param nowMs Never before an earlier one. */
  roll(nowMs: number): void {
    for (let first = this.#shares[0]; first !== undefined && first.untilMs <= nowMs; first = this.#shares[0]) {
      this.#shares.shift();
      first.counts = false;
      this.#spent -= first.spentNanoUsd;
      this.#held -= first.heldNanoUsd;
    }
  }

  hold(nanoUsd: bigint, nowMs: number, leasedNanoUsd: bigint): HeldShare {
    const share = this.#shareAt(nowMs);
    share.heldNanoUsd += nanoUsd;
    this.#held += nanoUsd;
    return { account: this, share, nanoUsd, leasedNanoUsd };
  }

  /** Turns what was held into what was spent. Once for each hold. */
  settle({ share, nanoUsd, leasedNanoUsd }: HeldShare, spentNanoUsd: bigint): void {
    this.lease?.settle(leasedNanoUsd, spentNanoUsd, quotaUntilMs(share));
    share.heldNanoUsd -= nanoUsd;
    share.spentNanoUsd += spentNanoUsd;
    if (!share.counts) return;
    this.#held -= nanoUsd;
    this.#spent += spentNanoUsd;
  }

  /** Enters an amount that is no attempt's, negative ones too, when its time still counts. */
  enter(atMs: number, nanoUsd: bigint, nowMs: number): void {
    this.roll(nowMs);
    if (this.#clock.at(atMs).untilMs > nowMs) this.restore(atMs, nanoUsd);
  }

  /** Enters what an attempt spent that was held in another account: that of the budget before it was reset. */
  carry(atMs: number, nanoUsd: bigint, nowMs: number): void {
    this.lease?.settle(0n, nanoUsd, quotaUntilMs(this.#clock.at(atMs)));
    this.enter(atMs, nanoUsd, nowMs);
  }

  /** Enters what was spent before this process began, of a time that counts. */
  restore(atMs: number, spentNanoUsd: bigint): void {
    if (spentNanoUsd === 0n) return;
    this.#shareAt(atMs).spentNanoUsd += spentNanoUsd;
    this.#spent += spentNanoUsd;
  }

  /**
   * When so much of what is spent no longer counts, if nothing is added; Infinity for never.
   *
   * @param nanoUsd At most what is spent.
   */
  shedsAtMs(nanoUsd: bigint): number {
    let shed = 0n;
    for (const share of this.#shares) {
      shed += share.spentNanoUsd;
      if (shed >= nanoUsd) return share.untilMs;
    }
    return Number.POSITIVE_INFINITY;
  }

  #shareAt(atMs: number): Share {
    const stretch = this.#clock.at(atMs);
    let place = this.#shares.length;
    while (place > 0 && (this.#shares[place - 1]?.startMs ?? 0) > stretch.startMs) place--;
    const there = this.#shares[place - 1];
    if (there?.startMs === stretch.startMs) return there;
    const share = { ...stretch, spentNanoUsd: 0n, heldNanoUsd: 0n, counts: true };
    this.#shares.splice(place, 0, share);
    return share;
  }
}

/** As an authority counts: 0 for never. */
export function quotaUntilMs({ untilMs }: CountedStretch): number {
  return Number.isFinite(untilMs) ? untilMs : 0;
}
