import type { Meter } from './meters.ts';

/** As {@link admittedAtMs}, where each takes one: when the last of `count` is admitted. */
export function nthAdmittedAtMs({ log }: Meter, amount: number, count: number, nowMs: number): number {
  if (log === undefined || count === 0) return nowMs;
  // Each comes in a window after the one that is `amount` places before it.
  const rounds = Math.floor((count - 1) / amount);
  return log.fitsAtMs(nowMs, count - rounds * amount, amount) + rounds * log.windowMs;
}

/**
 * When the last of several is admitted, if each is as soon as it fits, in this order, and nothing else is. Exact for what
 * a window counts; of a place nobody knows, and it is told as if it were free now.
 *
 * @param costs What each takes, the one asked about last. None is more than the amount.
 */
export function admittedAtMs({ log }: Meter, amount: number, costs: readonly number[], nowMs: number): number {
  if (log === undefined) return nowMs;
  const sums: number[] = [];
  let sum = 0;
  for (const cost of costs) {
    sum += cost;
    sums.push(sum);
  }
  // What does not fit beside those before it comes in a window after the last of them that has to leave first.
  let last = sums.length - 1;
  let rounds = 0;
  for (; (sums[last] ?? 0) > amount; rounds++) last = firstAtLeast(sums, (sums[last] ?? 0) - amount);
  return log.fitsAtMs(nowMs, sums[last] ?? 0, amount) + rounds * log.windowMs;
}

/** The index of the first of increasing numbers that is no less than `least`; the last when none is. */
function firstAtLeast(numbers: readonly number[], least: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] as number) < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
