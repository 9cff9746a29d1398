import { type Priority, priorities } from '../../config/limit-queue.ts';

/** What waits in a {@link FairQueue}. */
export interface Ticket {
  /** Whose share it is served from. */
  readonly caller: string;
  /** The caller's share, against others of the same priority. Above 0. */
  readonly weight: number;
  readonly priority: Priority;
  /** What it takes. Above 0. */
  readonly cost: number;
}

/** What became of a ticket whose turn it was. */
export type Turn = 'served' | 'removed' | 'passed' | 'stop';

/** Of what is served while all priorities wait: 16 of 21 parts for high, 4 for normal, 1 for low. */
export const priorityWeights: Readonly<Record<Priority, number>> = { high: 16, normal: 4, low: 1 };

interface Entry<T> {
  readonly ticket: T;
  readonly number: number;
  readonly caller: Share<T>;
  /** Virtual time at which its turn begins. */
  start: number;
}

/** One caller within a priority. */
interface Share<T> {
  /** Virtual time up to which it has had, or has been promised, its share. */
  end: number;
  /** Its tickets, in the order in which they came. */
  readonly entries: Entry<T>[];
}

/** Callers without tickets are forgotten when there are so many of them. */
const IDLE_CALLERS_MAX = 64;

/**
 * An order of turns: start-time fair queueing, within each priority between callers and between the priorities. While
 * two callers of one priority wait, what one is served, divided by its weight, is never further from the other's than
 * one ticket of each; the same between priorities. So everyone who waits is served again and again.
 *
 * @see Goyal, Vin, Cheng: Start-time Fair Queueing (SIGCOMM 1996)
 */
export class FairQueue<T extends Ticket> {
  readonly #levels = priorities.map((priority) => new Level<T>(priorityWeights[priority]));
  #nowAt = 0;
  #number = 0;

  get size(): number {
    let size = 0;
    for (const { entries } of this.#levels) size += entries.length;
    return size;
  }

  add(ticket: T): void {
    this.#levelOf(ticket).add(ticket, this.#number++);
  }

  /** Takes out a ticket that is not served: those behind it of the same caller move up. */
  remove(ticket: T): void {
    this.#levelOf(ticket).remove(ticket);
  }

  /** Takes out a ticket that was served. */
  serve(ticket: T): void {
    const level = this.#levelOf(ticket);
    if (!level.serve(ticket)) return;
    this.#nowAt = Math.max(this.#nowAt, level.end);
    level.end = this.#nowAt + ticket.cost / level.weight;
  }

  /** How many have their turn before this one; undefined when that takes a look at all of them. */
  countBefore(ticket: T): number | undefined {
    const level = this.#levelOf(ticket);
    return level.entries.length === this.size ? level.indexOf(ticket) : undefined;
  }

  /** What those take that have their turn before this one, or all of them; undefined as with {@link countBefore}. */
  costsBefore(ticket: T | undefined): number[] | undefined {
    const level = ticket === undefined ? this.#levels.find(({ entries }) => entries.length > 0) : this.#levelOf(ticket);
    if (level === undefined) return [];
    if (level.entries.length !== this.size) return undefined;
    const count = ticket === undefined ? level.entries.length : level.indexOf(ticket);
    const costs: number[] = [];
    for (let at = 0; at < count; at++) costs.push(level.entries[at]?.ticket.cost ?? 0);
    return costs;
  }

  /** Those that wait, as they would be served one after the other. */
  *order(): Generator<T> {
    const at = this.#levels.map(() => 0);
    const ends = this.#levels.map(({ end }) => end);
    let nowAt = this.#nowAt;
    for (;;) {
      const next = this.#next(at, ends, nowAt);
      const level = this.#levels[next];
      const ticket = level?.entries[at[next] ?? 0]?.ticket;
      if (level === undefined || ticket === undefined) return;
      nowAt = Math.max(nowAt, ends[next] ?? 0);
      ends[next] = nowAt + ticket.cost / level.weight;
      at[next] = (at[next] ?? 0) + 1;
      yield ticket;
    }
  }

  /** Gives each its turn, until `visit` says to stop. What is passed keeps its place. */
  walk(visit: (ticket: T) => Turn): void {
    const at = this.#levels.map(() => 0);
    for (;;) {
      const next = this.#next(
        at,
        this.#levels.map(({ end }) => end),
        this.#nowAt,
      );
      const ticket = this.#levels[next]?.entries[at[next] ?? 0]?.ticket;
      if (ticket === undefined) return;
      const turn = visit(ticket);
      if (turn === 'stop') return;
      if (turn === 'served') this.serve(ticket);
      else if (turn === 'removed') this.remove(ticket);
      else at[next] = (at[next] ?? 0) + 1;
    }
  }

