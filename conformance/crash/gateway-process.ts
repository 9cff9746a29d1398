import { join } from 'node:path';

const MAIN = join(import.meta.dir, '../../packages/gateway/src/cli/main.ts');

/** A gateway as a process of its own, so that it can be killed. */
export class GatewayProcess {
  readonly #process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  #out = '';
  /** What it said on stderr. */
  errors = '';

  private constructor(process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>) {
    this.#process = process;
    void this.#follow(process.stdout, (text) => {
      this.#out += text;
    });
    void this.#follow(process.stderr, (text) => {
      this.errors += text;
    });
  }

  /** Starts it on a free port and waits until it listens. @throws what it said, when it ends instead. */
  static async start(
    configFile: string,
    environment: Record<string, string>,
    options: readonly string[] = [],
  ): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(
      Bun.spawn([process.execPath, MAIN, '--port', '0', '--config', configFile, ...options], {
        env: { PATH: process.env.PATH ?? '', BUN_CONFIG_MAX_HTTP_REQUESTS: '65336', ...environment },
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      }),
    );
    const giveUpAtMs = performance.now() + 30_000;
    while (!gateway.#out.includes('Try it')) {
      if (gateway.#process.exitCode !== null || performance.now() > giveUpAtMs) {
        gateway.#process.kill('SIGKILL');
        throw new Error(`The gateway did not start: ${gateway.#out}${gateway.errors}`);
      }
      await Bun.sleep(5);
    }
    return gateway;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get url(): string {
    return /listens on (\S+)/.exec(this.#out)?.[1] ?? '';
  }

  /** Ends it without a word of warning. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#process.exited;
  }

  /** Asks it to stop, and waits. @returns its exit code. */
  async stop(): Promise<number> {
    this.#process.kill('SIGTERM');
    return this.#process.exited;
  }

  async #follow(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
  }
}
