import { Fault } from '@turnpike/wire/fault.ts';
import { realTimers, type Timers } from '../../quota/timers.ts';
import { Admission, type Hold } from './admission.ts';
import type { Turn } from './fair-queue.ts';
import { admittedAtMs, nthAdmittedAtMs } from './forecast.ts';
import { Line, type Place, type Stop } from './line.ts';
import type { Meter } from './meters.ts';
import type { RefusedWaiting } from './refusal.ts';
import { longest, type Shortfall } from './shortfall.ts';
import type { Verdict, Waiter } from './waiter.ts';

/** What a waiting room needs of its limiter. */
export interface RoomHouse {
  readonly now: () => number;
  /** Admits by all holds or by none. A promise only where processes count together. */
  readonly take: (holds: readonly Hold[]) => Verdict | Promise<Verdict>;
  readonly timers?: Timers | undefined;
  /** Is this process the only one? Then it knows when what waits is admitted. */
  readonly isAlone: boolean;
}

/** Where processes count together, a place that another one frees is asked for so often. */
const PLACE_ASKED_MS = 50;

/**
 * Those who wait for room under limits that have queues. Each stands in the line of every such limit, and is admitted when
 * all of them let it through; the one that keeps it longest is the one it holds up.
 */
export class WaitingRoom {
  readonly #house: RoomHouse;
  readonly #timers: Timers;
  /** Those that wait, the first that came first, and where they stand. */
  readonly #places = new Map<Waiter, readonly Place[]>();
  readonly #lines = new WeakMap<Meter, Line>();
  #isClosed = false;

  constructor(house: RoomHouse) {
    this.#house = house;
    this.#timers = house.timers ?? realTimers;
  }

