import type { RetentionSettings } from '../config/retention-settings.ts';
import { nowMs } from '../runtime/clock.ts';
import type { Store } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import { systemTimers, type Timers } from './timers.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How often the old is looked for; the first time some minutes after a start, not of all processes at once. */
const EVERY_MS = HOUR_MS;
const FIRST_MS = 120_000;
/** Rows deleted at a time. The number follows how long a batch takes, so that nothing else waits for longer. */
const BATCH_MIN = 20;
const BATCH_MAX = 250;
const BATCH_MS = 5;
/** For each millisecond of deleting so many of rest. */
const REST_FACTOR = 4;
const REST_MIN_MS = 10;
/** How often others are told how far a run is. */
const TELL_MS = 1_000;
/** The name of what is told. */
const LATEST = 'retention_latest';

export type RetentionStore = Pick<
  Store,
  | 'pruneLedger'
  | 'countAttempts'
  | 'pruneExchanges'
  | 'countExchanges'
  | 'oldestDetail'
  | 'notePruned'
  | 'readMeta'
  | 'writeMeta'
>;

export interface RetentionOptions {
  readonly store: RetentionStore;
  readonly settings: () => RetentionSettings;
  /** Hours whose entries budgets in force still need, by their starts. */
  readonly hoursNeeded: () => readonly number[];
  readonly log: Pick<Log, 'info' | 'warn'>;
  readonly timers?: Timers;
  readonly now?: () => number;
}

/** What one run did, does, or would do. */
export interface RetentionRun {
  readonly isDryRun: boolean;
  readonly startedAtMs: number;
  /** Undefined while it runs. */
  endedAtMs: number | undefined;
  /** What is older goes; undefined for what is kept for ever. */
  readonly exchangesBeforeMs: number | undefined;
  readonly ledgerBeforeMs: number | undefined;
  exchanges: number;
  ledgerEntries: number;
  /** Hours before that, of which entries stay since a budget in force needs them. */
  hoursKept: number;
  /** Why it ended before its work was done. */
  trouble: string | undefined;
}

