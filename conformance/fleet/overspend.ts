import { parseArgs } from 'node:util';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import type { Turn } from '@turnpike/emulator/turn.ts';
import { ledgerOf } from '../crash/kill.ts';
import { randomFrom } from '../random.ts';
import { falseRefusals } from './false-refusals.ts';
import { type Level, levelsOf } from './levels.ts';
import { costOf, Load } from './load.ts';
import { WorkerFleet } from './worker-fleet.ts';

const kinds = ['none', 'worker', 'parent', 'all'] as const;
type Kills = (typeof kinds)[number];

export interface OverspendOptions {
  readonly workers: number;
  /** Calls under way at once. */
  readonly concurrency: number;
  /** Each level is driven for so long. */
  readonly lengthMs: number;
  readonly seed: number;
  /** Within each level kill a worker with SIGKILL, the parent, or all processes at once, and start them again. */
  readonly kills: Kills;
  /** Of each budget. Default: some twenty-five calls under way, or sixty answers. */
  readonly lineNanoUsd?: bigint;
  /** Names of levels; absent: all. */
  readonly only?: readonly string[];
  readonly onLevel?: (line: string) => void;
}

export interface LevelFigures {
  readonly level: string;
  calls: number;
  served: number;
  left: number;
  /** The provider failed, more often than is tried again. */
  failed: number;
  /** By a worker's end. */
  broken: number;
  refused: number;
  /** Refused although the call fitted all the time it waited. */
  refusedInVain: number;
  /** Calls at rest, each exactly as large as what was left: refused ones among them. */
  fills: number;
  fillsRefused: number;
  /** In the end: less than the smallest call needs. */
  leftNanoUsd: bigint;
  /** Until nothing was held any more after the last call ended; undefined when something stayed held. */
  freedAfterMs: number | undefined;
  /** At rest: what the gateway says is spent less what the ledger has. */
  offNanoUsd: bigint;
  /** What the ledger has beyond the line; 0 when it kept. */
  overNanoUsd: bigint;
}

export interface Overspend {
  readonly levels: LevelFigures[];
  /** A line for each thing that must not be. */
  readonly wrong: string[];
  readonly kills: number;
  readonly text: string;
}

const LINE_NANO_USD = 50_000_000n;
/** So many calls in single file are enough to come to the line. */
const FILLS_MAX = 100;
const SERVED_BEFORE = 8;
const SERVED_WITHIN_MS = 20_000;
const FREED_WITHIN_MS = 10_000;
const OUTPUT_WORDS_MAX = 50;
const FIRST_BYTE_MS_MAX = 40;

/**
 * Drives hard budgets of every level to their lines, with as many calls at once, on several processes; then compares the
 * ledger with the lines and with the provider's bill.
 */
export async function overspend(options: OverspendOptions): Promise<Overspend> {
  const { workers, concurrency, seed, only, lineNanoUsd = LINE_NANO_USD } = options;
  const random = randomFrom(seed);
  const emulator = await startEmulator({ requestsMax: 1, billMax: 10_000_000 });
  // Streams that outlive the start of another parent.
  const slowMs = options.kills === 'parent' ? 4_000 : FIRST_BYTE_MS_MAX;
  emulator.script(turns(random, slowMs), { repeat: true, when: ({ stream }) => stream });
  emulator.script(turns(random, FIRST_BYTE_MS_MAX), { repeat: true });
  const made = levelsOf(lineNanoUsd, lineNanoUsd * BigInt(only?.length ?? 13));
  const levels = made.levels.filter(({ name }) => only === undefined || only.includes(name));
  const fleet = await WorkerFleet.start(made.configuration.build(emulator.url), workers);
  try {
    const load = new Load({ url: () => fleet.url, random, concurrency });
    await load.learn('sk-fleet-probe-0123456789', lineNanoUsd);
    const run = new Run(options, fleet, emulator, load, random);
    for (const level of levels) await run.drive(level);
    await run.end();
    return run.verdict();
  } finally {
    await fleet.stop();
    await emulator.stop();
    fleet.remove();
  }
}

/** Whole answers, short and long streams, some that fail at first: never longer than any caller allows. */
function turns(random: () => number, slowMs: number): Turn[] {
  return Array.from({ length: 97 }, (_, n): Turn => {
    const words = Array.from({ length: 1 + Math.floor(random() * OUTPUT_WORDS_MAX) }, (_, at) => `word${at} `);
    const usage = { input: 200 + Math.floor(random() * 800), output: words.length };
    if (n % 24 === 7) return { text: words, usage, faults: 'status,503' };
    return { text: words, usage, paceMs: random() < 0.5 ? 0 : 2, firstByteDelayMs: Math.floor(random() * slowMs) };
  });
}

