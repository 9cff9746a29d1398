import type { Meter } from './meters.ts';

/**
 * When the last of several is admitted, if each is as soon as it fits, in this order, and nothing else is. Exact for what
 * a window counts; of a place nobody knows, and it is told as if it were free now.
 *
 * @param costs What each takes, the one asked about last. None is more than the amount.
 */
export function admittedAtMs({ log }: Meter, amount: number, costs: readonly number[], nowMs: number): number {
  if (log === undefined) return nowMs;
  const total = costs.reduce((sum, cost) => sum + cost, 0);
  if (total <= amount) return log.fitsAtMs(nowMs, total, amount);
  // What does not fit beside those before it waits until enough of them have left the window again.
  const times: number[] = [];
  let first = 0;
  let standing = 0;
  let sum = 0;
  let atMs = nowMs;
  for (const cost of costs) {
    sum += cost;
    standing += cost;
    if (sum <= amount) atMs = log.fitsAtMs(nowMs, sum, amount);
    while (standing > amount) {
      atMs = Math.max(atMs, (times[first] ?? nowMs) + log.windowMs);
      standing -= costs[first] ?? 0;
      first++;
    }
    times.push(atMs);
  }
  return atMs;
}
