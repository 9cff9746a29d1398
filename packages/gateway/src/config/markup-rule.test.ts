import { expect, test } from 'bun:test';
import { percentText, readMarkup } from './markup-rule.ts';

test('percentages and amounts are taken exactly', () => {
  const level = { type: 'team', id: 'web' } as const;
  expect(readMarkup(level, { percent: '12.500001', perCall: '0.000000001', fromMs: 7 })).toEqual({
    level,
    fromMs: 7,
    percentMillionths: 12_500_001n,
    perCallNanoUsd: 1n,
  });
  expect(readMarkup(undefined, { percent: -10.5 })).toMatchObject({ percentMillionths: -10_500_000n, fromMs: 0 });
  for (const [millionths, text] of [
    [12_500_000n, '12.5'],
    [-10_000_001n, '-10.000001'],
    [0n, '0'],
  ] as const) {
    expect(percentText({ percentMillionths: millionths })).toBe(text);
  }
});

test('what adds nothing, or cannot be kept, is told', () => {
  for (const [entry, says] of [
    [{}, 'adds nothing'],
    [{ percent: '1.0000001' }, 'percent'],
    [{ percent: '-100.1' }, 'percent'],
    [{ percent: 10_001 }, 'percent'],
    [{ perCall: '0.0000000001' }, 'amount'],
    [{ perCall: 1_001 }, 'amount'],
  ] as const) {
    expect(readMarkup(undefined, entry)).toEqual({ message: expect.stringContaining(says), hint: expect.any(String) });
  }
});
