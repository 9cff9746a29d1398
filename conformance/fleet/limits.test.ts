/** Limits that four worker processes share, in real time: `bun conformance/fleet/limits.ts [--seconds 20] [--workers 4]`. */
import { describe, expect, test } from 'bun:test';
import { percentile } from '../limits/figures.ts';
import { judgeLimit } from './limit-figures.ts';
import { limitRuns, lineOf, runLimit } from './limits.ts';

describe.skipIf(process.platform !== 'linux')('limits of four processes, against the exact law', () => {
  for (const [name, run] of Object.entries(limitRuns)) {
    if (name === 'tokens, away from the line') continue; // In longer runs: it waits less often than requests do.
    test(name, async () => {
      const figures = await runLimit({ ...run, workers: 4, seconds: 3.5, seed: 3 });
      process.stdout.write(`${name}: ${lineOf(figures)}\n`);
      expect(figures.overshoot).toBeLessThanOrEqual(0.01);
      expect(figures.admitted).toBeGreaterThan(50);
      if (name.includes('away')) {
        expect(figures.refused).toBe(0);
        // In so short a run the first request of each process weighs.
        expect(figures.waited / figures.asked).toBeLessThanOrEqual(0.08);
        return;
      }
      expect(figures.refused).toBeGreaterThan(20);
      expect(figures.refusedInVain / figures.refused).toBeLessThanOrEqual(0.01);
      expect(percentile(figures.retryErrorsMs, 0.95)).toBeLessThanOrEqual(50);
    }, 60_000);
  }
});

describe('the judge', () => {
  const entered = (atMs: number) => ({ type: 'entered', atMs, weight: 1 }) as const;
  const refused = (askedMs: number, atMs: number, retryAfterMs: number) =>
    ({ type: 'asked', askedMs, atMs, hasWaited: true, isRefused: true, weight: 1, retryAfterMs }) as const;

  test('sees what is counted beyond the limit, and nothing when it has left the window', () => {
    expect(judgeLimit([entered(0), entered(999), entered(1_000)], 2, 1_000).overshoot).toBeLessThanOrEqual(0);
    expect(judgeLimit([entered(0), entered(10), entered(999)], 2, 1_000).overshoot).toBe(0.5);
  });

  test('sees refusals that had room all the time, and wrong times to try again', () => {
    const full = judgeLimit([entered(0), entered(10), refused(20, 30, 970)], 2, 1_000);
    expect(full).toMatchObject({ refusedInVain: 0, retryErrorsMs: [0] });
    const free = judgeLimit([entered(0), refused(20, 30, 970)], 2, 1_000);
    expect(free.refusedInVain).toBe(1);
    const early = judgeLimit([entered(0), entered(10), refused(20, 30, 500)], 2, 1_000);
    expect(early.retryErrorsMs).toEqual([470]);
  });

  test('lets a correction be on its way for a moment', () => {
    const changed = { type: 'changed', atMs: 25, enteredAtMs: 10, delta: -1 } as const;
    expect(judgeLimit([entered(0), entered(10), changed, refused(20, 30, 970)], 2, 1_000).refusedInVain).toBe(0);
    expect(judgeLimit([entered(0), entered(10), changed, refused(80, 90, 910)], 2, 1_000).refusedInVain).toBe(1);
  });
});
