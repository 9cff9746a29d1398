import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayProcess } from '../crash/gateway-process.ts';

export const ADMIN_KEY = 'sk-fleet-admin-0123456789';

const CHANGED_WITHIN_MS = 20_000;

/** A gateway of several worker processes on a data directory of its own. */
export class WorkerFleet {
  readonly dataDir: string;
  readonly #folder: string;
  readonly #start: () => Promise<GatewayProcess>;
  readonly #workers: number;
  #gateway: GatewayProcess;

  private constructor(folder: string, start: () => Promise<GatewayProcess>, gateway: GatewayProcess, workers: number) {
    this.#folder = folder;
    this.dataDir = join(folder, 'data');
    this.#start = start;
    this.#gateway = gateway;
    this.#workers = workers;
  }

  /**
   * @param workers 1: a single process, without a parent.
   * @param more Of the environment of all processes.
   */
  static async start(configuration: object, workers: number, more: Record<string, string> = {}): Promise<WorkerFleet> {
    const folder = mkdtempSync(join(tmpdir(), 'turnpike-fleet-'));
    const configFile = join(folder, 'turnpike.yaml');
    // JSON is YAML.
    writeFileSync(configFile, JSON.stringify({ discovery: false, sandbox: false, ...configuration }));
    const environment = { TURNPIKE_DATA_DIR: join(folder, 'data'), TURNPIKE_ADMIN_KEY: ADMIN_KEY, ...more };
    const start = () => GatewayProcess.start(configFile, environment, ['--workers', String(workers)]);
    return new WorkerFleet(folder, start, await start(), workers);
  }

  get url(): string {
    return this.#gateway.url;
  }

  /** What it said on stderr. */
  get errors(): string {
    return this.#gateway.errors;
  }

  /** Of the parent. */
  get pid(): number {
    return this.#gateway.pid;
  }

  /** Process ids of those that serve: the children, or the one process. */
  get workerPids(): number[] {
    if (this.#workers === 1) return [this.pid];
    const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim();
    return children === '' ? [] : children.split(/\s+/).map(Number);
  }

  /** Kills one with SIGKILL and waits until another serves in its place. @returns after how many milliseconds. */
  async killWorker(pid: number): Promise<number> {
    const before = this.#servedAgain;
    const startedMs = performance.now();
    process.kill(pid, 'SIGKILL');
    while (this.#servedAgain === before) {
      if (performance.now() - startedMs > CHANGED_WITHIN_MS) throw new Error(`No worker came again.\n${this.errors}`);
      await Bun.sleep(5);
    }
    return performance.now() - startedMs;
  }

  /** Kills all with SIGKILL, the parent too, and starts them again, at another address. */
  async crash(): Promise<void> {
    const workers = this.workerPids;
    const killed = this.#gateway.kill();
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await killed;
    this.#gateway = await this.#start();
  }

  /** Kills the parent alone with SIGKILL, and starts another at once. */
  async orphan(): Promise<void> {
    await this.#gateway.kill();
    this.#gateway = await this.#start();
  }

  /** Stops all in peace. @returns the exit code. */
  async stop(): Promise<number> {
    return this.#gateway.stop();
  }

  /** Removes what it wrote. */
  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #servedAgain(): number {
    return this.errors.split('A worker serves again').length;
  }
}
