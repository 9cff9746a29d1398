import type { Hold, Standing } from './admission.ts';
import type { SharedRefusal } from './shared-admission.ts';

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
}

/** What will never fit, however long it waits. */
export function tooLarge(holds: readonly Hold[]): Refusal | undefined {
  const hold = holds.find(({ weight, compiled }) => weight > compiled.rule.amount);
  return hold && refusalOf(holds, [{ hold, reason: 'full', fitsAtMs: 0 }], 0);
}

/** The refusal that keeps it longest, where processes count together. */
export function refusalOf(standings: readonly Hold[], refusals: readonly SharedRefusal[], nowMs: number): Refusal {
  let worst = refusals[0] as SharedRefusal;
  const untilMs = ({ hold, fitsAtMs }: SharedRefusal) =>
    hold.meter.log === undefined ? nowMs : fitsAtMs === 0 ? Number.POSITIVE_INFINITY : fitsAtMs;
  for (const refusal of refusals) if (untilMs(refusal) > untilMs(worst)) worst = refusal;
  const { hold, reason } = worst;
  const freeAtMs = untilMs(worst);
  const full = freeAtMs === Number.POSITIVE_INFINITY ? 'never' : freeAtMs > nowMs ? 'wait' : 'busy';
  return {
    type: 'refusal',
    label: hold.compiled.label,
    used: hold.meter.shared?.used(nowMs) ?? 0,
    weight: hold.weight,
    reason: reason === 'unknown' ? reason : full,
    retryAfterMs: Math.max(0, freeAtMs - nowMs),
    standings,
  };
}
