import { expect, test } from 'bun:test';
import { median, pairedDifference, percentile, spread } from './statistics.ts';

test('the median does not depend on order and halves an even count', () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('percentiles are values that were measured', () => {
  const values = Array.from({ length: 100 }, (_, at) => 100 - at);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile([7], 0.01)).toBe(7);
});

test('numbers are sorted as numbers', () => {
  expect(median([100, 20, 3])).toBe(20);
});

test('a spread of nothing is nothing', () => {
  expect(spread([])).toBeUndefined();
  expect(spread([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, windows: 3 });
});

test('differences are taken window by window', () => {
  expect(pairedDifference([10, 20, 30], [1, 2])).toEqual([9, 18]);
});
