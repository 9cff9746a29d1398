import type { Bill } from './bill.ts';
import type { MeasureId } from './plan.ts';
import type { Spread } from './statistics.ts';

/** All figures of one lane in one measure. Absent: not measured, or no valid window. */
export interface LaneFigures {
  readonly lane: string;
  /** µs of CPU per request (JSON) or per streamed chunk (burst, paced). */
  readonly cpuUs?: Spread;
  readonly requestsPerSecond?: Spread;
  readonly chunksPerSecond?: Spread;
  /** Added over going to the upstream directly; for the direct lane itself its own latency. */
  readonly p50Us?: Spread;
  readonly p99Us?: Spread;
  readonly ttftP50Us?: Spread;
  readonly ttftP99Us?: Spread;
  /** Windows that did not count, with the reason. */
  readonly invalid: readonly string[];
}

export interface MeasureResult {
  readonly id: MeasureId;
  readonly title: string;
  readonly lanes: readonly LaneFigures[];
}

/** Resident memory of a peer, bytes. */
export interface MemoryFigures {
  readonly peer: string;
  readonly idleBytes: number;
  /** Median of samples while all streams were open. */
  readonly heldBytes?: number;
  readonly heldBytesMax?: number;
  /** After the streams ended and the gateway was left alone. */
  readonly afterBytes?: number;
  readonly afterSeconds?: number;
}

export interface BenchResult {
  readonly startedAt: string;
  readonly mode: 'quick' | 'full';
  readonly machine: Readonly<Record<string, string | number>>;
  /** Share of the gateway's core that other processes used while a peer was loaded, 0–1. */
  readonly foreignShare: number;
  readonly leftOut: Readonly<Record<string, string>>;
  readonly measures: readonly MeasureResult[];
  readonly memory: readonly MemoryFigures[];
  /** Turnpike's log against what was answered; absent when Turnpike was not measured. */
  readonly bill?: Bill | undefined;
}

/** The figures of a lane in a measure, if it was measured. */
export function figuresOf(result: BenchResult, measure: MeasureId, lane: string): LaneFigures | undefined {
  return result.measures.find(({ id }) => id === measure)?.lanes.find((candidate) => candidate.lane === lane);
}

/** Median of a spread that may not be there. */
export function middle(value: Spread | undefined): number | undefined {
  return value?.median;
}
