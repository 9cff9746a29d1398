interface Entry {
  readonly atMs: number;
  weight: number;
}

/**
 * What a limit means, in its plainest form and for all processes together: what is admitted at `t` counts in
 * [t, t + windowMs). Times must not decrease from call to call.
 */
export class ExactLaw {
  readonly amount: number;
  readonly windowMs: number;
  /** The earliest first; those before `#head` have left the window. */
  #entries: Entry[] = [];
  #head = 0;
  #used = 0;

  constructor(amount: number, windowMs: number) {
    this.amount = amount;
    this.windowMs = windowMs;
  }

  /** The same law with the same past. */
  copy(): ExactLaw {
    const law = new ExactLaw(this.amount, this.windowMs);
    law.#entries = this.#entries.slice(this.#head).map((entry) => ({ ...entry }));
    law.#used = this.#used;
    return law;
  }

  used(nowMs: number): number {
    for (let first = this.#entries[this.#head]; first !== undefined; first = this.#entries[this.#head]) {
      if (first.atMs + this.windowMs > nowMs) break;
      this.#used -= first.weight;
      this.#head++;
    }
    if (this.#head > 10_000) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return this.#used;
  }

  add(nowMs: number, weight: number): Entry {
    const entry = { atMs: nowMs, weight };
    this.#entries.push(entry);
    this.#used += weight;
    return entry;
  }

  change(entry: Entry, weight: number, nowMs: number): void {
    this.used(nowMs);
    if (entry.atMs + this.windowMs <= nowMs) return;
    this.#used += weight - entry.weight;
    entry.weight = weight;
  }

  /** The first instant, from now, at which a weight fits if nothing is added. */
  fitsAtMs(nowMs: number, weight: number): number {
    let over = this.used(nowMs) + weight - this.amount;
    if (over <= 0) return nowMs;
    for (let at = this.#head; at < this.#entries.length; at++) {
      const entry = this.#entries[at] as Entry;
      over -= entry.weight;
      if (over <= 0) return entry.atMs + this.windowMs;
    }
    return Number.POSITIVE_INFINITY;
  }
}
