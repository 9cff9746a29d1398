import type { LimitMeasure } from '../../config/limit-rule.ts';
import type { CompiledRule } from './compiled-rule.ts';
import type { Meter } from './meters.ts';
import { usedOf } from './token-cost.ts';

/** A rule and what it counts for one exchange. */
export interface Standing {
  readonly compiled: CompiledRule;
  readonly meter: Meter;
}

/** What an exchange counts under one rule. */
export interface Hold extends Standing {
  readonly weight: number;
  /** The instant it counts from, in the meter's log. */
  atMs: number;
  /** The instant from which it no longer counts, where several processes count it together. */
  untilMs: number;
}

/** What an admitted exchange, or attempt, came to. */
export interface LimitEnd {
  /** Nothing was sent to a provider: it is as if it had never come. */
  readonly wasUnsent: boolean;
  /** Tokens it took; zeros when it failed. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A place under the limits. To be settled once; what comes after the first time does nothing. */
export class Admission {
  readonly standings: readonly Standing[];
  readonly #clock: () => number;
  #holds: readonly Hold[];

  constructor(holds: readonly Hold[], clock: () => number) {
    for (const hold of holds) if (mayGiveBack(hold)) hold.meter.reserved += hold.weight;
    this.standings = holds;
    this.#holds = holds;
    this.#clock = clock;
  }

  /** Frees the place, and turns the reserved tokens into those taken, counted from the instant of the admission. */
  settle(end: LimitEnd): void {
    const holds = this.#holds;
    this.#holds = [];
    if (holds.length === 0) return;
    const nowMs = this.#clock();
    let isWaitedFor = false;
    for (const hold of holds) {
      const { compiled, meter, weight, atMs, untilMs } = hold;
      if (mayGiveBack(hold)) meter.reserved -= weight;
      const { log, shared } = meter;
      const used = log === undefined || end.wasUnsent ? 0 : usedOf(compiled.rule.measure, end);
      if (used === weight) continue;
      isWaitedFor ||= meter.line !== undefined;
      log?.used(nowMs);
      if (shared !== undefined) shared.change(atMs, untilMs, used - weight);
      else if (log === undefined) meter.inFlight--;
      else log.change(atMs, used - weight);
    }
    if (isWaitedFor) for (const { meter } of holds) meter.line?.freed();
  }
}

/** Are these tokens of a limit with a queue, of which some come back when the exchange ends? */
function mayGiveBack({ compiled: { rule } }: Hold): boolean {
  return rule.queue !== undefined && rule.measure !== 'requests' && rule.measure !== 'concurrency';
}

/** How much is left of a limit. */
export interface Reading {
  readonly measure: LimitMeasure;
  readonly amount: number;
  readonly remaining: number;
  /** Until all of it is free again, in milliseconds, if nothing is added. */
  readonly resetMs: number;
}

/** The limit on any of these measures that has least left. Undefined when none counts them. */
export function tightest(
  standings: readonly Standing[],
  measures: readonly LimitMeasure[],
  nowMs: number,
): Reading | undefined {
  let least: Reading | undefined;
  for (const { compiled, meter } of standings) {
    const { measure, amount } = compiled.rule;
    if (meter.log === undefined || !measures.includes(measure)) continue;
    const remaining = Math.max(0, amount - (meter.shared ?? meter.log).used(nowMs));
    if (least !== undefined && least.remaining <= remaining) continue;
    least = { measure, amount, remaining, resetMs: (meter.shared ?? meter.log).emptyAtMs(nowMs) - nowMs };
  }
  return least;
}
