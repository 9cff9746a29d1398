import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { readMarkup } from '../config/markup-rule.ts';
import { markupJson, readWrittenMarkup, upliftOf } from './uplift.ts';

function markup(percent: string, perCall = '0') {
  const rule = readMarkup(undefined, { percent, perCall });
  if ('message' in rule) throw new Error(rule.message);
  return rule;
}

test('halves of a nano-dollar are rounded away from zero', () => {
  const figures = [
    ['50', 1n, 1n],
    ['50', -1n, -1n],
    ['49.999999', 1n, 0n],
    ['12.5', 1_000_000_000n, 125_000_000n],
    ['0.000001', 49_999_999n, 0n],
    ['0.000001', 50_000_000n, 1n],
    ['-10', 15n, -2n],
    ['-100', 7n, -7n],
    // Past 2^53.
    ['33.333333', 9_007_199_254_740_993n, 3_002_399_721_556_333n],
  ] as const;
  for (const [percent, cost, uplift] of figures)
    expect([percent, upliftOf(markup(percent), cost, true)]).toEqual([percent, uplift]);
});

test('the fixed amount is of calls alone, at an unknown cost too', () => {
  const fixed = markup('10', '0.001');
  expect(upliftOf(fixed, 100n, true)).toBe(1_000_010n);
  expect(upliftOf(fixed, 100n, false)).toBe(10n);
  expect(upliftOf(fixed, undefined, true)).toBe(1_000_000n);
});

test('what takes a cost back takes its uplift back, and no entry is off by more than half a nano-dollar', () => {
  fc.assert(
    fc.property(
      fc.bigInt(-(10n ** 15n), 10n ** 15n),
      fc.bigInt(-(10n ** 8n), 10n ** 10n),
      (cost, percentMillionths) => {
        const rule = { percentMillionths, perCallNanoUsd: 0n };
        const uplift = upliftOf(rule, cost, true);
        expect(upliftOf(rule, -cost, true)).toBe(-uplift);
        const off = uplift * 100_000_000n - cost * percentMillionths;
        expect(off <= 50_000_000n && off >= -50_000_000n).toBe(true);
        expect(readWrittenMarkup(JSON.parse(markupJson(rule)))).toEqual(rule);
      },
    ),
  );
});
