import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Price } from '@turnpike/gateway/catalog/price.ts';
import { Ledger } from '@turnpike/gateway/ledger/ledger.ts';
import { FileDisk } from '@turnpike/gateway/runtime/journal-disk.ts';
import { openStore } from '@turnpike/gateway/store/open-store.ts';
import { PostgresServer } from '@turnpike/gateway/store/postgres-server.test-support.ts';

export interface Throughput {
  exchanges: number;
  /** CPU of an exchange on the path of the traffic: intent and settlement, both in the kernel's hands. */
  journalUs: number;
  /** This process's CPU of bringing it into the database, sums included, behind the traffic. */
  shipUs: number;
  shippedPerSecond: number;
  progressUs: number;
}

const price: Price = {
  input: 3_000_000_000n,
  output: 15_000_000_000n,
  cacheRead: 300_000_000n,
  cacheWrite: 3_750_000_000n,
  source: 'measurement',
};

/** Measures a ledger of its own on a disk of its own, with nothing else in the process. @param url Of a PostgreSQL database. */
export async function measureThroughput(exchanges: number, url?: string): Promise<Throughput> {
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-throughput-'));
  const store = await openStore({ dataDir: folder, url });
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const still = { after: () => () => undefined, every: () => () => undefined };
  const disk = new FileDisk(join(folder, 'journal'));
  const ledger = new Ledger({ disk, store, log, writerName: 'measured', timers: still });
  const run = (from: number, count: number) => {
    for (let n = from; n < from + count; n++) settleOne(ledger, n);
  };
  run(0, 5_000); // Until the compilers have seen it.
  await ledger.flush();
  // The least disturbed of ten rounds: other processes share the machine.
  const round = Math.ceil(exchanges / ROUNDS);
  const rounds = Array.from({ length: ROUNDS }, (_, n) => cpuUs(() => run(5_000 + n * round, round)) / round);
  const journalUs = Math.min(...rounds);
  const startedMs = performance.now();
  const before = process.cpuUsage();
  await ledger.flush();
  const { user, system } = process.cpuUsage(before);
  const shippedPerSecond = (exchanges / (performance.now() - startedMs)) * 1_000;
  const open = ledger.begin(labelsOf(-1), 1_000, price);
  const progressUs = cpuUs(() => {
    for (let n = 0; n < 10_000; n++) ledger.progress(open, 1, { inputTokens: 1_000, outputTokens: n });
  });
  await ledger.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  return {
    exchanges,
    journalUs,
    shipUs: (user + system) / exchanges,
    shippedPerSecond,
    progressUs: progressUs / 10_000,
  };
}

function settleOne(ledger: Ledger, n: number): void {
  const open = ledger.begin(labelsOf(n), 1_000, price);
  const usage = { inputTokens: 1_000 + (n % 100), outputTokens: 200, cacheReadTokens: 500 };
  const end = { settledAtMs: 1_780_000_001_000 + n, fault: undefined, usage, costNanoUsd: 4_650_000n };
  ledger.settle(open, { ...end, uncovered: [], isEstimated: false });
}

const ROUNDS = 10;
const scopes = ['key:web', 'user:ada', 'team:search'];

function labelsOf(n: number) {
  return {
    id: `tp_01m7xsbj7nff638r6atb${n}.1`,
    atMs: 1_780_000_000_000 + n,
    exchangeId: `tp_01m7xsbj7nff638r6atb${n}`,
    attempt: 1,
    scopes,
    model: 'claude-sonnet',
    provider: 'anthropic',
    endpoint: 'anthropic/claude-sonnet',
    modelServed: 'claude-sonnet',
  };
}

function cpuUs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

export function describeThroughput(measured: Throughput): string {
  return [
    `journal: ${measured.journalUs.toFixed(2)} µs of CPU an exchange (${Math.round(1e6 / measured.journalUs)} a second)`,
    `progress of a stream: ${measured.progressUs.toFixed(2)} µs, once a second`,
    `shipping: ${measured.shipUs.toFixed(1)} µs of CPU an exchange, ${Math.round(measured.shippedPerSecond)} a second`,
    `together: ${Math.round(1e6 / (measured.journalUs + measured.shipUs))} settled exchanges a second on one core`,
  ].join('\n');
}

if (import.meta.main) {
  process.stdout.write(`SQLite\n${describeThroughput(await measureThroughput(50_000))}\n`);
  const server = await PostgresServer.start();
  const measured = await measureThroughput(50_000, await server.newDatabase());
  process.stdout.write(`PostgreSQL\n${describeThroughput(measured)}\n`);
  await server.stop();
}
