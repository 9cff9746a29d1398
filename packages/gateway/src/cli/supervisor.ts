import { FleetAuthority } from '../fleet/fleet-authority.ts';
import { readCall, readCharges, type WrittenCall, writeReply } from '../fleet/quota-message.ts';
import type { AccountCharges } from '../fleet/seat.ts';
import type { WorkerReady } from '../fleet/worker-order.ts';
import type { OwnSandbox } from '../own-sandbox.ts';
import { StartError } from '../start-error.ts';
import type { Log } from '../telemetry/log.ts';
import { WorkerProcess } from './worker-process.ts';

export interface SupervisorOptions {
  readonly workers: number;
  readonly configFile: string | undefined;
  readonly host: string | undefined;
  readonly port: number | undefined;
  readonly log: Log;
  /** It cannot go on, and has stopped: why. */
  readonly onGivenUp: (why: string) => void;
}

/** A worker that serves for so long has started well. */
const STABLE_MS = 5_000;
const BACK_OFF_MS = 100;
const BACK_OFF_MS_MAX = 5_000;
/** So many starts in a row that went wrong are no accident. */
const FAILURES_AT_START_MAX = 3;
const FAILURES_MAX = 5;
/** How often somebody is asked again to read the journal of a worker that is gone. */
const RECOVER_MS = 300;
/** One who changed something waits no longer for the others to take it over. */
const CHANGE_MS = 500;

