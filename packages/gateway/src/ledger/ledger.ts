import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import type { Price } from '../catalog/price.ts';
import { type JournalSettings, ledgerDefaults } from '../config/ledger-settings.ts';
import type { JournalDisk } from '../runtime/journal-disk.ts';
import type { Log } from '../telemetry/log.ts';
import { EntryWriter, type LedgerStore } from './entry-writer.ts';
import { Journal, JournalError } from './journal.ts';
import type { Position } from './journal-files.ts';
import {
  type AttemptLabels,
  attemptEntry,
  intentJson,
  labelsJson,
  progressJson,
  type Settlement,
  settleJson,
} from './record.ts';
import { type GoneJournal, type Recovered, recover } from './recover.ts';
import { Shipper } from './shipper.ts';
import { systemTimers, type Timers } from './timers.ts';

export interface LedgerOptions {
  disk: JournalDisk;
  store: LedgerStore;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** A name no writer of the folder ever had. */
  writerName: string;
  settings?: JournalSettings;
  /** See {@link RecoverOptions}. */
  onJournal?: ((journal: GoneJournal) => Promise<boolean>) | undefined;
  segmentBytes?: number;
  flushMs?: number;
  timers?: Timers;
}

/** An attempt under way, for the ledger. */
export interface OpenAttempt {
  readonly labels: AttemptLabels;
  /** The fields its records share, written out. */
  readonly labelsJson: string;
  isSettled: boolean;
}

/** How often what was written is brought to the disk, and what could not be written is tried again. */
const TEND_MS = 250;
/** How often journals of writers that ended meanwhile are looked for: other processes on the same folder. */
const RECOVER_MS = 60_000;
/** Settlements that may wait in memory while neither journal nor database takes them. */
const UNSAVED_MAX = 10_000;

/**
 * The truth about money. Each attempt is journalled before it is sent and again before the client has the last byte; a
 * shipper brings settlements to the database. Nothing here waits for the database.
 */
export class Ledger {
  readonly #journal: Journal;
  readonly #shipper: Shipper;
  readonly #writer: EntryWriter;
  readonly #writerName: string;
  readonly #disk: JournalDisk;
  readonly #log: Pick<Log, 'info' | 'warn' | 'error'>;
  readonly #onJournal: LedgerOptions['onJournal'];
  readonly #cancels: (() => void)[];
  #settings: JournalSettings;
  #unsaved: { open: OpenAttempt; end: Settlement }[] = [];
  #recovering: Promise<Recovered> | undefined;
  #isFailing = false;
  #lost = 0;

