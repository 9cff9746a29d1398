import { expect, test } from 'bun:test';
import { newExchangeId } from './exchange-id.ts';

test('ids have the form of a ULID, sort by time and do not repeat', () => {
  expect(newExchangeId(0)).toMatch(/^tp_0{10}[0-9a-hjkmnp-tv-z]{16}$/);
  // 1469918176385 is the specification's example: 01ARYZ6S41.
  expect(newExchangeId(1_469_918_176_385).slice(3, 13)).toBe('01aryz6s41');
  const ids = Array.from({ length: 10_000 }, (_, n) => newExchangeId(1_700_000_000_000 + Math.floor(n / 10)));
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids).toEqual([...ids].sort());
});
