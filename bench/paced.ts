import { holdStreams } from './held-streams.ts';
import { type Lane, type Load, PACED_STREAMS, type PeerId } from './plan.ts';
import type { LaneFigures, MemoryFigures } from './results.ts';
import type { Rig } from './rig.ts';
import { median, spread } from './statistics.ts';

export interface PacedTiming {
  readonly windows: number;
  readonly windowMs: number;
  readonly rampMs: number;
  /** How long a gateway is left alone before its memory is read again. */
  readonly restMs: number;
}

interface PacedRun {
  readonly figures: LaneFigures;
  readonly heldBytes: number[];
  readonly endedNs: number;
}

/** Time after the last stream was opened that is not measured. */
const SETTLE_MS = 400;
/** A gateway that keeps up ends its streams within this after the upstream did. */
const GRACE_MS = 3_000;

/** How long each stream lasts, so that all are open during every window. */
export function streamDurationMs(timing: PacedTiming): number {
  return timing.rampMs + SETTLE_MS + timing.windows * timing.windowMs + 400;
}

/**
 * Holds 600 paced streams through each peer, one peer after the other, and reads CPU per chunk and memory. Meant to run
 * first, on processes that have served nothing yet: `idleBytes` is what they took then.
 */
export async function runPaced(
  rig: Rig,
  load: Load,
  timing: PacedTiming,
): Promise<{ lanes: LaneFigures[]; memory: MemoryFigures[] }> {
  const lanes = rig.lanes.filter(({ peer }) => peer !== 'direct');
  // Turnpike first: its rest then passes while the others are loaded, before its translating lanes are.
  const first = lanes
    .filter(isRaw)
    .sort((one, other) => Number(other.peer === 'turnpike') - Number(one.peer === 'turnpike'));
  const idle = new Map(first.map(({ peer }) => [peer, rig.residentBytes(peer)]));
  const runs = new Map<string, PacedRun>();
  const memory = new Map<PeerId, MemoryFigures>();
  const rest = async (lane: Lane): Promise<void> => {
    if (memory.has(lane.peer)) return;
    memory.set(lane.peer, await restedMemory(rig, lane.peer, idle.get(lane.peer) ?? 0, runs.get(lane.id), timing));
  };
  for (const lane of first) runs.set(lane.id, await runLane(rig, lane, load, timing));
  for (const lane of lanes) {
    if (isRaw(lane)) continue;
    for (const raw of first) if (raw.peer === lane.peer) await rest(raw);
    runs.set(lane.id, await runLane(rig, lane, load, timing));
  }
  for (const lane of first) await rest(lane);
  return { lanes: lanes.flatMap(({ id }) => runs.get(id)?.figures ?? []), memory: [...memory.values()] };
}

function isRaw({ client, upstream }: Lane): boolean {
  return client === upstream;
}

async function runLane(rig: Rig, lane: Lane, load: Load, timing: PacedTiming): Promise<PacedRun> {
  try {
    return await rig.watched(lane.peer, () => holdAndMeasure(rig, lane, load, timing));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { figures: { lane: lane.id, invalid: [reason] }, heldBytes: [], endedNs: Bun.nanoseconds() };
  }
}

async function holdAndMeasure(rig: Rig, lane: Lane, load: Load, timing: PacedTiming): Promise<PacedRun> {
  const ready = rig.readyUnprobed(lane, load);
  const held = await holdStreams({ ...ready, streams: PACED_STREAMS, rampMs: timing.rampMs });
  await Bun.sleep(SETTLE_MS);
  const cpuUs = rig.cpuReader(lane.peer);
  const heldBytes: number[] = [];
  const perChunkUs: number[] = [];
  const perSecond: number[] = [];
  const invalid: string[] = [];
  for (let window = 0; window < timing.windows; window += 1) {
    const before = { cpuUs: cpuUs(), events: held.events(), ns: Bun.nanoseconds() };
    await Bun.sleep(timing.windowMs);
    const events = held.events() - before.events;
    perChunkUs.push((cpuUs() - before.cpuUs) / events);
    perSecond.push(events / ((Bun.nanoseconds() - before.ns) / 1e9));
    heldBytes.push(rig.residentBytes(lane.peer));
    if (held.open() !== PACED_STREAMS) invalid.push(`${held.open()} of ${PACED_STREAMS} streams were open in a window`);
  }
  await held.finish(GRACE_MS);
  rig.count(lane.peer, held.answered());
  const [failure] = held.failures;
  if (failure !== undefined)
    invalid.push(`${held.failures.length} of ${PACED_STREAMS} streams failed, first: ${failure}`);
  const isValid = invalid.length === 0;
  const figures = { cpuUs: spread(perChunkUs), chunksPerSecond: spread(perSecond) };
  return { figures: { lane: lane.id, invalid, ...(isValid && figures) }, heldBytes, endedNs: Bun.nanoseconds() };
}

async function restedMemory(
  rig: Rig,
  peer: PeerId,
  idleBytes: number,
  run: PacedRun | undefined,
  timing: PacedTiming,
): Promise<MemoryFigures> {
  if (run === undefined || run.heldBytes.length === 0) return { peer, idleBytes };
  await Bun.sleep(Math.max(0, timing.restMs - (Bun.nanoseconds() - run.endedNs) / 1e6));
  return {
    peer,
    idleBytes,
    heldBytes: median(run.heldBytes),
    heldBytesMax: Math.max(...run.heldBytes),
    afterBytes: rig.residentBytes(peer),
    afterSeconds: (Bun.nanoseconds() - run.endedNs) / 1e9,
  };
}
