import type { Hold, Standing } from './admission.ts';
import { longest, type Shortfall } from './shortfall.ts';

/** Why an exchange was not admitted. Nothing was counted. */
export interface Refusal {
  readonly type: 'refusal';
  /** The rule that keeps it longest. */
  readonly label: string;
  readonly used: number;
  /** What the exchange would have counted. */
  readonly weight: number;
  /**
   * `wait`: after so long, if nothing else is admitted, all rules admit it. `busy`: when one of those under way ends.
   * `never`: it is larger than the limit itself. `unknown`: what other processes used cannot be asked.
   */
  readonly reason: 'wait' | 'busy' | 'never' | 'unknown';
  readonly retryAfterMs: number;
  readonly standings: readonly Standing[];
  /** Absent when the limit has no queue. */
  readonly queue?: RefusedWaiting;
}

/** What a queue has to do with a refusal. */
export interface RefusedWaiting {
  /** `full`: as many wait as may. `late`: its turn comes after the time it may wait. `over`: that time has passed. */
  readonly why: 'full' | 'late' | 'over';
  /** Those that wait for the same. */
  readonly length: number;
  readonly waitedMs: number;
}

/** What will never fit, however long it waits. */
export function tooLarge(holds: readonly Hold[]): Refusal | undefined {
  const hold = holds.find(({ weight, compiled }) => weight > compiled.rule.amount);
  return hold && refusalOf(holds, [{ hold, reason: 'full', fitsAtMs: 0 }], 0);
}

/** @param shortfalls One at least: the one that keeps it longest is told. */
export function refusalOf(standings: readonly Hold[], shortfalls: readonly Shortfall[], nowMs: number): Refusal {
  const { hold, reason, fitsAtMs } = longest(shortfalls);
  const { meter, compiled, weight } = hold;
  const full = fitsAtMs === 0 ? 'never' : fitsAtMs > nowMs ? 'wait' : 'busy';
  return {
    type: 'refusal',
    label: compiled.label,
    used: (meter.shared ?? meter.log)?.used(nowMs) ?? meter.inFlight,
    weight,
    reason: reason === 'unknown' ? reason : full,
    retryAfterMs: fitsAtMs === 0 ? Number.POSITIVE_INFINITY : Math.max(0, fitsAtMs - nowMs),
    standings,
  };
}
