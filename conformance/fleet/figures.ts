import { parseArgs } from 'node:util';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { cpuUs, memoryMib } from './process-cost.ts';
import { ADMIN_KEY, WorkerFleet } from './worker-fleet.ts';

export interface FleetFigures {
  /** From the start of the process until it serves, for one process and for the fleet. */
  readonly readyMs: readonly [one: number, fleet: number];
  /** When idle, all processes together. */
  readonly memoryMib: readonly [one: number, fleet: number];
  /** CPU of all processes for a request, under the same load for each that serves. */
  readonly cpuUs: readonly [one: number, fleet: number];
  /** From the answer of the worker that blocked a key until every worker refused it, for each round. */
  readonly revokedMs: readonly number[];
  /** From the kill of a worker until another served in its place. */
  readonly replacedMs: readonly number[];
  /** Calls to the others meanwhile, and those that failed. */
  readonly meanwhile: { readonly calls: number; readonly failed: number };
  /** Streams that ran when the parent was told to stop, those that had their end, and the exit code. */
  readonly drained: {
    readonly streams: number;
    readonly whole: number;
    readonly code: number;
    readonly tookMs: number;
  };
}

export interface FigureOptions {
  readonly workers: number;
  readonly rounds: number;
  /** In each round, for each process that serves. */
  readonly requests: number;
}

/** Calls at once for each process that serves. */
const CONCURRENCY = 16;
/** So many connections, and one of them is at each worker but once in ten thousand times. */
const LOOKS = 48;
const CHAT = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hello there.' }] };

/** What several workers cost, and how they behave together. */
export async function fleetFigures({ workers, rounds, requests }: FigureOptions): Promise<FleetFigures> {
  const emulator = await startEmulator({ requestsMax: 1, billMax: 1 });
  emulator.script([{ text: 'Hello.', usage: { input: 8, output: 2 } }], { repeat: true });
  const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'upstream-key' };
  const configuration = { server: { shutdownGraceMs: 20_000 }, models: [{ name: 'chat', endpoints: [endpoint] }] };
  const fleets: WorkerFleet[] = [];
  const readyMs: number[] = [];
  try {
    for (const count of [1, workers]) {
      const startedMs = performance.now();
      fleets.push(await WorkerFleet.start(configuration, count));
      readyMs.push(performance.now() - startedMs);
    }
    const [one, fleet] = fleets as [WorkerFleet, WorkerFleet];
    await Bun.sleep(1_500);
    const memory = [memoryMib(pidsOf(one)), memoryMib(pidsOf(fleet))] as const;
    const cpu = await compareCpu(fleets, rounds, requests);
    const revokedMs: number[] = [];
    for (let round = 0; round < rounds; round++) revokedMs.push(await revoke(fleet, round));
    const replaced = await replace(fleet);
    const drained = await drain(fleet, emulator);
    return {
      readyMs: [readyMs[0] ?? 0, readyMs[1] ?? 0],
      memoryMib: memory,
      cpuUs: cpu,
      revokedMs,
      ...replaced,
      drained,
    };
  } finally {
    for (const fleet of fleets) {
      await fleet.stop();
      fleet.remove();
    }
    await emulator.stop();
  }
}

function pidsOf(fleet: WorkerFleet): number[] {
  return [...new Set([fleet.pid, ...fleet.workerPids])];
}

/** In turns, so that both have the same machine, and with the same load for each process that serves. */
async function compareCpu(fleets: readonly WorkerFleet[], rounds: number, requests: number): Promise<[number, number]> {
  const all = fleets.map((fleet) => ({ url: fleet.url, pids: pidsOf(fleet), size: fleet.workerPids.length, us: 0 }));
  // The compilers need tens of thousands of requests in each process until they have done what they can.
  for (const { url, size } of all) await serve(url, 2 * requests * size, CONCURRENCY * size);
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      const before = cpuUs(one.pids);
      await serve(one.url, requests * one.size, CONCURRENCY * one.size);
      one.us += (cpuUs(one.pids) - before) / (requests * one.size * rounds);
    }
  }
  return [all[0]?.us ?? 0, all[1]?.us ?? 0];
}