  /** The level whose turn begins first, the higher of two; -1 when none has anything left from `at`. */
  #next(at: readonly number[], ends: readonly number[], nowAt: number): number {
    let next = -1;
    let least = Number.POSITIVE_INFINITY;
    for (const [index, { entries }] of this.#levels.entries()) {
      const start = Math.max(nowAt, ends[index] ?? 0);
      if ((at[index] ?? 0) >= entries.length || start >= least) continue;
      next = index;
      least = start;
    }
    return next;
  }

  #levelOf({ priority }: T): Level<T> {
    return this.#levels[priorities.indexOf(priority)] as Level<T>;
  }
}

class Level<T extends Ticket> {
  readonly weight: number;
  /** As {@link Share.end}, of the level among the others. */
  end = 0;
  /** In the order of their turns. */
  readonly entries: Entry<T>[] = [];
  readonly #callers = new Map<string, Share<T>>();
  readonly #entryOf = new Map<T, Entry<T>>();
  #nowAt = 0;

  constructor(weight: number) {
    this.weight = weight;
  }

  add(ticket: T, number: number): void {
    let caller = this.#callers.get(ticket.caller);
    if (caller === undefined) {
      caller = { end: 0, entries: [] };
      this.#callers.set(ticket.caller, caller);
    }
    const entry = { ticket, number, caller, start: Math.max(this.#nowAt, caller.end) };
    caller.entries.push(entry);
    this.#entryOf.set(ticket, entry);
    caller.end = entry.start + ticket.cost / ticket.weight;
    this.#insert(entry);
  }

  /** @returns whether it was there. */
  serve(ticket: T): boolean {
    const entry = this.#takeOut(ticket);
    if (entry === undefined) return false;
    this.#nowAt = Math.max(this.#nowAt, entry.start);
    this.#forgetIdle();
    return true;
  }

  remove(ticket: T): void {
    const entry = this.#entryOf.get(ticket);
    if (entry === undefined) return;
    const { entries } = entry.caller;
    const later = entries.slice(entries.lastIndexOf(entry) + 1);
    this.#takeOut(ticket);
    let { start } = entry;
    for (const moved of later) {
      this.entries.splice(this.#positionOf(moved), 1);
      moved.start = start;
      start += moved.ticket.cost / moved.ticket.weight;
      this.#insert(moved);
    }
    entry.caller.end = start;
    this.#forgetIdle();
  }

  /** -1 when it is not there. */
  indexOf(ticket: T): number {
    const entry = this.#entryOf.get(ticket);
    return entry === undefined ? -1 : this.#positionOf(entry);
  }

  #takeOut(ticket: T): Entry<T> | undefined {
    const entry = this.#entryOf.get(ticket);
    if (entry === undefined) return undefined;
    this.#entryOf.delete(ticket);
    this.entries.splice(this.#positionOf(entry), 1);
    const { entries } = entry.caller;
    // Mostly the first, which is served, or the last, which came and may not wait.
    if (entries.at(-1) === entry) entries.pop();
    else entries.splice(entries.indexOf(entry), 1);
    return entry;
  }

  #insert(entry: Entry<T>): void {
    this.entries.splice(this.#positionOf(entry), 0, entry);
  }

  /** Where it stands, or would. */
  #positionOf(entry: Entry<T>): number {
    let low = 0;
    let high = this.entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { start, number } = this.entries[middle] as Entry<T>;
      if (start < entry.start || (start === entry.start && number < entry.number)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Who waits for nothing and has had no more than its share is as one that never came. */
  #forgetIdle(): void {
    if (this.entries.length === 0) this.#callers.clear();
    if (this.#callers.size <= this.entries.length + IDLE_CALLERS_MAX) return;
    for (const [id, { end, entries }] of this.#callers) {
      if (entries.length === 0 && end <= this.#nowAt) this.#callers.delete(id);
    }
  }
}
