import { test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../testing/free-port.test-support.ts';
import { redisAddress } from './redis-address.ts';
import { openConnection } from './redis-connection.ts';

const START_MS = 10_000;

/** Runs a suite when there is a Redis server on this machine. Without one it says so; when CI is set it fails. */
export function onRedis(what: string, define: () => void): void {
  if (Bun.which('redis-server') !== null && Bun.which('redis-sentinel') !== null) {
    define();
    return;
  }
  if (!process.env.CI) {
    process.stdout.write(
      `Left out: ${what}, because there is no Redis (Debian packages redis-server, redis-sentinel).\n`,
    );
    return;
  }
  test(what, () => {
    throw new Error('CI is set and there is no Redis: install the Debian packages redis-server and redis-sentinel.');
  });
}

/** A Redis server of the test's own, in a temporary folder, which ends with this process (Linux). */
export class RedisServer {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'turnpike-redis-'));
  readonly #program: string;
  readonly #settings: readonly string[];
  #process: Bun.Subprocess | undefined;

  private constructor(program: string, settings: readonly string[]) {
    this.#program = program;
    this.#settings = settings;
    this.port = freePort();
  }

  /** @param settings As on the command line: `--requirepass`, `secret`. Nothing is saved unless they say so. */
  static async start(settings: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer('redis-server', ['--save', '', ...settings]);
    await server.resume();
    return server;
  }

  /** @param lines Of its configuration, which it writes into itself. */
  static async startSentinel(lines: readonly string[]): Promise<RedisServer> {
    const server = new RedisServer('redis-sentinel', []);
    await Bun.write(server.#file, `${lines.join('\n')}\n`);
    await server.resume();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again, empty unless it was told to save. */
  async resume(): Promise<void> {
    const file = (await Bun.file(this.#file).exists()) ? [this.#file] : [];
    const flags = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder, ...this.#settings];
    const command = [this.#program, ...file, ...flags];
    const setpriv = Bun.which('setpriv');
    this.#process = Bun.spawn(setpriv === null ? command : [setpriv, '--pdeathsig=KILL', '--', ...command], {
      stdout: 'ignore',
      stderr: 'ignore',
    });
    const giveUpAt = performance.now() + START_MS;
    for (;;) {
      try {
        // One that asks for a password is there, too.
        await this.run('PING').catch((error: Error) => /NOAUTH/.test(error.message) || Promise.reject(error));
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw new Error('Redis did not start.', { cause: error });
      }
      await Bun.sleep(10);
    }
  }

  /** Sends a command beside the code under test. */
  async run(...args: string[]): Promise<unknown> {
    const connection = await openConnection(redisAddress(this.url), () => undefined);
    try {
      return await connection.send('', args);
    } finally {
      connection.destroy();
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#process?.exited;
  }

  /** It stands still, and its connections stay open. */
  hang(): void {
    this.#process?.kill('SIGSTOP');
  }

  wake(): void {
    this.#process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, 'server.conf');
  }
}
