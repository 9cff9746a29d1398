import type { JournalDisk } from '../runtime/journal-disk.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { Log } from '../telemetry/log.ts';
import type { LedgerEntry } from './entry.ts';

/** Entries the database takes none of are kept here, one JSON object a line, for a person to look at. */
export const REFUSED_FILE = 'refused.jsonl';

/** Turns in which an entry failed while others were taken, before it counts as refused: a connection may break once. */
const TURNS_MAX = 3;

export type LedgerStore = Pick<Store, 'writeLedger'>;

/**
 * Brings entries into the database. One entry that it refuses while it takes others must not hold up the rest: it goes
 * into a file of its own, and the operator is told.
 */
export class EntryWriter {
  readonly #store: LedgerStore;
  readonly #disk: JournalDisk;
  readonly #log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** How often entries failed on their own, by id. */
  readonly #failures = new Map<string, number>();
  #isFailing = false;

  constructor(store: LedgerStore, disk: JournalDisk, log: Pick<Log, 'info' | 'warn' | 'error'>) {
    this.#store = store;
    this.#disk = disk;
    this.#log = log;
  }

  /** False when the database takes nothing now; what it may have taken meanwhile can be sent again. Never throws. */
  async write(entries: readonly LedgerEntry[]): Promise<boolean> {
    if (entries.length === 0) return true;
    try {
      await this.#store.writeLedger(entries);
      this.#failures.clear();
      this.#recovered();
      return true;
    } catch (error) {
      const isBusy = error instanceof StoreError && error.code === 'busy';
      if (!isBusy && entries.length > 1 && (await this.#writeSingly(entries))) return true;
      if (!this.#isFailing) {
        this.#isFailing = true;
        this.#log.warn('The ledger cannot be written; entries wait in the journal.', { error: errorOf(error) });
      }
      return false;
    }
  }

  async #writeSingly(entries: readonly LedgerEntry[]): Promise<boolean> {
    const refused: { entry: LedgerEntry; error: unknown }[] = [];
    for (const entry of entries) {
      try {
        await this.#store.writeLedger([entry]);
      } catch (error) {
        refused.push({ entry, error });
      }
    }
    if (refused.length === entries.length) return false;
    const isCertain = refused.every(({ entry }) => this.#failed(entry.id) >= TURNS_MAX);
    if (!isCertain) return false;
    for (const { entry, error } of refused) {
      this.#failures.delete(entry.id);
      this.#log.error(`The database refused an entry of the ledger; it is kept in ${REFUSED_FILE}.`, {
        id: entry.id,
        error: errorOf(error),
      });
    }
    return this.#keep(refused.map(({ entry }) => entry));
  }

  #failed(id: string): number {
    const times = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, times);
    return times;
  }

  #keep(entries: readonly LedgerEntry[]): boolean {
    const text = entries.map((entry) => `${JSON.stringify(entry, digits)}\n`).join('');
    try {
      const appender = this.#disk.appender(REFUSED_FILE);
      const bytes = new TextEncoder().encode(text);
      for (let at = 0; at < bytes.length; ) at += appender.write(bytes, at, bytes.length - at);
      appender.close();
      return true;
    } catch (error) {
      this.#log.error('Refused entries of the ledger could not be kept; they stay in the journal.', {
        error: errorOf(error),
      });
      return false;
    }
  }

  #recovered(): void {
    if (this.#isFailing) this.#log.info('The ledger is written again.');
    this.#isFailing = false;
  }
}

function digits(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? `${value}` : value;
}

function errorOf(error: unknown): Error | string {
  return error instanceof Error ? error : String(error);
}
