import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { percentile } from '../limits/figures.ts';
import { randomFrom } from '../random.ts';
import type { LimitEvent } from './limit-event.ts';
import { judgeLimit, type LimitFigures } from './limit-figures.ts';
import { WorkerFleet } from './worker-fleet.ts';

export interface LimitRun {
  readonly workers: number;
  readonly measure: 'requests' | 'tokens';
  readonly amount: number;
  readonly windowSec: number;
  /** Of all clients together; they come as randomly as many independent ones. */
  readonly requestsPerSecond: number;
  readonly seconds: number;
  readonly seed: number;
}

const KEY = 'sk-limited-0123456789';
const TOKENS_MAX = 200;

/** Limits that real processes share, against the exact law: from what each process noted of its own decisions. */
export async function runLimit(run: LimitRun): Promise<LimitFigures> {
  const { workers, measure, amount, windowSec, seed } = run;
  const random = randomFrom(seed);
  const emulator = await startEmulator({ requestsMax: 1, billMax: 1 });
  const turns = Array.from({ length: 61 }, () => ({
    text: 'yes',
    usage: { input: 10, output: 1 + Math.floor(random() * 40) },
    firstByteDelayMs: Math.floor(random() * 60),
  }));
  emulator.script(turns, { repeat: true });
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-limit-probe-'));
  const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'upstream-key' };
  const configuration = {
    models: [{ name: 'chat', endpoints: [endpoint] }],
    keys: [{ name: 'limited', key: KEY, limits: [{ [measure]: amount, per: `${windowSec}s` }] }],
  };
  const fleet = await WorkerFleet.start(configuration, workers, {
    LIMIT_PROBE_FOLDER: folder,
    BUN_OPTIONS: `--preload=${join(import.meta.dir, 'limit-probe.ts')}`,
  });
  try {
    await arrive(fleet.url, run, random);
    const code = await fleet.stop();
    if (code !== 0) throw new Error(`The gateway ended with ${code}.\n${fleet.errors}`);
    return judgeLimit(eventsIn(folder), amount, windowSec * 1_000);
  } finally {
    await fleet.stop();
    await emulator.stop();
    fleet.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function arrive(url: string, { requestsPerSecond, seconds }: LimitRun, random: () => number): Promise<void> {
  const untilMs = performance.now() + seconds * 1_000;
  const calls: Promise<void>[] = [];
  for (let nextMs = performance.now(); nextMs < untilMs; ) {
    const waitMs = nextMs - performance.now();
    if (waitMs > 1) await Bun.sleep(waitMs);
    calls.push(call(url, 1 + Math.floor(random() * TOKENS_MAX)));
    nextMs += (-Math.log(1 - random()) * 1_000) / requestsPerSecond;
  }
  await Promise.all(calls);
}

/** On a connection of its own, so that the kernel chooses the process. */
async function call(url: string, tokens: number): Promise<void> {
  const body = { model: 'chat', max_tokens: 40 + tokens, messages: [{ role: 'user', content: 'Hi' }] };
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, connection: 'close' },
    body: JSON.stringify(body),
    keepalive: false,
  });
  await response.arrayBuffer();
  if (response.status !== 200 && response.status !== 429) throw new Error(`Answered with ${response.status}.`);
}

function eventsIn(folder: string): LimitEvent[] {
  return readdirSync(folder).flatMap((file) => {
    const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line) as LimitEvent);
  });
}

/** A run's figures, as a line. */
export function lineOf(figures: LimitFigures): string {
  const { asked, admitted, refused, waited, waitsMs, overshoot, refusedInVain, retryErrorsMs } = figures;
  const far = retryErrorsMs.filter((ms) => ms > 50).length;
  return [
    `${asked} asked, ${admitted} admitted, ${refused} refused`,
    `overshoot ${(100 * overshoot).toFixed(2)} %`,
    `refused in vain ${refusedInVain}`,
    `Retry-After off by more than 50 ms for ${far}, p99 ${percentile(retryErrorsMs, 0.99).toFixed(1)} ms, at most ${percentile(retryErrorsMs, 1).toFixed(1)} ms`,
    `round trips for ${((100 * waited) / asked).toFixed(2)} % of requests, p99 ${percentile(waitsMs, 0.99).toFixed(0)} ms, at most ${percentile(waitsMs, 1).toFixed(0)} ms`,
  ].join('; ');
}

/** Half of what the limits allow, and twice as much. */
export const limitRuns: Readonly<Record<string, Omit<LimitRun, 'workers' | 'seconds' | 'seed'>>> = {
  'requests, away from the line': { measure: 'requests', amount: 1_500, windowSec: 10, requestsPerSecond: 75 },
  'tokens, away from the line': { measure: 'tokens', amount: 200_000, windowSec: 10, requestsPerSecond: 50 },
  'requests, at the line': { measure: 'requests', amount: 150, windowSec: 3, requestsPerSecond: 100 },
  'tokens, at the line': { measure: 'tokens', amount: 5_000, windowSec: 3, requestsPerSecond: 60 },
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
    },
  });
  const numbers = { workers: Number(values.workers), seconds: Number(values.seconds), seed: Number(values.seed) };
  for (const [name, run] of Object.entries(limitRuns)) {
    if (!name.includes(values.only)) continue;
    process.stdout.write(`${values.workers} workers, ${name}: ${lineOf(await runLimit({ ...run, ...numbers }))}\n`);
  }
}
