import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { PostgresServer } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import type { StorePlace } from '@turnpike/gateway/store/store-place.ts';
import type { Call } from './callers.ts';
import { compareWithBill, type Verdict } from './compare-with-bill.ts';
import { GatewayProcess } from './gateway-process.ts';
import { KEY, killConfiguration, ledgerOf } from './kill.ts';

/** What goes away: the database server ends, or stands still, or the disk under the journal is full. */
export type Outage = 'stopped' | 'hung' | 'disk-full';

export interface OutageOptions {
  outage: Outage;
  /** Of the outage; the time before and after it is measured for at most half a minute. */
  seconds: number;
  onJournalFailure?: 'refuse' | 'serve';
}

interface Phase {
  name: string;
  answered: number;
  refused: number;
  /** Of answers. The provider answers at once, so nearly all of it is the gateway's. */
  p50Ms: number;
  p99Ms: number;
}

export interface OutageReport {
  phases: readonly Phase[];
  /** Until all that was settled was in the database again, after the outage. */
  caughtUpMs: number;
  verdict: Verdict;
  text: string;
}

interface TimedCall extends Call {
  durationMs: number;
}

const CALLERS = 4;
/** Between two calls of one caller: the load is the same in all phases. */
const PAUSE_MS = 10;
const JOURNAL_BYTES = 4 * 1024 * 1024;

