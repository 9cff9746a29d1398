import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startEmulator } from '@turnpike/emulator/emulator.ts';
import type { Turn } from '@turnpike/emulator/turn.ts';
import type { LedgerEntry } from '@turnpike/gateway/ledger/entry.ts';
import { openStore } from '@turnpike/gateway/store/open-store.ts';
import { PostgresServer } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import type { StorePlace } from '@turnpike/gateway/store/store-place.ts';
import { randomFrom } from '../random.ts';
import { Callers } from './callers.ts';
import { compareWithBill, type Verdict } from './compare-with-bill.ts';
import { GatewayProcess } from './gateway-process.ts';

export interface KillOptions {
  kills: number;
  seed?: number;
  /** Gateways at once on one data directory; each time one of them is killed. Default 1. */
  gateways?: number;
  /** Keep the ledger in a PostgreSQL server of the test's own instead of SQLite. */
  onPostgres?: boolean;
  /** Told of each kill. */
  onKill?: (done: number) => void;
}

export const KEY = 'sk-crash-test-0123456789';
/** USD per million tokens: a thousand and two thousand nano-USD a token. */
const PRICE = { input: 1, output: 2 };

/**
 * Kills running gateways under load with SIGKILL, again and again, and then compares the ledger with what the provider
 * billed: exchange by exchange.
 */
export async function killAndCompare(options: KillOptions): Promise<Verdict> {
  const { kills, seed = 1, gateways = 1, onPostgres = false, onKill } = options;
  const random = randomFrom(seed);
  const emulator = await startEmulator({ requestsMax: 1_000_000, billMax: 1_000_000 });
  emulator.script(turns(random), { repeat: true });
  const folder = mkdtempSync(join(tmpdir(), 'turnpike-crash-'));
  const configFile = join(folder, 'turnpike.yaml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(killConfiguration(emulator.url)));
  const dataDir = join(folder, 'data');
  const server = onPostgres ? await PostgresServer.start() : undefined;
  const place: StorePlace = { dataDir, url: await server?.newDatabase() };
  const environment = { TURNPIKE_DATA_DIR: dataDir, TURNPIKE_ADMIN_KEY: KEY, DATABASE_URL: place.url ?? '' };
  const start = () => GatewayProcess.start(configFile, environment);
  try {
    const running: GatewayProcess[] = [];
    for (let n = 0; n < gateways; n++) running.push(await start());
    const callers = new Callers(KEY, random);
    for (let done = 0; done < kills; done++) {
      const victim = Math.floor(random() * running.length);
      callers.start(running.map(({ url }) => url));
      await Bun.sleep(100 + random() * (random() < 0.2 ? 2_500 : 600));
      await running[victim]?.kill();
      callers.noteKill();
      await callers.stop();
      running[victim] = await start();
      onKill?.(done + 1);
    }
    // What the others had under way ends in peace; then everything they left is recovered by one that starts last.
    await emulator.idle(20_000);
    for (const gateway of running) await gateway.stop();
    const last = await start();
    await Bun.sleep(500); // It says that it listens before it listens for signals.
    await last.stop();
    const left = readdirSync(join(dataDir, 'journal')).filter((file) => /\.(journal|ack|damaged)$|jsonl/.test(file));
    return compareWithBill(await ledgerOf(place), emulator.bill, callers.calls, left);
  } finally {
    await emulator.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whole answers, short and long streams, answers that fail first, a stream the provider cuts. */
function turns(random: () => number): Turn[] {
  return Array.from({ length: 97 }, (_, n): Turn => {
    const words = Array.from({ length: 10 + Math.floor(random() * 50) }, (_, at) => `word${at} `);
    const usage = { input: 3_000 + Math.floor(random() * 500), output: words.length };
    const dice = random();
    if (n % 16 === 3) return { text: words, usage, faults: 'status,503' };
    if (n % 32 === 9) return { text: words, usage, paceMs: 3, faults: 'cut-close,6' };
    const paceMs = dice < 0.15 ? 45 : dice < 0.5 ? 4 : 0;
    return { text: words, usage, paceMs, firstByteDelayMs: Math.floor(random() * 30) };
  });
}

/** Both providers at one address, each with two endpoints; the first that fails is followed by the second. */
export function killConfiguration(upstream: string) {
  const provider = (dialect: string) => ({ id: dialect, dialect, baseUrl: `${upstream}/v1`, apiKey: 'upstream-key' });
  const endpoint = (id: string, order: number, dialect: string) => ({
    id,
    order,
    provider: dialect,
    model: '*',
    price: PRICE,
  });
  return {
    discovery: false,
    sandbox: false,
    server: { shutdownGraceMs: 10_000 },
    providers: [provider('openai-chat'), provider('anthropic-messages')],
    models: ['openai-chat', 'anthropic-messages'].map((dialect) => ({
      name: `${dialect}.*`,
      retries: 1,
      endpoints: [endpoint(`${dialect}-first`, 0, dialect), endpoint(`${dialect}-second`, 1, dialect)],
    })),
  };
}

export async function ledgerOf(place: StorePlace): Promise<{ entries: LedgerEntry[]; rolledUpNanoUsd: bigint }> {
  const store = await openStore(place);
  const entries: LedgerEntry[] = [];
  for (let beyond: LedgerEntry | undefined; ; ) {
    const page = await store.ledgerEntries({ limit: 1_000, order: 'oldest', beyond });
    entries.push(...page);
    beyond = page.at(-1);
    if (page.length < 1_000) break;
  }
  const rolledUpNanoUsd = await store.spendBetween('all', 0, Number.MAX_SAFE_INTEGER);
  await store.close();
  return { entries, rolledUpNanoUsd };
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { kills: text, seed: text, gateways: text, postgres: { type: 'boolean' } } });
  const verdict = await killAndCompare({
    kills: Number(values.kills ?? 200),
    seed: Number(values.seed ?? 1),
    gateways: Number(values.gateways ?? 1),
    onPostgres: values.postgres === true,
    onKill: (done) => void (done % 20 === 0 && process.stdout.write(`${done} kills …\n`)),
  });
  process.stdout.write(`${verdict.text}\n`);
  process.exitCode = verdict.wrong.length === 0 ? 0 : 1;
}
