import { join } from 'node:path';

const MAIN = join(import.meta.dir, 'main.ts');

/** The gateway as a process of its own, with nothing of this machine's environment but the path. */
export class GatewayProgram {
  readonly process: Bun.Subprocess<'ignore', 'pipe', 'pipe'>;
  out = '';
  err = '';

  constructor(folder: string, args: string[], environment: Record<string, string> = {}) {
    this.process = Bun.spawn([process.execPath, MAIN, ...args], {
      cwd: folder,
      env: { PATH: process.env.PATH ?? '', TURNPIKE_DATA_DIR: join(folder, 'data'), ...environment },
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    });
    void this.#follow(this.process.stdout, (text) => {
      this.out += text;
    });
    void this.#follow(this.process.stderr, (text) => {
      this.err += text;
    });
  }

  async #follow(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
  }

  async until(condition: () => boolean): Promise<void> {
    const giveUpAt = performance.now() + 10_000;
    while (!condition()) {
      if (performance.now() > giveUpAt) throw new Error(`It did not happen. stdout: ${this.out} stderr: ${this.err}`);
      await Bun.sleep(10);
    }
  }

  get url(): string {
    return /listens on (\S+)/.exec(this.out)?.[1] ?? '';
  }

  async listening(): Promise<void> {
    await this.until(() => this.out.includes('curl ') && this.out.endsWith('\n'));
  }
}
