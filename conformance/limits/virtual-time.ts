import type { Timers } from '@turnpike/gateway/quota/timers.ts';

interface Event {
  readonly atMs: number;
  /** Those of one instant run in the order in which they were set. */
  readonly order: number;
  readonly run: () => void;
}

/** Time that passes, simulated or not. */
export interface Time extends Timers {
  readonly nowMs: number;
  sleep(ms: number): Promise<void>;
  runUntil(untilMs: number): Promise<void>;
}

/** A clock that goes from event to event: hours pass in seconds, and the same way for the same seed. */
export class VirtualTime implements Time {
  #nowMs: number;
  #order = 0;
  /** A heap: the next one first. */
  readonly #events: Event[] = [];

  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  after(ms: number, run: () => void): () => void {
    let isOff = false;
    this.#push({ atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, run: () => isOff || run() });
    return () => {
      isOff = true;
    };
  }

  every(ms: number, run: () => void): () => void {
    const again = () => {
      run();
      stop = this.after(ms, again);
    };
    let stop = this.after(ms, again);
    return () => stop();
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  /** Lets time pass. What an event sets off by promises is done before the next event. */
  async runUntil(untilMs: number): Promise<void> {
    for (let next = this.#events[0]; next !== undefined && next.atMs <= untilMs; next = this.#events[0]) {
      this.#pop();
      this.#nowMs = next.atMs;
      next.run();
      await new Promise(setImmediate);
    }
    this.#nowMs = untilMs;
  }

  #push(event: Event): void {
    const events = this.#events;
    let at = events.length;
    while (at > 0) {
      const parent = events[(at - 1) >> 1] as Event;
      if (isBefore(parent, event)) break;
      events[at] = parent;
      at = (at - 1) >> 1;
    }
    events[at] = event;
  }

  #pop(): void {
    const events = this.#events;
    const last = events.pop();
    if (last === undefined || events.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= events.length) break;
      if (child + 1 < events.length && isBefore(events[child + 1] as Event, events[child] as Event)) child++;
      if (isBefore(last, events[child] as Event)) break;
      events[at] = events[child] as Event;
      at = child;
    }
    events[at] = last;
  }
}

function isBefore(one: Event, other: Event): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
