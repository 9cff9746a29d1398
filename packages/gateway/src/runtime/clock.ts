/** Wall clock, Unix milliseconds. The one place the data plane reads it, so that tests can hold it still. */
export function nowMs(): number {
  return Date.now();
}

/** Monotonic milliseconds since some fixed point, for durations. */
export function monotonicMs(): number {
  return performance.now();
}