class Run {
  readonly #options: OverspendOptions;
  readonly #fleet: WorkerFleet;
  readonly #emulator: Emulator;
  readonly #load: Load;
  readonly #random: () => number;
  readonly #figures: { level: Level; figures: LevelFigures; spentNanoUsd: bigint; kills: [number, number][] }[] = [];
  readonly #wrong: string[] = [];
  readonly #text: string[] = [];
  #kills = 0;

  constructor(options: OverspendOptions, fleet: WorkerFleet, emulator: Emulator, load: Load, random: () => number) {
    this.#options = options;
    this.#fleet = fleet;
    this.#emulator = emulator;
    this.#load = load;
    this.#random = random;
  }

  async drive(level: Level): Promise<void> {
    const { lengthMs, kills, onLevel } = this.#options;
    const first = this.#load.calls.length;
    const killed: [number, number][] = [];
    let isOver = false;
    const load = this.#load.drive(level, () => isOver);
    if (kills !== 'none') {
      // On a slow machine too there is something to be lost, and time to go on.
      await this.#served(first, SERVED_BEFORE);
      killed.push(await this.#kill(kills, 0.5 * lengthMs * this.#random()));
    }
    await Bun.sleep(lengthMs);
    isOver = true;
    await load;
    await this.#emulator.idle(20_000);
    const figures = emptyFigures(level.name);
    const spentNanoUsd = await this.#rest(level, figures);
    for (const { end, status, said } of this.#load.calls.slice(first)) {
      figures.calls++;
      if (end === 'whole') figures.served++;
      else if (end === 'refused') figures.refused++;
      else if (end === 'left') figures.left++;
      else if (end === 'broken') figures.broken++;
      else if (status === 503) figures.failed++;
      else this.#wrong.push(`${level.name}: a call failed, status ${status}: ${said}`);
    }
    this.#figures.push({ level, figures, spentNanoUsd, kills: killed });
    onLevel?.(level.name);
  }

  /** Waits until so many calls were served. @param first The first that counts. */
  async #served(first: number, count: number): Promise<void> {
    const untilMs = performance.now() + SERVED_WITHIN_MS;
    while (this.#load.calls.slice(first).filter(({ end }) => end === 'whole').length < count) {
      if (performance.now() > untilMs) throw new Error(`Nothing is served.\n${this.#fleet.errors}`);
      await Bun.sleep(10);
    }
  }

  /** @returns from when to when one was missing. */
  async #kill(whom: Exclude<Kills, 'none'>, afterMs: number): Promise<[number, number]> {
    await Bun.sleep(afterMs);
    const pids = this.#fleet.workerPids;
    const pid = pids[Math.floor(this.#random() * pids.length)];
    const fromMs = performance.now();
    if (whom === 'all') await this.#fleet.crash();
    else if (whom === 'parent') await this.#fleet.orphan();
    else if (pid !== undefined) await this.#fleet.killWorker(pid);
    this.#kills++;
    return [fromMs, performance.now()];
  }

  /** Nothing is under way: nothing may be held, and what is left must be there for whoever needs exactly that. */
  async #rest(level: Level, figures: LevelFigures): Promise<bigint> {
    const fromMs = performance.now();
    const words = level.callers.at(-1);
    if (words === undefined) return 0n;
    const outputTokens = this.#load.outputWithin(level.lines[0]?.nanoUsd ?? 0n);
    const probe = async () => {
      // More than is left, and not more than the whole line: refused with what is spent and held by all.
      const { refused } = await this.#load.single(words, 'probe', outputTokens);
      return refused;
    };
    let stand = await probe();
    while (stand !== undefined && stand.heldNanoUsd > 0n && performance.now() - fromMs < FREED_WITHIN_MS) {
      await Bun.sleep(10);
      stand = await probe();
    }
    if (stand?.heldNanoUsd === 0n) figures.freedAfterMs = performance.now() - fromMs;
    for (let n = 0; n < FILLS_MAX && stand !== undefined; n++) {
      const fitting = this.#load.outputWithin(stand.limitNanoUsd - stand.spentNanoUsd);
      figures.leftNanoUsd = stand.limitNanoUsd - stand.spentNanoUsd;
      // Answers have up to so many words: the smallest call allows them.
      if (fitting < OUTPUT_WORDS_MAX) break;
      figures.fills++;
      const { call } = await this.#load.single(words, level.name, fitting);
      if (call.end === 'refused') figures.fillsRefused++;
      stand = await probe();
    }
    return stand?.spentNanoUsd ?? -1n;
  }

