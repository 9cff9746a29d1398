import type { Hold } from './admission.ts';
import { FairQueue, type Ticket } from './fair-queue.ts';
import type { Meter } from './meters.ts';
import { queueCallerOf } from './queue-place.ts';
import type { Waiter } from './waiter.ts';

/** Where a request stands in one line. */
export interface Place extends Ticket {
  readonly waiter: Waiter;
  readonly hold: Hold;
  readonly line: Line;
}

/** Whom a line waits for, and until when nothing is to be expected: Infinity until something is given back. */
export interface Stop {
  readonly place: Place;
  readonly untilMs: number;
}

/** Those who wait for one thing that a limit counts. There is one only as long as somebody waits. */
export class Line {
  readonly queue = new FairQueue<Place>();
  readonly meter: Meter;
  readonly #onNews: (line: Line) => void;
  /** Of those that stand here, how many wait for another limit. */
  keptElsewhere = 0;
  #stop: Stop | undefined;
  #stopTimer: (() => void) | undefined;

  /** @param onNews Told when room was given back. */
  constructor(meter: Meter, onNews: (line: Line) => void) {
    this.meter = meter;
    this.#onNews = onNews;
  }

  /** A place at the end of its caller's. */
  place(waiter: Waiter, hold: Hold): Place {
    const { queue } = hold.compiled.rule;
    if (queue === undefined) throw new Error('A limit without a queue has no line.');
    const own = queueCallerOf(queue, waiter.subject);
    const place = { ...own, priority: waiter.priority ?? own.priority, cost: hold.weight, waiter, hold, line: this };
    this.queue.add(place);
    return place;
  }

  /** Room was given back. */
  freed(): void {
    this.#onNews(this);
  }

  /** Whom it waits for: nobody behind that one is served. */
  get stop(): Stop | undefined {
    return this.#stop;
  }

  /** Before its walk. @returns whom it waited for. */
  start(): Stop | undefined {
    const stop = this.#stop;
    this.#stopTimer?.();
    this.#stopTimer = this.#stop = undefined;
    return stop;
  }

  stopAt(stop: Stop): void {
    this.#stop = stop;
  }

  /** @param off Calls the wake-up off. */
  wakeBy(off: () => void): void {
    this.#stopTimer?.();
    this.#stopTimer = off;
  }

  remove(place: Place): void {
    this.queue.remove(place);
    if (this.#stop?.place === place) this.start();
    this.endIfEmpty();
  }

  endIfEmpty(): void {
    if (this.queue.size > 0) return;
    this.start();
    if (this.meter.line === this) delete this.meter.line;
  }

  /** Does it wait for somebody whose turn comes before this one's? */
  isAheadOf(place: Place): boolean {
    const first = this.#stop?.place;
    if (first === undefined || first === place) return false;
    for (const next of this.queue.order()) {
      if (next === place) return false;
      if (next === first) return true;
    }
    return false;
  }

  /** The turn of this one, or of one that comes after all, from 1; undefined when that takes a look at all of them. */
  turnOf(place: Place | undefined): number | undefined {
    if (this.keptElsewhere > 0) return undefined;
    if (place === undefined) return this.queue.size + 1;
    const before = this.queue.countBefore(place);
    return before === undefined ? undefined : before + 1;
  }

  /**
   * What those take whose turns come before this one's, and it; without those that wait for something else.
   *
   * @param place Undefined: what all of them take.
   */
  costsUntil(place: Place | undefined): number[] {
    const known = this.keptElsewhere > 0 ? undefined : this.queue.costsBefore(place);
    if (known !== undefined) return place === undefined ? known : [...known, place.cost];
    const costs: number[] = [];
    for (const next of this.queue.order()) {
      const { keptBy } = next.waiter;
      if (next === place || keptBy === undefined || keptBy === this.meter) costs.push(next.cost);
      if (next === place) break;
    }
    return costs;
  }
}
