import type { LimitMeasure } from '../../config/limit-rule.ts';
import type { OwnPart, SharedMeter } from './shared-meter.ts';
import { SlidingLog } from './sliding-log.ts';

/** Things counted on their own at most, per rule; the one not seen for longest is forgotten for a new one. */
export const METERS_MAX = 100_000;

/** Slots of a rule that counts once, and of one that counts each thing on its own: 128 KiB and 4 KiB at most. */
const SLOTS_MAX_ONE = 8_192;
const SLOTS_MAX_EACH = 256;

/** What one rule knows of one thing it counts. All there is of a limit's state is in these. */
export interface Meter extends OwnPart {
  /** Set when several processes count it together; then `log` and `inFlight` are this one's part. */
  shared?: SharedMeter;
  /** Tokens reserved by what is under way, of which some come back; counted where there is a queue. */
  reserved: number;
  /** Set as long as requests wait for room here: told when some was given back. */
  line?: { freed(): void };
}

/** Gives a meter its part of what several processes count together. */
export type Share = (meter: Meter, instance: string) => SharedMeter;

/** The meters of one rule: a single one, or one for each thing it tells apart. */
export class Meters {
  readonly #measure: LimitMeasure;
  readonly #windowMs: number;
  readonly #share: Share | undefined;
  readonly #one: Meter | undefined;
  /** In the order of their last use. */
  readonly #each = new Map<string, Meter>();

  constructor(measure: LimitMeasure, windowMs: number, isEach: boolean, share?: Share) {
    this.#measure = measure;
    this.#windowMs = windowMs;
    this.#share = share;
    this.#one = isEach ? undefined : this.#make(SLOTS_MAX_ONE, '');
  }

  get size(): number {
    return this.#one === undefined ? this.#each.size : 1;
  }

  /** @param instance What is counted on its own; empty when the rule tells nothing apart. */
  of(instance: string): Meter {
    if (this.#one !== undefined) return this.#one;
    let meter = this.#each.get(instance);
    if (meter === undefined) {
      meter = this.#make(SLOTS_MAX_EACH, instance);
      if (this.#each.size >= METERS_MAX) this.#forgetOldest();
    } else this.#each.delete(instance);
    this.#each.set(instance, meter);
    return meter;
  }

  #forgetOldest(): void {
    for (const oldest of this.#each.keys()) {
      this.#each.delete(oldest);
      return;
    }
  }

  #make(slotsMax: number, instance: string): Meter {
    const log = this.#measure === 'concurrency' ? undefined : new SlidingLog(this.#windowMs, slotsMax);
    const meter: Meter = { log, inFlight: 0, reserved: 0 };
    if (this.#share !== undefined) meter.shared = this.#share(meter, instance);
    return meter;
  }
}