  /** Stops all, and holds the ledger against the lines and the bill. */
  async end(): Promise<void> {
    const code = await this.#fleet.stop();
    if (code !== 0) this.#wrong.push(`the gateway ended with ${code}: ${this.#fleet.errors.slice(-500)}`);
    const { entries } = await ledgerOf({ dataDir: this.#fleet.dataDir, url: undefined });
    const costs = new Map<string, bigint>();
    const estimated = new Set<string>();
    for (const { modelServed = '', costNanoUsd = 0n, isEstimated } of entries) {
      costs.set(modelServed, (costs.get(modelServed) ?? 0n) + costNanoUsd);
      if (isEstimated) estimated.add(modelServed);
    }
    const bills = new Map<string, bigint>();
    for (const { model, status, plannedUsage } of this.#emulator.bill) {
      if (status === 200 && plannedUsage !== undefined)
        bills.set(model, (bills.get(model) ?? 0n) + costOf(plannedUsage));
    }
    for (const { model, end } of this.#load.calls) {
      const cost = costs.get(model) ?? 0n;
      if (end === 'whole' && cost !== bills.get(model)) {
        this.#wrong.push(`${model}: the ledger has ${cost}, the bill ${bills.get(model)}`);
      }
      if (end === 'refused' && cost !== 0n) this.#wrong.push(`${model}: refused, and charged ${cost}`);
    }
    for (const { level, figures, spentNanoUsd, kills } of this.#figures) {
      for (const line of level.lines) {
        const spent = this.#load.calls
          .filter(line.counts)
          .reduce((sum, { model }) => sum + (costs.get(model) ?? 0n), 0n);
        if (spent > line.nanoUsd) {
          figures.overNanoUsd += spent - line.nanoUsd;
          this.#wrong.push(`${line.name}: ${spent - line.nanoUsd} nano-USD over the line`);
        }
        if (line === level.lines[0]) figures.offNanoUsd = spentNanoUsd - spent;
      }
      const inVain = falseRefusals(this.#load.calls, level, costs, kills);
      figures.refusedInVain = inVain;
      this.#judge(figures);
    }
  }

  #judge(figures: LevelFigures): void {
    const { level } = figures;
    if (figures.refusedInVain > 0) this.#wrong.push(`${level}: ${figures.refusedInVain} refused in vain`);
    if (figures.fillsRefused > 0) this.#wrong.push(`${level}: ${figures.fillsRefused} refused at rest`);
    if (figures.freedAfterMs === undefined) this.#wrong.push(`${level}: something stayed held`);
    if (this.#load.outputWithin(figures.leftNanoUsd) >= OUTPUT_WORDS_MAX)
      this.#wrong.push(`${level}: stopped before the line`);
    if (figures.offNanoUsd !== 0n) this.#wrong.push(`${level}: counted off by ${figures.offNanoUsd} nano-USD`);
    const { calls, served, refused, left, broken, failed, refusedInVain, fills, freedAfterMs = Number.NaN } = figures;
    this.#text.push(
      `${level}: ${calls} calls, ${served} served, ${left} left by the client, ${broken} broken, ${failed} failed, ${refused} refused; over the line ${figures.overNanoUsd} nano-USD; refused in vain ${refusedInVain}; at rest nothing held after ${freedAfterMs.toFixed(0)} ms, ${fills} calls as large as what was left, ${figures.fillsRefused} of them refused; left ${figures.leftNanoUsd} nano-USD`,
    );
  }

  verdict(): Overspend {
    const text = [
      ...this.#text,
      `${this.#kills} kills`,
      `${this.#wrong.length} wrong`,
      ...this.#wrong.slice(0, 20),
    ].join('\n');
    return { levels: this.#figures.map(({ figures }) => figures), wrong: this.#wrong, kills: this.#kills, text };
  }
}

function emptyFigures(level: string): LevelFigures {
  const none = {
    calls: 0,
    served: 0,
    left: 0,
    broken: 0,
    failed: 0,
    refused: 0,
    refusedInVain: 0,
    fills: 0,
    fillsRefused: 0,
  };
  return { level, ...none, leftNanoUsd: -1n, freedAfterMs: undefined, offNanoUsd: 0n, overNanoUsd: 0n };
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '4' },
      concurrency: { type: 'string', default: '256' },
      seconds: { type: 'string', default: '3' },
      seed: { type: 'string', default: '1' },
      kills: { type: 'string', default: 'none' },
      line: { type: 'string', default: '0.25' },
      only: { type: 'string' },
    },
  });
  const found = await overspend({
    workers: Number(values.workers),
    concurrency: Number(values.concurrency),
    lengthMs: Number(values.seconds) * 1_000,
    seed: Number(values.seed),
    kills: kinds.find((kind) => kind === values.kills) ?? 'none',
    lineNanoUsd: BigInt(Math.round(Number(values.line) * 1e9)),
    ...(values.only !== undefined && { only: values.only.split(',') }),
    onLevel: (name) => void process.stdout.write(`${name} …\n`),
  });
  process.stdout.write(`${found.text}\n`);
  process.exitCode = found.wrong.length === 0 ? 0 : 1;
}