async function serve(url: string, requests: number, clients: number): Promise<void> {
  let left = requests;
  const client = async () => {
    while (left-- > 0) {
      const answer = await post(url, '/v1/chat/completions', CHAT, ADMIN_KEY, true);
      await answer.arrayBuffer();
      if (answer.status !== 200) throw new Error(`Answered with ${answer.status}.`);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** Makes a key, has it served everywhere, and blocks it at one worker. @returns until it was refused everywhere. */
async function revoke({ url }: WorkerFleet, round: number): Promise<number> {
  const made = await post(url, '/admin/api/v1/keys', { name: `key-${round}` });
  const { key } = (await made.json()) as { key: string };
  if (!(await statuses(url, key)).every((status) => status === 200)) throw new Error('A new key is not served.');
  const blocked = await post(url, `/admin/api/v1/keys/key-${round}/block`, {});
  if (blocked.status !== 200) throw new Error(`Blocking a key was answered with ${blocked.status}.`);
  const fromMs = performance.now();
  let tookMs = 0;
  while ((await statuses(url, key)).includes(200)) {
    tookMs = performance.now() - fromMs;
    if (tookMs > 10_000) throw new Error('A blocked key is still served.');
  }
  return tookMs;
}

async function statuses(url: string, key: string): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: LOOKS }, () => post(url, '/v1/chat/completions', CHAT, key)));
  await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  return answers.map(({ status }) => status);
}

/** Kills each worker once, while calls go on. */
async function replace(fleet: WorkerFleet): Promise<Pick<FleetFigures, 'replacedMs' | 'meanwhile'>> {
  const replacedMs: number[] = [];
  const meanwhile = { calls: 0, failed: 0 };
  let isDone = false;
  const client = async () => {
    while (!isDone) {
      meanwhile.calls++;
      const status = await post(fleet.url, '/v1/chat/completions', CHAT).then(
        async (answer) => {
          await answer.arrayBuffer();
          return answer.status;
        },
        () => 0, // Its connection was at the worker that was killed.
      );
      if (status !== 200) meanwhile.failed++;
    }
  };
  const clients = Promise.all(Array.from({ length: 4 }, client));
  for (const pid of fleet.workerPids) replacedMs.push(await fleet.killWorker(pid));
  isDone = true;
  await clients;
  return { replacedMs, meanwhile };
}

async function drain(fleet: WorkerFleet, emulator: Emulator): Promise<FleetFigures['drained']> {
  emulator.reset();
  emulator.script([{ text: ['one ', 'two ', 'three ', 'four '], paceMs: 300 }], { repeat: true });
  const open = await Promise.all(
    Array.from({ length: 24 }, () => post(fleet.url, '/v1/chat/completions', { ...CHAT, stream: true })),
  );
  const fromMs = performance.now();
  const texts = Promise.all(open.map((answer) => answer.text().catch(() => '')));
  const code = await fleet.stop();
  const tookMs = performance.now() - fromMs;
  const whole = (await texts).filter((text) => text.includes('[DONE]')).length;
  return { streams: open.length, whole, code, tookMs };
}

/** @param isKept Absent: on a connection of its own, so that the kernel chooses the worker. */
function post(url: string, path: string, body: unknown, key = ADMIN_KEY, isKept = false): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      ...(!isKept && { connection: 'close' }),
    },
    body: JSON.stringify(body),
    keepalive: isKept,
  });
}

/** As lines. */
export function tellFigures({ workers }: FigureOptions, figures: FleetFigures): string {
  const { readyMs, memoryMib, cpuUs, revokedMs, replacedMs, meanwhile, drained } = figures;
  const list = (numbers: readonly number[]) => numbers.map((one) => one.toFixed(0)).join(', ');
  return [
    `ready after ${readyMs[0].toFixed(0)} ms with one process, ${readyMs[1].toFixed(0)} ms with ${workers} workers`,
    `idle memory ${memoryMib[0].toFixed(0)} MiB, ${memoryMib[1].toFixed(0)} MiB for ${workers} workers and their parent`,
    `CPU per request ${cpuUs[0].toFixed(0)} µs, ${cpuUs[1].toFixed(0)} µs (${(cpuUs[1] / cpuUs[0]).toFixed(2)} times)`,
    `a blocked key was refused by all workers after ${list(revokedMs)} ms`,
    `a killed worker was replaced after ${list(replacedMs)} ms; of ${meanwhile.calls} calls meanwhile ${meanwhile.failed} failed`,
    `${drained.whole} of ${drained.streams} streams had their end after a stop signal, which took ${drained.tookMs.toFixed(0)} ms; exit code ${drained.code}`,
  ].join('\n');
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '3' },
      requests: { type: 'string', default: '10000' },
    },
  });
  const options = { workers: Number(values.workers), rounds: Number(values.rounds), requests: Number(values.requests) };
  process.stdout.write(`${tellFigures(options, await fleetFigures(options))}\n`);
}