  /** @throws JournalError or an error of the file system, when the folder cannot be written to. */
  constructor(options: LedgerOptions) {
    const { disk, store, log, writerName, segmentBytes, flushMs, timers = systemTimers } = options;
    this.#disk = disk;
    this.#writerName = writerName;
    this.#log = log;
    this.#onJournal = options.onJournal;
    this.#settings = options.settings ?? ledgerDefaults;
    this.#writer = new EntryWriter(store, disk, log);
    this.#journal = new Journal({ disk, writer: writerName, segmentBytes });
    this.#shipper = new Shipper({
      journal: this.#journal,
      disk,
      writer: this.#writer,
      flushMs,
      timers,
      onTrouble: (error) => log.warn('The journal cannot be read; entries wait in it.', { error: errorOf(error) }),
      onDamaged: (lines) => log.error('Lines of the journal could not be read back.', { lines }),
    });
    this.#cancels = [
      timers.every(TEND_MS, () => void this.#tend()),
      timers.every(RECOVER_MS, () => void this.recover()),
    ];
  }

  /** Puts other settings in force, for attempts that begin from now on. */
  configure(settings: JournalSettings): void {
    this.#settings = settings;
  }

  /** Bytes in the journal that are not known to be in the database. */
  get unshippedBytes(): number {
    return this.#journal.unshippedBytes;
  }

  /** Where the next record of the journal goes. */
  get journalPlace(): Position {
    return this.#journal.position;
  }

  /** What was settled before, in Unix ms, is in the database. */
  get writtenUntilMs(): number {
    return this.#unsaved.length === 0 ? this.#shipper.writtenUntilMs : 0;
  }

  /** Settlements that were lost because journal and database both failed for long. */
  get lost(): number {
    return this.#lost;
  }

  /** Enters what earlier runs left behind. One at a time; resolves when what can be done now is done. Never rejects. */
  recover(): Promise<Recovered | undefined> {
    const options = {
      disk: this.#disk,
      writer: this.#writer,
      log: this.#log,
      own: this.#writerName,
      onJournal: this.#onJournal,
    };
    this.#recovering ??= recover(options).finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering.catch((error: unknown) => {
      this.#log.error('The journal of an earlier run cannot be read.', { error: errorOf(error) });
      return undefined;
    });
  }

  /**
   * To be called before an attempt is sent.
   *
   * @param inputTokens An estimate: what is charged for input should this process end before the attempt does.
   * @throws Fault `ledger_unavailable` when that cannot be noted and the settings say to refuse.
   */
  begin(labels: AttemptLabels, inputTokens: number, price: Price | undefined): OpenAttempt {
    const open = { labels, labelsJson: labelsJson(labels), isSettled: false };
    try {
      if (this.#journal.unshippedBytes > this.#settings.journalBytesMax) {
        throw new JournalError(`The database has not taken ${this.#journal.unshippedBytes} bytes of entries.`);
      }
      this.#journal.intent(labels.id, intentJson(open.labelsJson, inputTokens, price));
      if (this.#isFailing) this.#works();
    } catch (error) {
      this.#failing(error);
      if (this.#settings.onJournalFailure === 'refuse') {
        throw new Fault('ledger_unavailable', { retryAfterMs: 5_000, cause: error });
      }
    }
    return open;
  }

  /**
   * What must be waited for before an attempt is sent: nothing, unless records are to survive a power cut. Many who wait
   * share one round of the disk.
   *
   * @throws Fault `ledger_unavailable`
   */
  durable(): Promise<void> | undefined {
    if (this.#settings.durability === 'process') return undefined;
    return this.#journal.synced().catch((error: unknown) => {
      this.#failing(error);
      if (this.#settings.onJournalFailure === 'refuse') {
        throw new Fault('ledger_unavailable', { retryAfterMs: 5_000, cause: error });
      }
    });
  }

  /** As `durable`, before an answer's last byte. Never rejects: the answer was made, and its beginning is noted. */
  settled(): Promise<void> | undefined {
    if (this.#settings.durability === 'process') return undefined;
    return this.#journal.synced().catch((error: unknown) => this.#failing(error));
  }

  /** What a stream has used so far: charged should this process end before the stream does. */
  progress(open: OpenAttempt, atMs: number, usage: Usage): void {
    if (open.isSettled) return;
    try {
      this.#journal.progress(open.labels.id, progressJson(open.labels.id, atMs, usage));
    } catch (error) {
      this.#failing(error);
    }
  }

  /** Enters how an attempt ended. Once: whatever is said later is not heard. Never throws. */
  settle(open: OpenAttempt, end: Settlement): void {
    if (open.isSettled) return;
    open.isSettled = true;
    try {
      this.#journal.settle(open.labels.id, settleJson(open.labelsJson, end));
      this.#shipper.journalled(attemptEntry(open.labels, end));
    } catch (error) {
      this.#failing(error);
      this.#keepUnsaved(open, end);
    }
  }

  /** Brings everything journalled so far to the database. @returns whether that worked. */
  async flush(): Promise<boolean> {
    await this.#saveUnsaved();
    // A turn under way may have begun before the last records came.
    await this.#shipper.flush();
    return (await this.#shipper.flush()) && this.#unsaved.length === 0;
  }

  /** To be called once, when no attempt is under way. What the database does not take now is taken at the next start. */
  async close(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    await this.#recovering?.catch(() => undefined);
    await this.#saveUnsaved();
    const isShipped = await this.#shipper.close();
    if (this.#unsaved.length > 0) this.#lose(this.#unsaved.length);
    await this.#journal.close({ remove: isShipped && this.#journal.openCount === 0 });
  }

  async #tend(): Promise<void> {
    await this.#saveUnsaved();
    try {
      await this.#journal.synced();
    } catch (error) {
      this.#failing(error);
    }
  }

  #keepUnsaved(open: OpenAttempt, end: Settlement): void {
    if (this.#unsaved.length < UNSAVED_MAX) this.#unsaved.push({ open, end });
    else this.#lose(1);
  }

  /** Past the journal, straight into the database, when only the journal fails; else it is tried again later. */
  async #saveUnsaved(): Promise<void> {
    if (this.#unsaved.length === 0) return;
    const batch = this.#unsaved.slice(0, 500);
    if (!(await this.#writer.write(batch.map(({ open, end }) => attemptEntry(open.labels, end))))) return;
    this.#unsaved.splice(0, batch.length);
    for (const { open } of batch) this.#journal.forget(open.labels.id);
  }

  #lose(settlements: number): void {
    this.#lost += settlements;
    this.#log.error('Entries of the ledger are lost: neither the journal nor the database takes them.', {
      lost: this.#lost,
    });
  }

  #works(): void {
    this.#isFailing = false;
    this.#log.info('The journal of the ledger is written again.');
  }

  #failing(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const policy = this.#settings.onJournalFailure;
    this.#log.error(`The journal of the ledger fails; exchanges are ${policy === 'refuse' ? 'refused' : 'served'}.`, {
      error: errorOf(error),
    });
  }
}

function errorOf(error: unknown): Error | string {
  return error instanceof Error ? error : String(error);
}
