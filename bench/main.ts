import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readBill } from './bill.ts';
import type { Child } from './child.ts';
import { allowedCores, type CorePlan, pinSelf, planCores } from './cores.ts';
import { runMeasure, type Timing, warmUp } from './measure.ts';
import { type BenchOptions, parseOptions, USAGE } from './options.ts';
import { type PacedTiming, runPaced, streamDurationMs } from './paced.ts';
import { type PeerStart, type StartContext, startPeer, startUpstream, turnpikeDataDir } from './peers.ts';
import { type Load, lanesOf, MEASURES, PACED_STREAMS, type PeerId, pacedLoad } from './plan.ts';
import { report } from './report.ts';
import type { BenchResult, MeasureResult, MemoryFigures } from './results.ts';
import { Rig } from './rig.ts';

const QUICK: Timing = { windows: 4, windowMs: 200, leadInMs: 40 };
const FULL: Timing = { windows: 8, windowMs: 800, leadInMs: 120 };
const QUICK_PACED: PacedTiming = { windows: 4, windowMs: 400, rampMs: 500, restMs: 10_500 };
const FULL_PACED: PacedTiming = { windows: 8, windowMs: 1_000, rampMs: 1_000, restMs: 15_000 };

/** Longest a lane is warmed up per load; a fast one is done sooner. */
const WARM_UP_MS = { quick: { small: 5_000, burst: 1_000 }, full: { small: 15_000, burst: 5_000 } };

async function main(): Promise<void> {
  const options = parseOptions(Bun.argv.slice(2));
  if (options.isHelp) {
    console.log(USAGE);
    return;
  }
  if (process.platform !== 'linux' || Bun.which('taskset') === null) {
    throw new Error('the bench reads /proc and pins cores with taskset: it runs on Linux with util-linux');
  }
  const cores = planCores(allowedCores());
  if (cores.isShared) console.error('There is only one core: gateway and load share it, and the figures mean little.');
  pinSelf(cores.generator);
  const scratchDir = mkdtempSync(join(tmpdir(), 'turnpike-bench-'));
  const children: Child[] = [];
  try {
    const result = await runBench(options, cores, scratchDir, children);
    process.stdout.write(report(result));
    if (options.jsonFile !== undefined) writeFileSync(options.jsonFile, `${JSON.stringify(result, undefined, 2)}\n`);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

async function runBench(
  options: BenchOptions,
  cores: CorePlan,
  scratchDir: string,
  children: Child[],
): Promise<BenchResult> {
  const startedAt = new Date().toISOString();
  const timing = options.isQuick ? QUICK : FULL;
  const pacedTiming = options.isQuick ? QUICK_PACED : FULL_PACED;
  const paced = pacedLoad(streamDurationMs(pacedTiming));
  const loads = [paced, ...MEASURES.map(({ load }) => load)];
  const upstream = await startUpstream(cores, scratchDir);
  children.push(upstream);
  const peers = new Map<PeerId, Child>();
  const leftOut: Record<string, string> = {};
  for (const peer of options.peers) {
    const start = await startOrExplain(peer, { cores, scratchDir, upstreamPort: upstream.port, loads });
    if ('leftOut' in start) leftOut[peer] = start.leftOut;
    else {
      children.push(start.child);
      peers.set(peer, start.child);
    }
  }
  const rig = new Rig(cores, upstream, peers, lanesOf(options.isQuick));
  const measures: MeasureResult[] = [];
  let memory: MemoryFigures[] = [];
  if (options.only.has('paced')) {
    progress(`${PACED_STREAMS} paced streams`);
    await Bun.sleep(1_500);
    const run = await runPaced(rig, paced, pacedTiming);
    measures.push({ id: 'paced', title: pacedTitle(paced), lanes: run.lanes });
    memory = run.memory;
  }
  const wanted = MEASURES.filter(({ id }) => options.only.has(id)).map((measure) =>
    options.isQuick && measure.isRawWhenQuick === true ? { ...measure, lanes: 'raw' as const } : measure,
  );
  const longest = options.isQuick ? WARM_UP_MS.quick : WARM_UP_MS.full;
  for (const measure of MEASURES.filter(({ id }) => id === 'small' || (id === 'burst' && options.only.has(id)))) {
    if (wanted.length === 0) break;
    progress(`warming up: ${measure.load.id}`);
    for (const problem of await warmUp(rig, measure, longest[measure.id === 'burst' ? 'burst' : 'small']))
      progress(problem);
  }
  for (const measure of wanted) {
    progress(measure.title);
    measures.push(await runMeasure(rig, measure, timing));
  }
  // Stopping writes what still waits for the log.
  await peers.get('turnpike')?.stop();
  const bill = peers.has('turnpike') ? readBill(turnpikeDataDir(scratchDir), rig.answered('turnpike')) : undefined;
  const machine = describeMachine(cores);
  const mode = options.isQuick ? 'quick' : 'full';
  return { startedAt, mode, machine, foreignShare: rig.foreignShare, leftOut, measures, memory, bill };
}

/** A peer that does not start is left out, and the run fails at its end: the others are still worth measuring. */
async function startOrExplain(peer: Exclude<PeerId, 'direct'>, context: StartContext): Promise<PeerStart> {
  try {
    return await startPeer(peer, context);
  } catch (error) {
    process.exitCode = 1;
    return { leftOut: error instanceof Error ? error.message : String(error) };
  }
}

function pacedTitle(load: Load): string {
  return `${PACED_STREAMS} streams, one chunk each 50 ms, ${load.pieces ?? 0} chunks long`;
}

function describeMachine(cores: CorePlan): Record<string, string | number> {
  const [cpu] = cpus();
  const { gateway, generator, upstream } = cores;
  return {
    cpu: cpu?.model ?? 'unknown',
    cores: cores.count,
    bun: Bun.version,
    node: nodeVersion(),
    gateway,
    generator,
    upstream,
  };
}

/** The Node that runs Portkey. */
function nodeVersion(): string {
  const node = Bun.which('node');
  return node === null ? 'none' : Bun.spawnSync([node, '--version']).stdout.toString().trim();
}

function progress(what: string): void {
  console.error(`… ${what}`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
