import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { processTree } from './process-account.ts';

/** A process started for the bench, on its own core. */
export interface Child {
  readonly port: number;
  /** The process with all its descendants, as they are now. */
  pids(): number[];
  stop(): Promise<void>;
}

export interface ChildOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly core: number;
  readonly port: number;
  readonly scratchDir: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const READY_MS = 20_000;
const STOP_MS = 5_000;

/** Starts a server pinned to a core and waits until it accepts connections. Its output goes to a file in scratch. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { name, command, core, port, scratchDir } = options;
  mkdirSync(scratchDir, { recursive: true });
  const logPath = join(scratchDir, `${name}.log`);
  const log = openSync(logPath, 'a');
  const spawned = Bun.spawn(['taskset', '-c', String(core), ...command], {
    stdio: ['ignore', log, log],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    // Nothing of the caller's environment: a provider's key in it would change what a gateway serves.
    env: { PATH: process.env.PATH ?? '', HOME: scratchDir, NODE_ENV: 'production', ...options.env },
  });
  const deadline = performance.now() + READY_MS;
  while (!(await accepts(port))) {
    if (spawned.exitCode !== null || performance.now() > deadline) {
      spawned.kill('SIGKILL');
      throw new Error(`${name} did not start: ${readFileSync(logPath, 'utf8').trim().slice(-600)}`);
    }
    await Bun.sleep(25);
  }
  return {
    port,
    pids: () => processTree(spawned.pid),
    stop: async () => {
      spawned.kill('SIGTERM');
      const timer = setTimeout(() => spawned.kill('SIGKILL'), STOP_MS);
      await spawned.exited;
      clearTimeout(timer);
    },
  };
}

/** A port of the loopback address that was free a moment ago. */
export function freePort(): number {
  const server = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: () => undefined } });
  const { port } = server;
  server.stop(true);
  return port;
}

async function accepts(port: number): Promise<boolean> {
  const result = Promise.withResolvers<boolean>();
  Bun.connect({
    hostname: '127.0.0.1',
    port,
    socket: {
      open: (socket) => {
        socket.end();
        result.resolve(true);
      },
      data: () => undefined,
      connectError: () => result.resolve(false),
    },
  }).catch(() => result.resolve(false));
  return await result.promise;
}