/**
 * Deletes exchanges of the log and attempts of the ledger that are older than the settings keep them, a few at a time with rests
 * between, so that calls and their settling go on. Sums, what was entered by hand, and the audit log stay.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #timers: Timers;
  readonly #now: () => number;
  #cancels: (() => void)[] = [];
  #run: RetentionRun | undefined;
  #running: Promise<void> = Promise.resolve();
  #isStopped = false;
  #batch = BATCH_MIN;
  #toldMs = 0;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
    this.#now = options.now ?? nowMs;
  }

  /** Looks for what is old from now on. To be called once. */
  start(): void {
    this.#cancels = [
      this.#timers.every(EVERY_MS, () => this.#inBackground()),
      this.#timers.after(FIRST_MS * (1 + Math.random()), () => this.#inBackground()),
    ];
  }

  /** The run under way in this process. */
  get underWay(): RetentionRun | undefined {
    return this.#run?.endedAtMs === undefined ? this.#run : undefined;
  }

  /** The latest run of any process on the database. @throws StoreError */
  async latest(): Promise<RetentionRun | undefined> {
    const text = await this.#options.store.readMeta(LATEST);
    return text === undefined ? undefined : (JSON.parse(text) as RetentionRun);
  }

  /** Begins a run, unless one is under way. @returns that run. */
  begin(isDryRun: boolean): RetentionRun {
    if (this.underWay !== undefined) return this.underWay;
    const { exchangeLogDays, ledgerDays } = this.#options.settings();
    const startedAtMs = this.#now();
    const before = (days: number | undefined) => (days === undefined ? undefined : startedAtMs - days * DAY_MS);
    const run: RetentionRun = {
      isDryRun,
      startedAtMs,
      endedAtMs: undefined,
      exchangesBeforeMs: before(exchangeLogDays),
      ledgerBeforeMs: before(ledgerDays),
      exchanges: 0,
      ledgerEntries: 0,
      hoursKept: 0,
      trouble: undefined,
    };
    this.#run = run;
    this.#running = this.#work(run);
    return run;
  }

  /** Resolves when no run is under way. Never rejects. */
  idle(): Promise<void> {
    return this.#running;
  }

  /** Ends a run under way after its batch, and begins no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const cancel of this.#cancels) cancel();
    await this.#running;
  }

  #inBackground(): void {
    const { exchangeLogDays, ledgerDays } = this.#options.settings();
    if (exchangeLogDays !== undefined || ledgerDays !== undefined) this.begin(false);
  }

  async #work(run: RetentionRun): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#tell(run);
      if (run.exchangesBeforeMs !== undefined) await this.#exchanges(run, run.exchangesBeforeMs);
      if (run.ledgerBeforeMs !== undefined) await this.#ledger(run, run.ledgerBeforeMs);
    } catch (error) {
      run.trouble = error instanceof Error ? error.message : String(error);
      log.warn('What is older than it is kept could not be deleted; it is tried again in an hour.', {
        error: run.trouble,
      });
    }
    if (this.#isStopped) run.trouble ??= 'The gateway was stopped.';
    run.endedAtMs = this.#now();
    // Who asks is told the last that could be written.
    await this.#tell(run).catch(() => undefined);
    const { exchanges, ledgerEntries, isDryRun } = run;
    if (!isDryRun && exchanges + ledgerEntries > 0) {
      log.info('What was older than it is kept was deleted.', { exchanges, ledgerEntries });
    }
  }

  async #tell(run: RetentionRun): Promise<void> {
    this.#toldMs = performance.now();
    await this.#options.store.writeMeta(LATEST, JSON.stringify(run));
  }

  async #exchanges(run: RetentionRun, beforeMs: number): Promise<void> {
    const { store } = this.#options;
    if (run.isDryRun) {
      const { exchangeMs } = await store.oldestDetail();
      for (const [fromMs, toMs] of daysOf(exchangeMs ?? beforeMs, beforeMs)) {
        run.exchanges += await this.#paced(() => store.countExchanges(fromMs, toMs));
        if (this.#isStopped) return;
      }
      return;
    }
    for (;;) {
      const limit = this.#batch;
      const deleted = await this.#paced(() => store.pruneExchanges(beforeMs, limit));
      run.exchanges += deleted;
      if (deleted < limit || this.#isStopped) return;
    }
  }

  async #ledger(run: RetentionRun, beforeMs: number): Promise<void> {
    const { store, hoursNeeded } = this.#options;
    const { attemptMs } = await store.oldestDetail();
    const keptHoursMs = hoursNeeded().filter((hourMs) => hourMs < beforeMs);
    run.hoursKept = keptHoursMs.length;
    if (attemptMs === undefined || attemptMs >= beforeMs) return;
    // First, so that whoever reads meanwhile knows what may be missing.
    if (!run.isDryRun) await store.notePruned({ beforeMs, keptHoursMs });
    for (const [fromMs, toMs] of stretchesBetween(keptHoursMs, attemptMs, beforeMs)) {
      if (run.isDryRun) {
        for (const [dayMs, endMs] of daysOf(fromMs, toMs)) {
          run.ledgerEntries += await this.#paced(() => store.countAttempts(dayMs, endMs));
        }
      } else await this.#stretch(run, fromMs, toMs);
      if (this.#isStopped) return;
    }
  }

  async #stretch(run: RetentionRun, fromMs: number, toMs: number): Promise<void> {
    for (let nextMs = fromMs; ; ) {
      const limit = this.#batch;
      const { deleted, lastMs } = await this.#paced(() => this.#options.store.pruneLedger(nextMs, toMs, limit));
      run.ledgerEntries += deleted;
      if (deleted < limit || this.#isStopped) return;
      nextMs = lastMs;
    }
  }

  /** One batch, then a rest in which others have their turn. */
  async #paced<T>(batch: () => Promise<T>): Promise<T> {
    const began = performance.now();
    const result = await batch();
    const tookMs = performance.now() - began;
    if (this.underWay !== undefined && began - this.#toldMs > TELL_MS) await this.#tell(this.underWay);
    if (tookMs > BATCH_MS) this.#batch = Math.max(BATCH_MIN, Math.floor(this.#batch / 2));
    else if (tookMs < BATCH_MS / 2) this.#batch = Math.min(BATCH_MAX, this.#batch * 2);
    await new Promise<void>((resolve) => {
      this.#timers.after(Math.max(REST_MIN_MS, tookMs * REST_FACTOR), resolve);
    });
    return result;
  }
}

/** The stretches of [fromMs, toMs) beside the hours given. */
function* stretchesBetween(hoursMs: readonly number[], fromMs: number, toMs: number): Iterable<[number, number]> {
  let startMs = fromMs;
  for (const hourMs of hoursMs) {
    if (hourMs > startMs) yield [startMs, Math.min(hourMs, toMs)];
    startMs = Math.max(startMs, hourMs + HOUR_MS);
  }
  if (startMs < toMs) yield [startMs, toMs];
}

/** Pieces of a day at most, so that counting one is short. */
function* daysOf(fromMs: number, toMs: number): Iterable<[number, number]> {
  for (let startMs = fromMs; startMs < toMs; startMs += DAY_MS) yield [startMs, Math.min(startMs + DAY_MS, toMs)];
}
