import { closedLoop, type LoopWindow } from './closed-loop.ts';
import type { Lane, Load, Measure } from './plan.ts';
import type { LaneFigures, MeasureResult } from './results.ts';
import type { Ready, Rig } from './rig.ts';
import { pairedDifference, percentile, spread } from './statistics.ts';

export interface Timing {
  readonly windows: number;
  readonly windowMs: number;
  readonly leadInMs: number;
}

/** A window with too few replies says nothing of a percentile; it then runs on for longer, up to this factor. */
const REPLIES_MIN = 16;
const STRETCH_MAX = 5;

/**
 * Runs one measure over all lanes. Windows are interleaved (first window of every lane, second window of every lane …)
 * so that a machine that becomes slower or faster does so for all.
 */
export async function runMeasure(rig: Rig, measure: Measure, timing: Timing): Promise<MeasureResult> {
  const lanes = rig.lanes.filter((lane) => takesPart(lane, measure));
  const readies = new Map<string, Ready>();
  const invalid = new Map<string, string[]>(lanes.map(({ id }) => [id, []]));
  for (const lane of lanes) {
    try {
      readies.set(lane.id, await rig.ready(lane, measure.load));
    } catch (error) {
      invalid.get(lane.id)?.push(`does not answer properly: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const windows = new Map<string, LoopWindow[]>(lanes.map(({ id }) => [id, []]));
  const stretch = new Map<string, number>();
  for (let round = 0; round < timing.windows; round += 1) {
    for (const ready of readies.values()) {
      const { id } = ready.lane;
      const windowMs = timing.windowMs * (stretch.get(id) ?? 1);
      const window = await oneWindow(rig, ready, measure.concurrency, { ...timing, windowMs });
      const [failure] = window.failures;
      if (failure === undefined) windows.get(id)?.push(window);
      else invalid.get(id)?.push(`${window.failures.length} of ${window.replies} failed, first: ${failure}`);
      if (window.replies < REPLIES_MIN) stretch.set(id, stretchFor(window.replies, stretch.get(id) ?? 1));
    }
  }
  // Under load latency is queueing; only one call at a time shows what a gateway adds.
  const direct = measure.concurrency === 1 ? (windows.get('direct') ?? []) : [];
  const figures = lanes.map(({ id }) =>
    laneFigures(id, measure.load, windows.get(id) ?? [], id === 'direct' ? [] : direct, invalid.get(id) ?? []),
  );
  return { id: measure.id, title: measure.title, lanes: figures };
}

/** Just-in-time compilers need tens of thousands of calls before a gateway is as fast as it will be. */
const WARM_REPLIES = 30_000;
const WARM_STEP_MS = 500;

/**
 * Loads every lane of a measure without keeping figures, until it gave so many replies or `longestMs` passed. A lane that
 * does not answer properly is left to the measures, which report it.
 *
 * @returns why lanes could not be warmed, one line each.
 */
export async function warmUp(rig: Rig, measure: Measure, longestMs: number): Promise<string[]> {
  const problems: string[] = [];
  for (const lane of rig.lanes) {
    try {
      const ready = await rig.ready(lane, measure.load);
      const deadline = performance.now() + longestMs;
      for (let replies = 0; replies < WARM_REPLIES && performance.now() < deadline; ) {
        const window = await oneWindow(rig, ready, measure.concurrency, {
          windows: 1,
          windowMs: WARM_STEP_MS,
          leadInMs: 0,
        });
        const [failure] = window.failures;
        if (failure !== undefined) throw new Error(failure);
        replies += window.replies;
      }
    } catch (error) {
      problems.push(`${lane.id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return problems;
}

function takesPart(lane: Lane, measure: Measure): boolean {
  if (lane.peer === 'direct') return measure.withDirect;
  return measure.lanes === 'all' || lane.client === lane.upstream;
}

function stretchFor(replies: number, current: number): number {
  return Math.min(STRETCH_MAX, current * Math.ceil(REPLIES_MIN / Math.max(1, replies)));
}

async function oneWindow(rig: Rig, ready: Ready, concurrency: number, timing: Timing): Promise<LoopWindow> {
  const { port, request, expectation, lane } = ready;
  const { windowMs, leadInMs } = timing;
  const cpuUs = rig.cpuReader(lane.peer);
  const window = await rig.watched(lane.peer, () =>
    closedLoop({ port, request, expectation, concurrency, windowMs, leadInMs, cpuUs }),
  );
  rig.count(lane.peer, window.answered);
  return window;
}

function laneFigures(
  lane: string,
  load: Load,
  windows: readonly LoopWindow[],
  direct: readonly LoopWindow[],
  invalid: readonly string[],
): LaneFigures {
  const full = windows.filter(({ replies }) => replies > 0);
  // A piece of text is a chunk; the few events around them are carried by them.
  const chunks = load.pieces ?? 1;
  const over = (read: (window: LoopWindow) => number): ReturnType<typeof spread> => spread(full.map(read));
  const added = (read: (window: LoopWindow) => number): ReturnType<typeof spread> =>
    direct.length === 0 ? over(read) : spread(pairedDifference(full.map(read), direct.map(read)));
  const ttftP50Us = added(({ firstBodyUs }) => percentile(firstBodyUs, 0.5));
  const ttftP99Us = added(({ firstBodyUs }) => percentile(firstBodyUs, 0.99));
  const p50Us = added(({ latenciesUs }) => percentile(latenciesUs, 0.5));
  const p99Us = added(({ latenciesUs }) => percentile(latenciesUs, 0.99));
  const cpuUs = over((window) => window.cpuUs / window.replies / chunks);
  const requestsPerSecond = over(({ replies, seconds }) => replies / seconds);
  const chunksPerSecond =
    load.pieces === undefined ? undefined : over(({ replies, seconds }) => (replies * chunks) / seconds);
  return { lane, cpuUs, requestsPerSecond, chunksPerSecond, p50Us, p99Us, ttftP50Us, ttftP99Us, invalid };
}
