import { expect, test } from 'bun:test';
import { recoverEarlier } from './recover-earlier.ts';

/** Tells of so many that live, one after the other, and then always of the last. */
function ledger(living: number[]) {
  const told = { times: 0 };
  const recover = async () => {
    const at = Math.min(told.times++, living.length - 1);
    return { writers: 0, settled: 0, estimated: 0, damaged: 0, living: living[at] ?? 0, isComplete: true };
  };
  return { told, recover };
}

test('those that outlived their parent are waited for, until none is left', async () => {
  const { told, recover } = ledger([2, 1, 0]);
  await recoverEarlier({ recover }, 10_000, true);
  expect(told.times).toBe(3);
});

test('but not for longer than allowed, and nobody else is waited for', async () => {
  const stuck = ledger([1]);
  const startedMs = performance.now();
  await recoverEarlier(stuck, 120, true);
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  expect(stuck.told.times).toBeGreaterThan(1);
  const others = ledger([1]);
  await recoverEarlier(others, 60_000, false);
  expect(others.told.times).toBe(1);
});
