import { type Store, StoreError } from '../store/store.ts';
import type { ExchangeRow } from './exchange-row.ts';
import { Log } from './log.ts';

export interface ExchangeLogOptions {
  /** Where trouble is told. */
  log?: Pick<Log, 'info' | 'warn'>;
  /** A row waits at most so long before it is written, while the store takes writes. */
  flushMs?: number;
  /** Rows per transaction. Writing holds up everything else for about 15 µs a row, so this bounds the stall. */
  batchMax?: number;
  /** Rows that may wait. Further ones are dropped and counted, so that a stuck disk cannot eat the memory. */
  queueMax?: number;
}

/** After a failed write: wait so long before the next try. */
const RETRY_MS = 1_000;

/**
 * Rows of finished exchanges on their way to the store. Exchanges never wait for it: `add` only queues, and a store that
 * is slow or gone costs rows of the log, never an answer.
 *
 * A failed batch stays queued and is tried again. A row that the store refuses while it takes others is dropped.
 */
export class ExchangeLog {
  readonly #store: Pick<Store, 'writeExchanges'>;
  readonly #log: Pick<Log, 'info' | 'warn'>;
  readonly #flushMs: number;
  readonly #batchMax: number;
  readonly #queueMax: number;
  #queue: ExchangeRow[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #dropped = 0;
  /** Told the operator already that rows are being dropped, or that writing fails? */
  #warnedFull = false;
  #warnedFailing = false;

  constructor(store: Pick<Store, 'writeExchanges'>, options: ExchangeLogOptions = {}) {
    this.#store = store;
    this.#log = options.log ?? new Log();
    this.#flushMs = options.flushMs ?? 100;
    this.#batchMax = options.batchMax ?? 100;
    this.#queueMax = options.queueMax ?? 10_000;
  }

  /** Rows lost so far, because the queue was full, the store refused them, or the end came first. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a row. Never throws and never waits. */
  add(row: ExchangeRow): void {
    if (this.#queue.length >= this.#queueMax) {
      this.#dropped += 1;
      if (!this.#warnedFull) {
        this.#warnedFull = true;
        this.#log.warn('The exchange log is full; rows are being dropped.', { queued: this.#queue.length });
      }
      return;
    }
    this.#queue.push(row);
    if (this.#running !== undefined) return;
    // A full batch goes as soon as the work at hand is done; under load that keeps batches, and so stalls, small.
    if (this.#queue.length === this.#batchMax && !this.#warnedFailing) this.#schedule(0);
    else if (this.#timer === undefined) this.#schedule(this.#flushMs);
  }

  /** Writes what is queued. Resolves when that is done or has failed; failures stay queued and are reported in the log. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running ??= this.#drain().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0) this.#schedule(this.#warnedFailing ? RETRY_MS : 0);
    });
    return this.#running;
  }

  /** To be called once, before the store is closed. Rows that cannot be written now are dropped, counted and reported. */
  async close(): Promise<void> {
    // A drain under way may have begun before the last rows came.
    await this.#running;
    await this.flush();
    clearTimeout(this.#timer);
    if (this.#queue.length > 0) {
      this.#dropped += this.#queue.length;
      this.#queue = [];
    }
    if (this.#dropped > 0) this.#log.warn('Exchanges are missing in the log.', { dropped: this.#dropped });
  }

  #schedule(inMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), inMs);
  }

  async #drain(): Promise<void> {
    let isFirst = true;
    while (this.#queue.length > 0) {
      // Between batches whatever came in meanwhile has its turn.
      if (!isFirst) await new Promise((resolve) => setImmediate(resolve));
      isFirst = false;
      if (!(await this.#writeFront())) return;
    }
    if (this.#warnedFull) {
      this.#warnedFull = false;
      this.#log.info('The exchange log takes rows again.', { dropped: this.#dropped });
    }
  }

  /** Writes the oldest rows. False when the store takes none now. */
  async #writeFront(): Promise<boolean> {
    const batch = this.#queue.slice(0, this.#batchMax);
    try {
      await this.#store.writeExchanges(batch);
      this.#queue.splice(0, batch.length);
      this.#warnedFailing = false;
      return true;
    } catch (error) {
      const isBusy = error instanceof StoreError && error.code === 'busy';
      if (!isBusy && batch.length > 1 && (await this.#writeSingly(batch))) {
        this.#warnedFailing = false;
        return true;
      }
      if (!this.#warnedFailing) {
        this.#warnedFailing = true;
        this.#log.warn('The exchange log cannot be written; rows wait.', {
          queued: this.#queue.length,
          error: error instanceof Error ? error : String(error),
        });
      }
      return false;
    }
  }

  /** Finds out whether single rows of a failed batch are to blame. False when the store takes none of them. */
  async #writeSingly(batch: readonly ExchangeRow[]): Promise<boolean> {
    const refused: { row: ExchangeRow; error: unknown }[] = [];
    for (const row of batch) {
      try {
        await this.#store.writeExchanges([row]);
      } catch (error) {
        refused.push({ row, error });
      }
    }
    if (refused.length === batch.length) return false;
    this.#queue.splice(0, batch.length);
    this.#dropped += refused.length;
    for (const { row, error } of refused) {
      this.#log.warn('The store refused a row of the exchange log.', {
        id: row.id,
        error: error instanceof Error ? error : String(error),
      });
    }
    return true;
  }
}
