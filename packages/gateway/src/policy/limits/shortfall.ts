import type { Hold } from './admission.ts';

/** A hold that does not fit now. */
export interface Shortfall {
  readonly hold: Hold;
  /** `full`: there is no room. `unknown`: nobody could be asked, and the rule says to refuse then. */
  readonly reason: 'full' | 'unknown';
  /** When it fits if nothing is added, in milliseconds of the limits' clock; 0 for never. A place: now. */
  readonly fitsAtMs: number;
}

const NONE: readonly Shortfall[] = [];

/** Those of the holds that do not fit now, where this process is the only one. Counts nothing. */
export function shortfallsOf(holds: readonly Hold[], nowMs: number): readonly Shortfall[] {
  let found: Shortfall[] | undefined;
  for (const hold of holds) {
    const { compiled, meter, weight } = hold;
    const { amount } = compiled.rule;
    if (meter.log === undefined) {
      if (meter.inFlight + weight <= amount) continue;
    } else if (meter.log.used(nowMs) + weight <= amount) continue;
    const fitsAtMs = meter.log?.fitsAtMs(nowMs, weight, amount) ?? nowMs;
    found ??= [];
    found.push({ hold, reason: 'full', fitsAtMs: Number.isFinite(fitsAtMs) ? fitsAtMs : 0 });
  }
  return found ?? NONE;
}

/** The one that keeps a request longest. */
export function longest(shortfalls: readonly Shortfall[]): Shortfall {
  let worst = shortfalls[0] as Shortfall;
  for (const shortfall of shortfalls) if (untilMs(shortfall) > untilMs(worst)) worst = shortfall;
  return worst;
}

function untilMs({ fitsAtMs }: Shortfall): number {
  return fitsAtMs === 0 ? Number.POSITIVE_INFINITY : fitsAtMs;
}
