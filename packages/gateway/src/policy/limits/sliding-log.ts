/** Slots whose sum is kept, so that a search skips them as one. A power of two. */
const BLOCK = 64;
const BLOCK_BITS = 6;

const SLOTS_FIRST = 8;

/**
 * What was admitted in the last `windowMs`, and when it leaves the window again. The law: what is admitted at `t`
 * counts in [t, t + windowMs), so if nothing is added that does not fit, no window of that length ever holds more than
 * the amount, wherever it begins.
 *
 * Each instant of admission has a slot. Slots grow up to `slotsMax`; when those are full, neighbours become one that
 * leaves with the later of them: those in one cell of a grid of 2 × windowMs / slotsMax. So the law holds always; beyond
 * `slotsMax` instants in one window, what could be admitted may have to wait that much longer than it would need to.
 *
 * Adding costs O(1) amortised; changing what was added O(log slots); asking when something fits at most
 * slotsMax / 64 + 64 steps. Sixteen bytes for each slot. Times must not decrease from call to call.
 */
export class SlidingLog {
  readonly windowMs: number;
  readonly #slotsMax: number;
  #times = new Float64Array(SLOTS_FIRST);
  #weights = new Float64Array(SLOTS_FIRST);
  #sums = new Float64Array(1);
  /** Live slots are [head, tail); their times increase strictly. */
  #head = 0;
  #tail = 0;
  #used = 0;
  /** Time of the last slot that left. */
  #leftMs = Number.NEGATIVE_INFINITY;

  /** @param slotsMax A power of two, at least 64. */
  constructor(windowMs: number, slotsMax: number) {
    this.windowMs = windowMs;
    this.#slotsMax = slotsMax;
  }

  /** The sum of the weights in the window that ends now. */
  used(nowMs: number): number {
    this.#expire(nowMs);
    return this.#used;
  }

  /**
   * The first instant, from now, at which `weight` fits under `amount` if nothing else is added; Infinity when it is
   * more than the amount. Adds nothing.
   */
  fitsAtMs(nowMs: number, weight: number, amount: number): number {
    this.#expire(nowMs);
    let excess = this.#used + weight - amount;
    if (excess <= 0) return nowMs;
    if (weight > amount) return Number.POSITIVE_INFINITY;
    let slot = this.#head;
    while (slot < this.#tail) {
      const sum = this.#sums[slot >> BLOCK_BITS] as number;
      if ((slot & (BLOCK - 1)) === 0 && sum < excess) {
        excess -= sum;
        slot += BLOCK;
        continue;
      }
      excess -= this.#weights[slot] as number;
      if (excess <= 0) break;
      slot++;
    }
    return (this.#times[slot] as number) + this.windowMs;
  }

  /** Adds a weight, a whole number, whether it fits or not. @returns the instant to name it by in {@link change}. */
  add(nowMs: number, weight: number): number {
    this.#expire(nowMs);
    if (this.#tail > this.#head && (this.#times[this.#tail - 1] as number) >= nowMs) {
      const newest = this.#tail - 1;
      this.#addTo(newest, weight);
      return this.#times[newest] as number;
    }
    if (this.#tail === this.#times.length) this.#makeRoom();
    this.#times[this.#tail] = nowMs;
    this.#weights[this.#tail] = 0;
    this.#addTo(this.#tail++, weight);
    return nowMs;
  }

  /** Corrects what was added at `atMs` by `delta`. What left the window already stays as it was. */
  change(atMs: number, delta: number): void {
    if (atMs <= this.#leftMs) return;
    let low = this.#head;
    let high = this.#tail;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#times[middle] as number) < atMs) low = middle + 1;
      else high = middle;
    }
    if (low < this.#tail) this.#addTo(low, delta);
  }

  /** When all that is in the window now will have left it; `nowMs` when nothing is. */
  emptyAtMs(nowMs: number): number {
    this.#expire(nowMs);
    return this.#tail > this.#head ? (this.#times[this.#tail - 1] as number) + this.windowMs : nowMs;
  }

  /** What is in the window now, the earliest first: the sum of all weights and when each leaves. */
  *standing(nowMs: number): Generator<{ weight: number; untilMs: number }> {
    this.#expire(nowMs);
    for (let slot = this.#head; slot < this.#tail; slot++) {
      yield { weight: this.#weights[slot] as number, untilMs: (this.#times[slot] as number) + this.windowMs };
    }
  }

  #addTo(slot: number, weight: number): void {
    this.#weights[slot] = (this.#weights[slot] as number) + weight;
    this.#sums[slot >> BLOCK_BITS] = (this.#sums[slot >> BLOCK_BITS] as number) + weight;
    this.#used += weight;
  }

  #expire(nowMs: number): void {
    while (this.#head < this.#tail && (this.#times[this.#head] as number) + this.windowMs <= nowMs) {
      this.#addTo(this.#head, -(this.#weights[this.#head] as number));
      this.#leftMs = this.#times[this.#head] as number;
      this.#head++;
    }
    if (this.#head === this.#tail) this.#head = this.#tail = 0;
  }

  #makeRoom(): void {
    const live = this.#tail - this.#head;
    const { length } = this.#times;
    if (live > length / 2 && length < this.#slotsMax) {
      this.#rebuild(length * 2, 0);
    } else this.#rebuild(length, live > length / 2 ? (2 * this.windowMs) / this.#slotsMax : 0);
  }

  /** Moves the live slots to the front of new arrays; those in one cell of a grid of `widthMs` become one. */
  #rebuild(length: number, widthMs: number): void {
    const times = new Float64Array(length);
    const weights = new Float64Array(length);
    const sums = new Float64Array(Math.ceil(length / BLOCK));
    let count = 0;
    let last = Number.NaN;
    for (let slot = this.#head; slot < this.#tail; slot++) {
      const time = this.#times[slot] as number;
      // A grid that stays where it is: what was merged once is never merged on into a later cell.
      const cell = widthMs === 0 ? time : Math.floor(time / widthMs);
      if (cell !== last) count++;
      last = cell;
      const weight = this.#weights[slot] as number;
      times[count - 1] = time;
      weights[count - 1] = (weights[count - 1] as number) + weight;
      sums[(count - 1) >> BLOCK_BITS] = (sums[(count - 1) >> BLOCK_BITS] as number) + weight;
    }
    this.#times = times;
    this.#weights = weights;
    this.#sums = sums;
    this.#head = 0;
    this.#tail = count;
  }
}
