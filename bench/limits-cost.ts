import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bunSettings } from '../bin/bootstrap.mjs';
import { type Child, freePort, startChild } from './child.ts';
import { closedLoop } from './closed-loop.ts';
import { allowedCores, pinSelf, planCores } from './cores.ts';
import { CALL_PATH, requestBody } from './payloads.ts';
import { startUpstream } from './peers.ts';
import { probe } from './probe.ts';
import { cpuMicroseconds } from './process-account.ts';
import { median } from './statistics.ts';

/** Keys of one gateway that differ in their limits alone, none of which is ever reached. */
const keys: Readonly<Record<string, readonly object[]>> = {
  'no limit': [],
  'three limits': [{ requests: 1e9, tokens: 1e12, per: 'minute' }, { concurrency: 1e6 }],
  'three limits, each end user': [
    { requests: 1e9, tokens: 1e12, per: 'minute', endUser: '*' },
    { concurrency: 1e6, endUser: '*' },
  ],
  'three limits with queues': [
    { requests: 1e9, tokens: 1e12, per: 'minute', queue: { maxWait: '10s' } },
    { concurrency: 1e6, queue: { maxWait: '10s' } },
  ],
};

const keyOf = (name: string) => `sk-bench-${name.replace(/[^a-z]+/g, '-')}-0123456789`;

/**
 * Prints what limits cost: CPU time of one gateway for an exchange of a key with limits against one of a key without, in
 * windows that take turns: `bun run bench/limits-cost.ts --windows 12`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { windows: { type: 'string', default: '12' }, seconds: { type: 'string', default: '1' } },
  });
  const cores = planCores(allowedCores());
  pinSelf(cores.generator);
  const scratchDir = mkdtempSync(join(tmpdir(), 'turnpike-limits-cost-'));
  const children: Child[] = [];
  try {
    const upstream = await startUpstream(cores, scratchDir);
    children.push(upstream);
    const gateway = await startGateway(scratchDir, cores.gateway, upstream.port);
    children.push(gateway);
    await compare(gateway, Number(values.windows), Number(values.seconds) * 1_000);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    rmSync(scratchDir, { recursive: true, force: true });
  }
}

async function startGateway(scratchDir: string, core: number, upstreamPort: number): Promise<Child> {
  const endpoint = { provider: 'openai', model: 'm', baseUrl: `http://127.0.0.1:${upstreamPort}/json/v1`, apiKey: 'k' };
  const config = join(scratchDir, 'turnpike.yaml');
  const models = [{ name: 'bench', endpoints: [{ ...endpoint, price: { input: 2.5, output: 10 } }] }];
  const named = Object.entries(keys).map(([name, limits]) => ({ name, key: keyOf(name), limits }));
  writeFileSync(config, JSON.stringify({ keys: named, models }));
  const dataDir = join(scratchDir, 'data');
  mkdirSync(dataDir);
  const port = freePort();
  const entry = join(import.meta.dir, '../packages/gateway/src/cli/main.ts');
  const command = [process.execPath, '--no-install', entry, '--port', String(port), '--config', config];
  const env = { ...bunSettings, TURNPIKE_DATA_DIR: dataDir };
  return await startChild({ name: 'turnpike', command, core, port, scratchDir, env });
}

async function compare({ port, pids }: Child, windows: number, windowMs: number): Promise<void> {
  const tree = pids();
  const cpuUs = () => cpuMicroseconds(tree);
  const costs = new Map(Object.keys(keys).map((name) => [name, [] as number[]]));
  const lanes = Object.keys(keys).map((name) => ({ name, request: requestOf(keyOf(name)) }));
  const goal = { dialect: 'openai-chat' as const, pieces: undefined };
  const headed = new Map<string, Awaited<ReturnType<typeof probe>>>();
  for (const { name, request } of lanes) headed.set(name, await probe(port, request, goal));
  for (let window = -WARM_WINDOWS; window < windows; window++) {
    for (const { name, request } of lanes) {
      const expectation = headed.get(name);
      if (expectation === undefined) throw new Error(`${name} was not tried.`);
      const loop = await closedLoop({ port, request, expectation, concurrency: 8, windowMs, leadInMs: 50, cpuUs });
      if (loop.failures.length > 0) throw new Error(`${name}: ${loop.failures[0]}`);
      if (window >= 0) costs.get(name)?.push(loop.cpuUs / loop.replies);
    }
  }
  const plain = costs.get('no limit') ?? [];
  for (const [name, values] of costs) {
    const added = median(values.map((us, at) => us - (plain[at] ?? 0)));
    const ratio = median(values.map((us, at) => us / (plain[at] ?? 1)));
    console.log(
      `${name}: ${median(values).toFixed(1)} µs CPU an exchange, ${added.toFixed(1)} µs more, ratio ${ratio.toFixed(3)}`,
    );
  }
}

/** Windows before the first that counts: just-in-time compilers need tens of thousands of calls. */
const WARM_WINDOWS = 4;

function requestOf(key: string): Buffer {
  const body = Buffer.from(requestBody('openai-chat', 'bench', false, 350).replace('{', '{"user":"somebody",'));
  const head = [
    `POST /v1${CALL_PATH['openai-chat']} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    `Authorization: Bearer ${key}`,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

await main();
