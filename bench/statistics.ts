/** A measure over several windows: the middle and the ends, never a mean (one disturbed window would move it). */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly windows: number;
}

/** The middle value (mean of the two middle ones for an even count). NaN for no values. */
export function median(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  const upper = sorted.length >> 1;
  const high = sorted[upper] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : (high + (sorted[upper - 1] ?? Number.NaN)) / 2;
}

/** Nearest-rank percentile: the smallest value that at least `share` (0–1) of the values do not exceed. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(sorted.length, Math.max(1, Math.ceil(share * sorted.length)));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Median with its minimum and maximum; undefined when no window was valid. */
export function spread(values: readonly number[]): Spread | undefined {
  if (values.length === 0) return undefined;
  return { median: median(values), min: Math.min(...values), max: Math.max(...values), windows: values.length };
}

/** The difference of two series window by window, so that drift that hit both cancels out. */
export function pairedDifference(values: readonly number[], base: readonly number[]): number[] {
  const pairs = Math.min(values.length, base.length);
  return Array.from({ length: pairs }, (_, at) => (values[at] ?? Number.NaN) - (base[at] ?? Number.NaN));
}