/** The place of one worker, whichever process has it now. */
interface Slot {
  readonly number: number;
  process: WorkerProcess | undefined;
  readyAtMs: number | undefined;
  /** Starts in a row that went wrong. */
  failures: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** Starts workers, starts those that end anew, and is what they agree by. Serves nothing itself. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #log: Log;
  readonly #authority = new FleetAuthority();
  readonly #slots: readonly Slot[];
  #port: number | undefined;
  #sandbox: Promise<OwnSandbox> | undefined;
  #tend: ReturnType<typeof setInterval> | undefined;
  #turn = 0;
  #isStarting = true;
  #isStopping = false;
  #onChange: () => void = () => undefined;
  #fault: string | undefined;
  #ready: WorkerReady | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#port = options.port;
    this.#slots = Array.from({ length: options.workers }, (_, at) => ({
      number: at + 1,
      process: undefined,
      readyAtMs: undefined,
      failures: 0,
      timer: undefined,
    }));
    this.#authority.onRecall((account) => this.#tellAll('recall', account));
  }

  /**
   * Starts one worker, which makes the database ready and takes the port, and then the others.
   *
   * @returns what the first one told when all serve.
   * @throws StartError; then none is left.
   */
  async start(): Promise<WorkerReady> {
    const [first, ...others] = this.#slots;
    if (first !== undefined) this.#spawn(first);
    await this.#until(() => this.#fault !== undefined || first?.readyAtMs !== undefined);
    for (const slot of this.#fault === undefined ? others : []) this.#spawn(slot);
    await this.#until(() => this.#fault !== undefined || this.#slots.every(({ readyAtMs }) => readyAtMs !== undefined));
    this.#isStarting = false;
    if (this.#fault !== undefined || this.#ready === undefined) {
      await this.stop();
      throw new StartError(this.#fault ?? '');
    }
    this.#tend = setInterval(() => this.#recoverOpen(), RECOVER_MS);
    return this.#ready;
  }

  /** All read the configuration again. */
  reload(): void {
    this.#tellAll('reload');
  }

  /** Resolves when all have stopped in peace. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#tend);
    for (const { timer } of this.#slots) clearTimeout(timer);
    this.#tellAll('stop');
    await this.#until(() => this.#slots.every((slot) => slot.process === undefined));
    await (await this.#sandbox)?.stop();
  }

  /** Ends all without a word. */
  kill(): void {
    for (const { process } of this.#slots) process?.kill();
  }

  #spawn(slot: Slot): void {
    const { workers, configFile, host } = this.#options;
    const node = `w${slot.number}-${crypto.randomUUID()}`;
    // Whoever starts later finds the port in use by its siblings.
    const shared = this.#ready === undefined ? 'first' : 'join';
    const order = { worker: slot.number, workers, node, configFile, host, port: this.#port, shared } as const;
    this.#authority.join(node);
    slot.process = new WorkerProcess(order, {
      onReady: (ready) => this.#serves(slot, ready),
      onAsk: (name, body) => this.#answer(node, name, body),
      onEnd: (how, said) => this.#ended(slot, how, said),
    });
  }

  #serves(slot: Slot, ready: WorkerReady): void {
    this.#ready ??= ready;
    this.#port = ready.port;
    slot.readyAtMs = performance.now();
    if (!this.#isStarting) this.#log.info('A worker serves again.', { worker: slot.number, pid: slot.process?.pid });
    this.#recoverOpen();
    this.#onChange();
  }

  #ended(slot: Slot, how: string, said: string | undefined): void {
    const { process, readyAtMs } = slot;
    slot.process = undefined;
    slot.readyAtMs = undefined;
    if (process !== undefined) this.#authority.leave(process.node);
    if (!this.#isStopping) {
      this.#askToRecover();
      const isStable = readyAtMs !== undefined && performance.now() - readyAtMs >= STABLE_MS;
      slot.failures = isStable ? 0 : slot.failures + 1;
      const why = said ?? `Worker ${slot.number} ended (${how}). Its own message is above.`;
      if (this.#isHopeless(slot)) this.#giveUp(why);
      else {
        this.#log.error('A worker ended; it is started again.', { worker: slot.number, pid: process?.pid, how, said });
        this.#spawnLater(slot);
      }
    }
    this.#onChange();
  }

  /** One that cannot start again harms nobody while others serve, and tries on: its database may come back. */
  #isHopeless({ failures }: Slot): boolean {
    if (this.#isStarting) return this.#ready === undefined || failures >= FAILURES_AT_START_MAX;
    const nowMs = performance.now();
    const othersServe = this.#slots.some(({ readyAtMs = nowMs }) => nowMs - readyAtMs >= STABLE_MS);
    return failures >= FAILURES_MAX && !othersServe;
  }

  #giveUp(why: string): void {
    this.#fault = why;
    if (!this.#isStarting) void this.stop().then(() => this.#options.onGivenUp(why));
  }

  /** The first time at once: whoever served well and ended is missed. */
  #spawnLater(slot: Slot): void {
    const waitMs = slot.failures < 2 ? 0 : Math.min(BACK_OFF_MS * 2 ** (slot.failures - 2), BACK_OFF_MS_MAX);
    slot.timer = setTimeout(() => this.#spawn(slot), waitMs);
  }

  #answer(node: string, name: string, body: unknown): unknown {
    switch (name) {
      case 'quota':
        return this.#quota(node, body as WrittenCall[]);
      case 'change':
        return this.#tellChange(node);
      case 'sandbox':
        return this.#sharedSandbox();
      case 'marks':
        return this.#authority.marksOf(String(body));
      case 'settle':
        return this.#settle(body as { node: string; charges: [string, [string, number][]][] });
      default:
        throw new Error(`Nobody knows how to answer "${name}".`);
    }
  }

  async #quota(node: string, written: readonly WrittenCall[]): Promise<unknown> {
    const calls = written.map(readCall);
    return (await this.#authority.call(node, calls)).map(writeReply);
  }

  #settle({ node, charges }: { node: string; charges: [string, [string, number][]][] }): void {
    const read: AccountCharges[] = charges.map(([account, one]) => ({ account, charges: readCharges(one) }));
    this.#authority.settle(node, read);
  }

  /** Resolves when all others have taken over what is in the store now, or have had the time for it. */
  async #tellChange(node: string): Promise<void> {
    const others = this.#slots.flatMap(({ process }) =>
      process !== undefined && process.node !== node ? process : [],
    );
    // Those who fail at it, or end, are no reason to wait: they look again by themselves.
    const told = Promise.allSettled(others.map((process) => process.ask('change')));
    await Promise.race([told, Bun.sleep(CHANGE_MS)]);
  }

  async #sharedSandbox(): Promise<{ url: string; models: readonly string[] }> {
    this.#sandbox ??= import('../own-sandbox.ts').then(({ startOwnSandbox }) => startOwnSandbox());
    const { url, models } = await this.#sandbox;
    return { url, models };
  }

  #recoverOpen(): void {
    if (this.#authority.hasOpen) this.#askToRecover();
  }

  /** One of those that serve, in turn: the one before may have failed at it. */
  #askToRecover(): void {
    const serving = this.#slots.filter(({ readyAtMs }) => readyAtMs !== undefined);
    serving[this.#turn++ % serving.length]?.process?.tell('recover');
  }

  #tellAll(name: string, body?: unknown): void {
    for (const { process } of this.#slots) process?.tell(name, body);
  }

  /** Resolves when the condition holds; looked at whenever a worker comes or goes. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#onChange = () => {
        if (condition()) resolve();
      };
      this.#onChange();
    });
  }
}
