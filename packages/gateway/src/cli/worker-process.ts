import { join } from 'node:path';
import { Channel } from '../fleet/channel.ts';
import type { WorkerOrder, WorkerReady } from '../fleet/worker-order.ts';

export interface WorkerEvents {
  onReady(ready: WorkerReady): void;
  /** What a worker asks of its parent. */
  onAsk(name: string, body: unknown): unknown;
  /** Once. @param said Why it could not start, in its own words, when it said so. */
  onEnd(how: string, said: string | undefined): void;
}

/** One worker, as its parent sees it. */
export class WorkerProcess {
  readonly node: string;
  readonly #process: Bun.Subprocess;
  readonly #channel: Channel;
  #said: string | undefined;

  constructor(order: WorkerOrder, events: WorkerEvents) {
    this.node = order.node;
    const channel = new Channel({
      send: (message) => this.#process.send(message),
      onNote: (name, body) => {
        if (name === 'ready') events.onReady(body as WorkerReady);
        else this.#said = String(body);
      },
      onAsk: (name, body) => events.onAsk(name, body),
    });
    this.#channel = channel;
    const main = join(import.meta.dir, 'worker.ts');
    this.#process = Bun.spawn([process.execPath, '--no-install', main, JSON.stringify(order)], {
      stdio: ['ignore', 'inherit', 'inherit'],
      serialization: 'json',
      ipc: (message) => channel.take(message),
      onExit: (_process, code, signal) => {
        channel.close();
        events.onEnd(signal === null ? `exit code ${code}` : `signal ${signal}`, this.#said);
      },
    });
  }

  get pid(): number {
    return this.#process.pid;
  }

  tell(name: string, body?: unknown): void {
    this.#channel.tell(name, body);
  }

  ask(name: string, body?: unknown): Promise<unknown> {
    return this.#channel.ask(name, body);
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }
}
