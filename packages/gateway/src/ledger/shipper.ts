import { nowMs } from '../runtime/clock.ts';
import type { JournalDisk } from '../runtime/journal-disk.ts';
import type { LedgerEntry } from './entry.ts';
import type { EntryWriter } from './entry-writer.ts';
import type { Journal } from './journal.ts';
import { ackFile, ackText, isBefore, type Position, segmentFile } from './journal-files.ts';
import { readPiece } from './read-piece.ts';
import { RecentEntries } from './recent-entries.ts';
import type { Timers } from './timers.ts';

export interface ShipperOptions {
  journal: Journal;
  disk: JournalDisk;
  writer: EntryWriter;
  timers: Timers;
  /** The files cannot be read or noted: told once for each turn that fails. */
  onTrouble: (error: unknown) => void;
  /** Lines of our own that cannot be read back: a write that failed half-way, or a damaged disk. */
  onDamaged: (lines: number) => void;
  /** A settlement waits at most so long before it is sent, while the database takes writes. Default 100 ms. */
  flushMs?: number;
}

/** After a failed batch: wait so long before the next try. */
const RETRY_MS = 1_000;
/** The place reached is noted in its file every so many turns: about once a second while there is traffic. */
const TURNS_PER_NOTE = 10;
/** What one transaction takes, and one stall of the event loop, is bounded; as is a piece of the journal. */
const BATCH_MAX = 128;

/**
 * Moves settlements from this process's journal to the database, a piece at a time. While the database keeps up they come
 * from memory; a backlog is read from the files, so it takes no memory however long the database is gone.
 *
 * The place reached is noted only after batches are committed. A batch whose outcome is unknown is sent again, and counts
 * once.
 */
export class Shipper {
  readonly #journal: Journal;
  readonly #disk: JournalDisk;
  readonly #writer: EntryWriter;
  readonly #timers: Timers;
  readonly #onTrouble: (error: unknown) => void;
  readonly #onDamaged: (lines: number) => void;
  readonly #flushMs: number;
  readonly #recent = new RecentEntries();
  #position: Position = { segment: 1, offset: 0 };
  /** The end of the journal, when its last line is incomplete. */
  #tornAt: Position | undefined;
  /** How far the file says. */
  #noted = this.#position;
  #cancel: (() => void) | undefined;
  #running: Promise<boolean> | undefined;
  #isClosed = false;
  #turns = 0;
  #writtenUntilMs = 0;
  /** Where the journal ended, and when: once that is in the database, so is all that was journalled before. */
  #mark: { readonly end: Position; readonly atMs: number } | undefined;

  constructor(options: ShipperOptions) {
    this.#journal = options.journal;
    this.#disk = options.disk;
    this.#writer = options.writer;
    this.#timers = options.timers;
    this.#onTrouble = options.onTrouble;
    this.#onDamaged = options.onDamaged;
    this.#flushMs = options.flushMs ?? 100;
    this.#recent.begin(this.#position);
  }

  /** The journal's last record settles `entry`, which is to be sent. Costs next to nothing. */
  journalled(entry: LedgerEntry): void {
    this.#recent.add(entry, this.#journal.position);
    this.#wake();
  }

  #wake(): void {
    if (this.#cancel === undefined && this.#running === undefined && !this.#isClosed) this.#schedule(this.#flushMs);
  }

  /** Sends what is in the journal now. @returns whether all of it is in the database. Never rejects. */
  flush(): Promise<boolean> {
    this.#unschedule();
    this.#running ??= this.#drain()
      .catch((error: unknown) => {
        this.#onTrouble(error);
        return false;
      })
      .then((isDone) => {
        this.#running = undefined;
        if (!isDone && !this.#isClosed) this.#schedule(RETRY_MS);
        else if (this.#isBehind) this.#wake();
        return isDone;
      });
    return this.#running;
  }

  /** To be called once, when nothing more is journalled. @returns whether all is in the database. */
  async close(): Promise<boolean> {
    this.#isClosed = true;
    // A turn under way may have begun before the last records came.
    await this.#running;
    return this.flush();
  }

  /** What was journalled before, in Unix ms, is in the database. */
  get writtenUntilMs(): number {
    return this.#isBehind ? this.#writtenUntilMs : nowMs();
  }

  get #isBehind(): boolean {
    const end = this.#journal.position;
    // Nothing to be had behind a line that failed half-way, until another follows it.
    if (this.#tornAt?.segment === end.segment && this.#tornAt.offset === end.offset) return false;
    return isBefore(this.#position, end);
  }

  #schedule(inMs: number): void {
    this.#unschedule();
    this.#cancel = this.#timers.after(inMs, () => void this.flush());
  }

  #unschedule(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  async #drain(): Promise<boolean> {
    let isDone = true;
    while (isDone && this.#isBehind) {
      this.#mark ??= { end: this.#journal.position, atMs: nowMs() };
      isDone = await this.#shipPiece();
      if (!isDone || isBefore(this.#position, this.#mark.end)) continue;
      this.#writtenUntilMs = this.#mark.atMs;
      this.#mark = undefined;
    }
    this.#turns++;
    await this.#acknowledge();
    return isDone;
  }

  async #shipPiece(): Promise<boolean> {
    const recent = this.#recent.after(this.#position, BATCH_MAX);
    if (recent === undefined) return this.#shipFromFile();
    // What else stands there, beginnings above all, is none of the database's business.
    const end = recent.end ?? this.#journal.position;
    if (!(await this.#send(recent.entries))) return false;
    this.#position = end;
    this.#recent.drop(end);
    return true;
  }

  async #shipFromFile(): Promise<boolean> {
    const { segment, offset } = this.#position;
    const file = segmentFile({ writer: this.#journal.writer, number: segment });
    const { records, consumed, damaged } = readPiece(this.#disk, file, offset, 'settle');
    if (consumed === 0) {
      // Its last line may have failed half-way, and was then written anew in the segment that follows.
      if (segment === this.#journal.position.segment) {
        this.#tornAt = this.#journal.position;
        return true;
      }
      this.#position = { segment: segment + 1, offset: 0 };
      await this.#acknowledge();
      return true;
    }
    const end = { segment, offset: offset + consumed };
    // Read to its end: what follows is in memory from now on.
    if (!isBefore(end, this.#journal.position)) this.#recent.begin(end);
    const entries = records.flatMap((record) => (record.type === 'settle' ? [record.entry] : []));
    if (!(await this.#send(entries))) return false;
    if (damaged > 0) this.#onDamaged(damaged);
    this.#position = end;
    return true;
  }

  async #send(entries: readonly LedgerEntry[]): Promise<boolean> {
    if (entries.length === 0) return true;
    if (!(await this.#writer.write(entries))) return false;
    // Between batches whatever came in meanwhile has its turn.
    await new Promise((resolve) => setImmediate(resolve));
    return true;
  }

  async #acknowledge(): Promise<void> {
    // Not noted means sent again after a restart, which is harmless; but segments only go when it is.
    const isDue = this.#turns % TURNS_PER_NOTE === 0 || this.#isClosed || this.#position.segment > this.#noted.segment;
    if (isDue && this.#position !== this.#noted) {
      this.#disk.replace(ackFile(this.#journal.writer), ackText(this.#position));
      this.#noted = this.#position;
    }
    await this.#journal.acknowledge(this.#position);
  }
}