  /** Lets a request wait for its turn, unless that is too late or too many wait. Ends it sooner or later. */
  enter(waiter: Waiter): void {
    if (this.#isClosed) waiter.fail(stopping());
    else if (waiter.signal.aborted) waiter.fail(new Fault('client_gone'));
    else {
      this.#stand(waiter);
      this.#settleIn(waiter);
    }
  }

  #stand(waiter: Waiter): void {
    const holds = waiter.holds.filter(({ compiled }) => compiled.rule.queue !== undefined);
    const places = holds.map((hold) => this.#lineOf(hold.meter).place(waiter, hold));
    this.#places.set(waiter, places);
    waiter.onGone = () => this.#leave(waiter, () => waiter.fail(new Fault('client_gone')));
    waiter.signal.addEventListener('abort', waiter.onGone, { once: true });
    for (const { line } of places) this.#turn(line, false);
  }

  #lineOf(meter: Meter): Line {
    let line = this.#lines.get(meter);
    if (line === undefined) {
      line = new Line(meter, (line) => this.#turn(line, true));
      this.#lines.set(meter, line);
    }
    meter.line = line;
    return line;
  }

  #settleIn(waiter: Waiter): void {
    const places = this.#places.get(waiter);
    if (places === undefined) return;
    const full = places.find(({ line, hold }) => line.queue.size > (hold.compiled.rule.queue?.lengthMax ?? 0));
    if (full !== undefined) this.#refuse(waiter, 'full', full.line);
    else if (this.#turnAtMs(places) > waiter.deadlineMs) this.#refuse(waiter, 'late');
    else {
      const leftMs = Math.max(0, Math.ceil(waiter.deadlineMs - this.#house.now()));
      waiter.stopClock = this.#timers.after(leftMs, () => this.#refuse(waiter, 'over'));
      waiter.onWait();
    }
  }

  /** Sends all of them away, to come again under other rules. */
  clear(): readonly Waiter[] {
    const all = [...this.#places.keys()];
    for (const waiter of all) this.#takeOut(waiter);
    return all;
  }

  /** Refuses those that wait, and those that come. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.clear()) waiter.fail(stopping());
  }

  /** @param isNews Is there more room than when the line last stopped, or is it time to look? */
  #turn(line: Line, isNews: boolean): void {
    const stopped = line.start();
    const due = new Set<Line>();
    line.queue.walk((place) => {
      const isKnown = !isNews && place === stopped?.place && this.#house.now() < stopped.untilMs;
      return isKnown ? this.#stop(stopped) : this.#visit(place, due);
    });
    line.endIfEmpty();
    for (const other of due) if (other !== line) this.#turn(other, false);
  }

  #visit(place: Place, due: Set<Line>): Turn {
    const { waiter, line } = place;
    if (waiter.keptBy !== undefined && waiter.keptBy !== line.meter) return 'passed';
    if (waiter.isAsking) return this.#stop({ place, untilMs: Number.POSITIVE_INFINITY });
    for (const other of this.#places.get(waiter) ?? []) {
      if (!other.line.isAheadOf(other)) continue;
      this.#keep(waiter, other.line.meter);
      return 'passed';
    }
    const verdict = this.#house.take(waiter.holds);
    if (!(verdict instanceof Promise)) return this.#heed(place, verdict, due);
    waiter.isAsking = true;
    void verdict.then((verdict) => this.#answered(place, verdict));
    return this.#stop({ place, untilMs: Number.POSITIVE_INFINITY });
  }

  #answered(place: Place, verdict: Verdict): void {
    const { waiter, line } = place;
    const places = this.#places.get(waiter);
    const due = new Set([line, ...(places ?? []).map(({ line }) => line)]);
    waiter.isAsking = false;
    if (places === undefined) {
      if (verdict instanceof Admission) verdict.settle({ wasUnsent: true, inputTokens: 0, outputTokens: 0 });
    } else if (this.#heed(place, verdict, due) === 'served') line.queue.serve(place);
    for (const other of due) this.#turn(other, false);
  }

  #heed(place: Place, verdict: Verdict, due: Set<Line>): Turn {
    const { waiter, line } = place;
    if (verdict instanceof Admission) {
      const places = this.#places.get(waiter) ?? [];
      this.#keep(waiter, undefined);
      this.#places.delete(waiter);
      waiter.rest();
      for (const other of places) {
        if (other === place) continue;
        other.line.queue.serve(other);
        due.add(other.line);
      }
      waiter.end(verdict);
      return 'served';
    }
    const worst = longest(verdict);
    const isHopeless = verdict.some(({ hold, reason }) => hold.meter.line === undefined || reason === 'unknown');
    if (isHopeless || worst.fitsAtMs === 0 || this.#isLate(worst, waiter)) {
      for (const other of this.#takeOut(waiter)) if (other.line !== line) due.add(other.line);
      const isLate = !isHopeless && worst.fitsAtMs !== 0;
      waiter.refuse(verdict, isLate ? this.#told('late', waiter, line) : undefined);
      return 'removed';
    }
    const { meter } = worst.hold;
    this.#keep(waiter, meter);
    if (meter !== line.meter) {
      due.add(this.#lineOf(meter));
      return 'passed';
    }
    const placeAtMs = this.#house.isAlone ? Number.POSITIVE_INFINITY : this.#house.now() + PLACE_ASKED_MS;
    return this.#stop({ place, untilMs: meter.log === undefined ? placeAtMs : worst.fitsAtMs });
  }

  /** Where processes count together, what the authority said is all there is to go by; tokens may come back sooner. */
  #isLate({ hold, fitsAtMs }: Shortfall, { deadlineMs }: Waiter): boolean {
    return !this.#house.isAlone && hold.compiled.rule.measure === 'requests' && fitsAtMs > deadlineMs;
  }

  #stop(stop: Stop): Turn {
    const { line } = stop.place;
    line.stopAt(stop);
    if (Number.isFinite(stop.untilMs)) {
      const waitMs = Math.max(0, Math.ceil(stop.untilMs - this.#house.now()));
      line.wakeBy(this.#timers.after(waitMs, () => this.#turn(line, true)));
    }
    return 'stop';
  }

  #refuse(waiter: Waiter, why: RefusedWaiting['why'], by?: Line): void {
    const places = this.#places.get(waiter) ?? [];
    this.#leave(waiter, () => {
      const shortfalls = this.#shortfalls(places);
      const line = by ?? this.#lines.get(longest(shortfalls).hold.meter);
      waiter.refuse(shortfalls, line && this.#told(why, waiter, line));
    });
  }

  #told(why: RefusedWaiting['why'], { sinceMs }: Waiter, { queue }: Line): RefusedWaiting {
    return { why, length: queue.size, waitedMs: this.#house.now() - sinceMs };
  }

  /** The earliest instant at which its turn can come, if nobody else comes. */
  #turnAtMs(places: readonly Place[]): number {
    return Math.max(
      ...places.map((place) => this.#fitsAtMs(place, { isIn: true, givenBack: place.hold.meter.reserved })),
    );
  }

  /** When one that has left would get in, after all that wait. */
  #shortfalls(places: readonly Place[]): readonly Shortfall[] {
    return places.map((place) => {
      const fitsAtMs = this.#fitsAtMs(place, { isIn: false, givenBack: 0 });
      return { hold: place.hold, reason: 'full', fitsAtMs };
    });
  }

  /** When its turn comes; of one that is not in line any more, after all others'. */
  #fitsAtMs(place: Place, { isIn, givenBack }: { isIn: boolean; givenBack: number }): number {
    const { line, hold, cost } = place;
    const { measure, amount } = hold.compiled.rule;
    const nowMs = this.#house.now();
    if (!this.#house.isAlone || hold.meter.log === undefined) return nowMs;
    const turn = measure === 'requests' ? line.turnOf(isIn ? place : undefined) : undefined;
    if (turn !== undefined) return nthAdmittedAtMs(hold.meter, amount, turn, nowMs);
    const costs = isIn ? line.costsUntil(place) : [...line.costsUntil(undefined), cost];
    return admittedAtMs(hold.meter, amount + givenBack, costs, nowMs);
  }

  /** @param by What keeps it now; undefined: nothing is known to. */
  #keep(waiter: Waiter, by: Meter | undefined): void {
    const { keptBy } = waiter;
    if (keptBy === by) return;
    for (const { line } of this.#places.get(waiter) ?? []) {
      if (keptBy !== undefined && keptBy !== line.meter) line.keptElsewhere--;
      if (by !== undefined && by !== line.meter) line.keptElsewhere++;
    }
    waiter.keptBy = by;
  }

  #leave(waiter: Waiter, end: () => void): void {
    const places = this.#takeOut(waiter);
    end();
    for (const { line } of places) this.#turn(line, false);
  }

  /** @returns where it stood. */
  #takeOut(waiter: Waiter): readonly Place[] {
    const places = this.#places.get(waiter) ?? [];
    this.#keep(waiter, undefined);
    this.#places.delete(waiter);
    waiter.rest();
    for (const place of places) place.line.remove(place);
    return places;
  }
}

function stopping(): Fault {
  return new Fault('shutting_down', { retryAfterMs: 1_000 });
}
