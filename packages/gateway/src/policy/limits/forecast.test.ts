import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { admittedAtMs, nthAdmittedAtMs } from './forecast.ts';
import { SlidingLog } from './sliding-log.ts';

const WINDOW = 1_000;
const START = 10_000;

/** A meter with what was admitted so long before {@link START}, and a copy of it to play with. */
function meters(amount: number, past: readonly { agoMs: number; weight: number }[]) {
  const make = () => {
    const log = new SlidingLog(WINDOW, 8_192);
    for (const { agoMs, weight } of [...past].sort((one, other) => other.agoMs - one.agoMs)) {
      const atMs = START - agoMs;
      if (log.used(atMs) + weight <= amount) log.add(atMs, weight);
    }
    return { log, inFlight: 0, reserved: 0 };
  };
  return { meter: make(), played: make().log };
}

/** Admits one after the other, each as soon as it fits. */
function playedAtMs(log: SlidingLog, amount: number, costs: readonly number[]): number {
  let atMs = START;
  for (const cost of costs) {
    atMs = log.fitsAtMs(atMs, cost, amount);
    log.add(atMs, cost);
  }
  return atMs;
}

describe('a forecast', () => {
  const past = fc.array(
    fc.record({ agoMs: fc.integer({ min: 0, max: WINDOW + 100 }), weight: fc.integer({ min: 1, max: 9 }) }),
    { maxLength: 30 },
  );

  test('says when the last of several gets in, as if they had come in one after the other', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 9, max: 40 }),
        past,
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 60 }),
        (amount, past, costs) => {
          const { meter, played } = meters(amount, past);
          expect(admittedAtMs(meter, amount, costs, START)).toBe(playedAtMs(played, amount, costs));
        },
      ),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test('does so for the nth request without a look at those before it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), past, fc.integer({ min: 1, max: 60 }), (amount, past, count) => {
        const ones = past.map(({ agoMs }) => ({ agoMs, weight: 1 }));
        const { meter, played } = meters(amount, ones);
        expect(nthAdmittedAtMs(meter, amount, count, START)).toBe(playedAtMs(played, amount, Array(count).fill(1)));
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });
});
