import type { Hold } from './admission.ts';
import type { SharedMeter } from './shared-meter.ts';
import type { Shortfall } from './shortfall.ts';

/** A hold of which several processes count the rule together. */
interface SharedHold extends Hold {
  readonly meter: Hold['meter'] & { shared: SharedMeter };
}

/**
 * Takes all of the holds out of the leases, or none. A promise only when a lease is too small.
 *
 * @returns those who refused: none, when all is entered.
 */
export function takeShared(
  all: readonly Hold[],
  now: () => number,
): readonly Shortfall[] | Promise<readonly Shortfall[]> {
  const holds = all.filter(isShared);
  const taken: SharedHold[] = [];
  for (const hold of holds) {
    if (!hold.meter.shared.tryTake(hold.weight, hold.compiled.rule.amount)) return askShared(holds, taken, now);
    taken.push(hold);
  }
  enter(holds, now());
  return [];
}

/** @param taken What was taken already; it is put back when another refuses. */
async function askShared(
  holds: readonly SharedHold[],
  taken: SharedHold[],
  now: () => number,
): Promise<readonly Shortfall[]> {
  const forced: SharedHold[] = [];
  // Places last: what is taken of the others meanwhile is waited for by those who need it, a place is not.
  for (const isPlace of [false, true]) {
    const missing: SharedHold[] = [];
    for (const hold of holds) {
      if ((hold.meter.log === undefined) !== isPlace || taken.includes(hold)) continue;
      if (hold.meter.shared.tryTake(hold.weight, hold.compiled.rule.amount)) taken.push(hold);
      else missing.push(hold);
    }
    if (missing.length === 0) continue;
    const refusals: Shortfall[] = [];
    const answers = await Promise.all(missing.map(({ meter, weight }) => meter.shared.ask(weight)));
    for (const [index, hold] of missing.entries()) {
      const answer = answers[index];
      if (answer?.taken === 'taken') taken.push(hold);
      else if (answer?.taken === 'refused')
        refusals.push({ hold, reason: 'full', fitsAtMs: isPlace ? now() : answer.fitsAtMs });
      else {
        const refusal = force(hold, now());
        if (refusal === undefined) forced.push(hold);
        else refusals.push(refusal);
      }
    }
    if (refusals.length === 0) continue;
    for (const { meter, weight } of taken) meter.shared.putBack(weight);
    for (const { meter, weight, atMs, untilMs } of forced) meter.shared.change(atMs, untilMs, -weight);
    return refusals;
  }
  enter(taken, now());
  return [];
}

function isShared(hold: Hold): hold is SharedHold {
  return hold.meter.shared !== undefined;
}

function enter(holds: readonly SharedHold[], nowMs: number): void {
  for (const hold of holds) Object.assign(hold, hold.meter.shared.enter(nowMs, hold.weight));
}

/** Nobody can be asked: what this process knows alone decides, unless the rule wants it otherwise. */
function force(hold: SharedHold, nowMs: number): Shortfall | undefined {
  const { weight, compiled } = hold;
  const { shared } = hold.meter;
  if (compiled.rule.unreachable === 'refuse') return { hold, reason: 'unknown', fitsAtMs: nowMs };
  const fitsAtMs = shared.fitsAtMs(nowMs, weight, compiled.rule.amount);
  if (fitsAtMs > nowMs) return { hold, reason: 'full', fitsAtMs };
  Object.assign(hold, shared.force(nowMs, weight));
  return undefined;
}
