import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { SlidingLog } from './sliding-log.ts';

/** The law said as plainly as it can be: every admission ever made, and a sum over them. */
class Reference {
  readonly entries: { atMs: number; weight: number }[] = [];
  constructor(
    readonly windowMs: number,
    readonly amount: number,
  ) {}

  used(nowMs: number): number {
    let sum = 0;
    for (const { atMs, weight } of this.entries) if (atMs <= nowMs && nowMs < atMs + this.windowMs) sum += weight;
    return sum;
  }

  /** Tries now and each instant at which something leaves. */
  fitsAtMs(nowMs: number, weight: number): number {
    const instants = [nowMs, ...this.entries.map(({ atMs }) => atMs + this.windowMs).filter((at) => at > nowMs)];
    instants.sort((a, b) => a - b);
    return instants.find((at) => this.used(at) + weight <= this.amount) ?? Number.POSITIVE_INFINITY;
  }

  /** The most that any window holds, wherever it begins. */
  worst(): number {
    return Math.max(0, ...this.entries.map(({ atMs }) => this.used(atMs)));
  }
}

const step = fc.record({
  waitMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 }), fc.constantFrom(99, 100, 101, 1000)),
  weight: fc.integer({ min: 1, max: 12 }),
  /** Later turned into something else: what was admitted `back` admissions ago, by so much. */
  correct: fc.option(
    fc.record({ back: fc.integer({ min: 0, max: 5 }), share: fc.double({ min: 0, max: 2, noNaN: true }) }),
  ),
});

describe('SlidingLog', () => {
  test('does what the plain law does, over thousands of histories', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 30 }), (steps, amount) => {
        const log = new SlidingLog(100, 8192);
        const law = new Reference(100, amount);
        const handles: number[] = [];
        let nowMs = 0.25;
        for (const { waitMs, weight, correct } of steps) {
          nowMs += waitMs;
          const at = log.fitsAtMs(nowMs, weight, amount);
          expect(at).toBe(law.fitsAtMs(nowMs, weight));
          expect(log.used(nowMs)).toBe(law.used(nowMs));
          if (at === nowMs) {
            handles.push(log.add(nowMs, weight));
            law.entries.push({ atMs: nowMs, weight });
          }
          const entry = correct === null ? undefined : law.entries.at(-1 - correct.back);
          if (entry !== undefined && correct !== null && nowMs < entry.atMs + 100) {
            const delta = Math.round(entry.weight * correct.share) - entry.weight;
            log.change(handles[law.entries.indexOf(entry)] ?? Number.NaN, delta);
            entry.weight += delta;
          }
        }
      }),
      { numRuns: 4_000, seed: 20_261_121 },
    );
  });

  test('never lets a window hold more than the amount, wherever it begins', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
        const log = new SlidingLog(100, 64);
        const law = new Reference(100, 20);
        let nowMs = 0;
        for (const { waitMs, weight } of steps) {
          nowMs += waitMs;
          if (log.fitsAtMs(nowMs, weight, 20) > nowMs) continue;
          log.add(nowMs, weight);
          law.entries.push({ atMs: nowMs, weight });
        }
        expect(law.worst()).toBeLessThanOrEqual(20);
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test('counts half-open windows: the instant it told is the first one that works', () => {
    const log = new SlidingLog(60_000, 8192);
    for (let at = 0; at < 10; at++) log.add(at * 1_000, 1);
    expect(log.fitsAtMs(9_000, 1, 10)).toBe(60_000);
    expect(log.fitsAtMs(59_999.999, 1, 10)).toBe(60_000);
    expect(log.fitsAtMs(60_000, 1, 10)).toBe(60_000);
    log.add(60_000, 1);
    expect(log.fitsAtMs(60_000, 1, 10)).toBe(61_000);
    expect(log.fitsAtMs(60_000, 11, 10)).toBe(Number.POSITIVE_INFINITY);
    expect(log.emptyAtMs(60_000)).toBe(120_000);
    expect(log.emptyAtMs(130_000)).toBe(130_000);
  });

  test('stays within its slots, keeps the law, and admits at most two slots’ width too late', () => {
    const slots = 64;
    const log = new SlidingLog(1_000, slots);
    const law = new Reference(1_000, 500);
    const widthMs = (2 * 1_000) / slots;
    let state = 42;
    let nowMs = 0;
    for (let turn = 0; turn < 6_000; turn++) {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
      nowMs += (state % 4_000) / 1_000;
      const at = log.fitsAtMs(nowMs, 1, 500);
      expect(at).toBeGreaterThanOrEqual(law.fitsAtMs(nowMs, 1));
      expect(at).toBeLessThanOrEqual(law.fitsAtMs(nowMs, 1) + widthMs);
      if (at > nowMs) continue;
      log.add(nowMs, 1);
      law.entries.push({ atMs: nowMs, weight: 1 });
      if (law.entries.length > 1_200) law.entries.splice(0, 500);
      expect(law.used(nowMs)).toBeLessThanOrEqual(500);
    }
  });

  test('finds the instant among hundreds of slots, corrected and not', () => {
    const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 9 })), {
      minLength: 300,
      maxLength: 700,
    });
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 2_000 }), (entries, asked) => {
        const log = new SlidingLog(10_000, 8192);
        const law = new Reference(10_000, 7_000);
        for (const [at, [weight, settled]] of entries.entries()) {
          log.add(at, weight);
          if (at % 3 === 0) log.change(at, settled - weight);
          law.entries.push({ atMs: at, weight: at % 3 === 0 ? settled : weight });
        }
        // Over a part that has left already, too.
        for (const nowMs of [entries.length, 10_000 + Math.floor(entries.length / 3)]) {
          const amount = Math.max(asked, Math.floor(log.used(nowMs) / 2));
          const plain = new Reference(10_000, amount);
          plain.entries.push(...law.entries);
          expect(log.fitsAtMs(nowMs, asked, amount)).toBe(plain.fitsAtMs(nowMs, asked));
        }
      }),
      { numRuns: 20, seed: 99 },
    );
  });

  test('corrects what was merged, and leaves alone what has gone', () => {
    const log = new SlidingLog(1_000, 64);
    const handles: number[] = [];
    for (let at = 0; at < 500; at++) handles.push(log.add(at, 2));
    expect(log.used(499)).toBe(1_000);
    for (const handle of handles) log.change(handle, -1);
    expect(log.used(499)).toBe(500);
    expect(log.used(5_000)).toBe(0);
    for (const handle of handles) log.change(handle, -1);
    log.add(5_000, 3);
    for (const handle of handles) log.change(handle, -1);
    expect(log.used(5_000)).toBe(3);
  });
});