/** Traffic before, during and after an outage of what the ledger rests on, and the ledger held against the bill. */
export async function measureOutage({
  outage,
  seconds,
  onJournalFailure = 'refuse',
}: OutageOptions): Promise<OutageReport> {
  const emulator = await startEmulator({ requestsMax: 1_000_000, billMax: 1_000_000 });
  emulator.script([{ text: ['fine'], usage: { input: 1_000, output: 20 } }], { repeat: true });
  const server = await PostgresServer.start();
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-outage-'));
  const dataDir = join(folder, 'data');
  const journal = join(dataDir, 'journal');
  mkdirSync(journal, { recursive: true, mode: 0o700 });
  const isMounted = outage === 'disk-full' && mountSmall(journal);
  if (outage === 'disk-full' && !isMounted) throw new Error('A disk that can be filled needs the right to mount one.');
  const configFile = join(folder, 'turnpike.yaml');
  writeFileSync(configFile, JSON.stringify({ ...killConfiguration(emulator.url), ledger: { onJournalFailure } }));
  const place: StorePlace = { dataDir, url: await server.newDatabase() };
  try {
    const gateway = await GatewayProcess.start(configFile, {
      TURNPIKE_DATA_DIR: dataDir,
      TURNPIKE_ADMIN_KEY: KEY,
      DATABASE_URL: place.url ?? '',
    });
    const calls: TimedCall[] = [];
    const calmSeconds = Math.min(seconds, 30);
    await traffic(gateway.url, calls, Math.min(seconds, 2)); // Until the compilers have seen it.
    const phases = [await phase('before', gateway.url, calls, calmSeconds)];
    const end = await begin(outage, server, journal);
    phases.push(await phase('during', gateway.url, calls, seconds));
    await end();
    const caughtUp = waitForEntries(server, place.url ?? '', emulator.bill.length);
    phases.push(await phase('after', gateway.url, calls, calmSeconds));
    const caughtUpMs = await caughtUp;
    await gateway.stop();
    const verdict = compareWithBill(await ledgerOf(place), emulator.bill, calls, []);
    const report = { phases, caughtUpMs, verdict };
    return { ...report, text: describe(outage, report) };
  } finally {
    await emulator.stop();
    await server.stop();
    if (isMounted) Bun.spawnSync(['umount', journal]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** May this process mount a disk to be filled? */
export function mayMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-mount-'));
  const isAllowed = mountSmall(folder);
  if (isAllowed) Bun.spawnSync(['umount', folder]);
  rmSync(folder, { recursive: true });
  return isAllowed;
}

/** A disk of its own for the journal, so small that it can be filled. @returns false where that is not allowed. */
function mountSmall(folder: string): boolean {
  return Bun.spawnSync(['mount', '-t', 'tmpfs', '-o', `size=${JOURNAL_BYTES}`, 'tmpfs', folder]).exitCode === 0;
}

/** @returns what ends it. */
async function begin(outage: Outage, server: PostgresServer, journal: string): Promise<() => Promise<void>> {
  switch (outage) {
    case 'stopped':
      await server.pause();
      return () => server.resume();
    case 'hung': {
      const pids = [server.pid, ...childrenOf(server.pid)].map(String);
      Bun.spawnSync(['kill', '-STOP', ...pids]);
      return async () => void Bun.spawnSync(['kill', '-CONT', ...pids]);
    }
    case 'disk-full': {
      const filler = join(journal, 'filler');
      // dd writes until nothing fits any more, and that it fails then is its purpose.
      Bun.spawnSync(['dd', 'if=/dev/zero', `of=${filler}`, 'bs=512'], { stderr: 'ignore' });
      return async () => rmSync(filler);
    }
  }
}

function childrenOf(pid: number): number[] {
  const { stdout } = Bun.spawnSync(['ps', '-o', 'pid=', '--ppid', `${pid}`]);
  return stdout.toString().split(/\s+/).filter(Boolean).map(Number);
}

async function phase(name: string, url: string, calls: TimedCall[], seconds: number): Promise<Phase> {
  const from = calls.length;
  await traffic(url, calls, seconds);
  const own = calls.slice(from);
  const answered = own.filter(({ isComplete }) => isComplete);
  const durations = answered.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
  const at = (share: number) => durations[Math.floor(durations.length * share)] ?? 0;
  return { name, answered: answered.length, refused: own.length - answered.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

async function traffic(url: string, calls: TimedCall[], seconds: number): Promise<void> {
  const untilMs = performance.now() + seconds * 1_000;
  const caller = async () => {
    while (performance.now() < untilMs) {
      calls.push(await ask(url));
      await Bun.sleep(PAUSE_MS);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
}

let asked = 0;

async function ask(url: string): Promise<TimedCall> {
  const model = `m${asked++}`;
  const startedMs = performance.now();
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({
      model: `openai-chat.${model}`,
      max_tokens: 100,
      messages: [{ role: 'user', content: 'x' }],
    }),
  });
  await response.text();
  const durationMs = performance.now() - startedMs;
  const { status } = response;
  return {
    model,
    isStream: false,
    contentAtMs: [],
    isComplete: status === 200,
    status,
    killedAtMs: undefined,
    durationMs,
  };
}

/** @returns milliseconds until the database has so many entries. */
async function waitForEntries(server: PostgresServer, url: string, count: number): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const [row] = await server.run<{ n: bigint }>('SELECT count(*) AS n FROM ledger_entry', url);
    const elapsedMs = performance.now() - startedMs;
    if (Number(row?.n ?? 0) >= count || elapsedMs > 60_000) return elapsedMs;
    await Bun.sleep(20);
  }
}

function describe(outage: Outage, { phases, caughtUpMs, verdict }: Omit<OutageReport, 'text'>): string {
  const lines = phases.map(
    ({ name, answered, refused, p50Ms, p99Ms }) =>
      `${outage}, ${name}: ${answered} answered, ${refused} refused, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  );
  return [...lines, `caught up after ${Math.round(caughtUpMs)} ms`, verdict.text].join('\n');
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { outage: text, seconds: text, policy: text } });
  const report = await measureOutage({
    outage: (values.outage ?? 'stopped') as Outage,
    seconds: Number(values.seconds ?? 30),
    onJournalFailure: values.policy === 'serve' ? 'serve' : 'refuse',
  });
  process.stdout.write(`${report.text}\n`);
  process.exitCode = report.verdict.wrong.length === 0 ? 0 : 1;
}
