/** How often to look whether the gateway rests, in milliseconds. */
const LOOK_MS = 2_000;
/** CPU time between two looks up to which the process counts as resting, in microseconds. */
const REST_CPU_US_MAX = 20_000;
/** Growth since the last collection that makes one worth its pause, in bytes. */
const GROWTH_BYTES_MIN = 32 * 1024 * 1024;

/** What it goes by; the process's own unless a test brings another. */
export interface IdleProbe {
  residentBytes(): number;
  /** CPU time of the process so far, in microseconds. */
  cpuUs(): number;
  /** Stops everything for some tens of milliseconds and gives memory back to the system. */
  collect(): void;
}

const ownProcess: IdleProbe = {
  residentBytes: () => process.memoryUsage.rss(),
  cpuUs: () => {
    const { user, system } = process.cpuUsage();
    return user + system;
  },
  collect: () => Bun.gc(true),
};

/**
 * Gives memory back once a burst is over. The engine collects while it allocates; when traffic with large bodies stops,
 * the garbage of the last requests stays, some hundred megabytes, until the engine's own timer comes round to it.
 */
export class IdleCollect {
  readonly #isBusy: () => boolean;
  readonly #probe: IdleProbe;
  readonly #timer: ReturnType<typeof setInterval>;
  #cpuUs: number;
  #keptBytes: number;

  /** `isBusy`: is an exchange under way? Then nothing is collected, however quiet it is. */
  constructor(isBusy: () => boolean, probe: IdleProbe = ownProcess) {
    this.#isBusy = isBusy;
    this.#probe = probe;
    this.#cpuUs = probe.cpuUs();
    this.#keptBytes = probe.residentBytes();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Collects if the process has rested since the last look and has grown. Called by its own timer. */
  look(): void {
    const cpuUs = this.#probe.cpuUs();
    const isResting = cpuUs - this.#cpuUs <= REST_CPU_US_MAX && !this.#isBusy();
    this.#cpuUs = cpuUs;
    if (!isResting || this.#probe.residentBytes() - this.#keptBytes < GROWTH_BYTES_MIN) return;
    this.#probe.collect();
    // What is left is in use: compiled code, mostly. Without growth beyond it there is nothing to do.
    this.#keptBytes = this.#probe.residentBytes();
    this.#cpuUs = this.#probe.cpuUs();
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
