import type { LimitMeasure } from '../../config/limit-rule.ts';
import type { QuotaCharge } from '../../quota/authority.ts';
import type { Asked, QuotaLease } from '../../quota/quota-lease.ts';
import type { QuotaNode } from '../../quota/quota-node.ts';
import type { SlidingLog } from './sliding-log.ts';

/** Slots of one account at an authority: what is admitted leaves it at most a window / 4096 later than it would. */
const SLOTS_MAX = 4_096;
/** Kept although nothing is asked for: seldom requests do not wait either. */
const IDLE_MS = 300_000;
/** How long the places others have are counted when they cannot be asked. */
const PLACES_KNOWN_MS = 2_000;

/** What is idle elsewhere is back within two messages; what is not by then is used. */
const PATIENCE_MS = [60, 16] as const;

const nobody = async () => [];

/** What this process admitted. */
export interface OwnPart {
  /** Undefined for concurrency. */
  readonly log: SlidingLog | undefined;
  /** Under way now; counted for concurrency alone. */
  inFlight: number;
}

/**
 * This process's part of what several count together. The meter it belongs to counts what this process admitted; the lease
 * is what it may admit without asking.
 *
 * What is admitted is charged at once, until it leaves the window; corrections go to the same instant. A place of a
 * concurrency limit is held out of the lease until it is free again, and never charged.
 */
export class SharedMeter {
  readonly #meter: OwnPart;
  readonly #measure: LimitMeasure;
  readonly #node: QuotaNode;
  readonly #lease: QuotaLease;
  #slotMs = 1;

  constructor(node: QuotaNode, account: string, measure: LimitMeasure, meter: OwnPart) {
    this.#node = node;
    this.#meter = meter;
    this.#measure = measure;
    const { log } = meter;
    this.#lease = node.lease(
      account,
      nobody,
      log === undefined
        ? { idleMs: IDLE_MS, patienceMs: PATIENCE_MS }
        : {
            standing: () => this.#standing(),
            ownUsed: () => BigInt(log.used(node.now())),
            isHeldBriefly: true,
            idleMs: IDLE_MS,
            patienceMs: PATIENCE_MS,
          },
    );
  }

  /** Used by all processes, as far as this one knows; places of a concurrency limit: by this one. */
  used(nowMs: number): number {
    const { log, inFlight } = this.#meter;
    return log === undefined ? inFlight : log.used(nowMs) + this.#usedByOthers(nowMs);
  }

  /** When all of it will have left the window, if nothing is added; at the latest. */
  emptyAtMs(nowMs: number): number {
    const { log } = this.#meter;
    if (log === undefined) return nowMs;
    const others = this.#usedByOthers(nowMs) > 0 ? this.#lease.toldAtMs + log.windowMs : nowMs;
    return Math.max(others, log.emptyAtMs(nowMs));
  }

  /** Takes out of the lease, when it is there. To be entered or put back. */
  tryTake(weight: number, amount: number): boolean {
    const hasSlots = this.#measure !== 'requests' || amount > SLOTS_MAX;
    this.#slotMs = Math.max(1, hasSlots ? (this.#meter.log?.windowMs ?? 0) / SLOTS_MAX : 1);
    return this.#lease.tryTake(BigInt(weight), BigInt(amount));
  }

  /** Asks for what the lease does not have. Never rejects. */
  ask(weight: number): Promise<Asked> {
    return this.#lease.ask(BigInt(weight));
  }

  /** Counts what was taken. @returns the instant in this process's log, and that at which it leaves the account. */
  enter(nowMs: number, weight: number): { atMs: number; untilMs: number } {
    return this.#count(nowMs, weight, weight);
  }

  putBack(weight: number): void {
    this.#lease.settle(BigInt(weight), 0n, 0);
  }

  /** When it would be admitted by what this process knows alone: its own part, and what others had when last asked. */
  fitsAtMs(nowMs: number, weight: number, amount: number): number {
    const { log, inFlight } = this.#meter;
    if (weight > amount) return Number.POSITIVE_INFINITY;
    if (log === undefined) return inFlight + weight + this.#placesOfOthers(nowMs) <= amount ? nowMs : nowMs + 1;
    const left = amount - this.#usedByOthers(nowMs);
    return weight > left ? this.#lease.toldAtMs + log.windowMs : log.fitsAtMs(nowMs, weight, left);
  }

  /** Counts what nobody could be asked for. As {@link enter}. */
  force(nowMs: number, weight: number): { atMs: number; untilMs: number } {
    if (this.#meter.log === undefined) this.#lease.force(BigInt(weight));
    return this.#count(nowMs, weight, 0);
  }

  /** Corrects what was entered; gives a place back. */
  change(atMs: number, untilMs: number, delta: number): void {
    const { log } = this.#meter;
    if (log === undefined) {
      this.#meter.inFlight += delta;
      this.#lease.settle(BigInt(-delta), 0n, 0);
      return;
    }
    log.change(atMs, delta);
    if (untilMs > this.#node.now()) this.#lease.settle(0n, BigInt(delta), untilMs);
  }

  #count(nowMs: number, weight: number, held: number): { atMs: number; untilMs: number } {
    const { log } = this.#meter;
    if (log === undefined) {
      this.#meter.inFlight += weight;
      return { atMs: 0, untilMs: 0 };
    }
    const atMs = log.add(nowMs, weight);
    const untilMs = this.#slotAt(atMs + log.windowMs);
    this.#lease.settle(BigInt(held), BigInt(weight), untilMs);
    return { atMs, untilMs };
  }

  #slotAt(ms: number): number {
    return Math.ceil(Math.ceil(ms / this.#slotMs) * this.#slotMs);
  }

  #standing(): QuotaCharge[] {
    const charges: QuotaCharge[] = [];
    for (const { weight, untilMs } of this.#meter.log?.standing(this.#node.now()) ?? []) {
      charges.push({ amount: BigInt(weight), untilMs: this.#slotAt(untilMs) });
    }
    return charges;
  }

  /** All of what they had when last asked, until the last of it has left the window. */
  #usedByOthers(nowMs: number): number {
    const { toldAtMs, usedByOthers } = this.#lease;
    const { log } = this.#meter;
    return log === undefined || nowMs >= toldAtMs + log.windowMs ? 0 : Number(usedByOthers);
  }

  #placesOfOthers(nowMs: number): number {
    return nowMs >= this.#lease.toldAtMs + PLACES_KNOWN_MS ? 0 : Number(this.#lease.leasedByOthers);
  }
}
