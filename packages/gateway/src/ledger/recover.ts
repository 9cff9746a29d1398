import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Price } from '../catalog/price.ts';
import type { JournalDisk } from '../runtime/journal-disk.ts';
import type { Log } from '../telemetry/log.ts';
import { costOf } from './cost.ts';
import type { LedgerEntry } from './entry.ts';
import type { EntryWriter } from './entry-writer.ts';
import { ackFile, lockFile, type Position, readAck, segmentFile, segmentsOf } from './journal-files.ts';
import { readPiece } from './read-piece.ts';
import { type AttemptLabels, attemptEntry, JOURNAL_VERSION, type JournalRecord } from './record.ts';

export interface RecoverOptions {
  disk: JournalDisk;
  writer: EntryWriter;
  log: Pick<Log, 'info' | 'warn' | 'error'>;
  /** Whose own journal it is not to mind. */
  own?: string | undefined;
  /** Told of each journal before it is brought to the database. False leaves it for later. */
  onJournal?: ((journal: GoneJournal) => Promise<boolean>) | undefined;
}

/** A journal whose writer is gone. */
export interface GoneJournal {
  readonly writer: string;
  /** What was entered from a place on, and whatever never ended. */
  entriesFrom(place: Position): JournalledEntry[];
}

export interface JournalledEntry {
  readonly entry: LedgerEntry;
  /** Where its settlement ends; undefined for an attempt that never ended. */
  readonly end: Position | undefined;
}

/** What was found in the journals of writers that are gone. */
export interface Recovered {
  writers: number;
  /** Settlements that may not have been in the database. */
  settled: number;
  /** Attempts that never ended: entered from what was known of them. */
  estimated: number;
  /** Lines that could not be read. */
  damaged: number;
  /** Others that live, and whose journals were left alone. */
  living: number;
  /** False when the database did not take everything; then the files are still there. */
  isComplete: boolean;
}

/** Entries per transaction, for attempts that never ended. */
const BATCH_MAX = 200;

/**
 * Brings the journals of processes that ended without closing them into the database, and removes them. An attempt
 * without a settlement is entered with what its last progress and its estimated input cost at the price it began with,
 * marked as estimated.
 *
 * May be interrupted anywhere and run again: every entry it makes follows from the files alone. Journals whose writer
 * lives are left alone, and so are those of a newer version.
 */
export async function recover(options: RecoverOptions): Promise<Recovered> {
  const { disk, log } = options;
  const total: Recovered = { writers: 0, settled: 0, estimated: 0, damaged: 0, living: 0, isComplete: true };
  for (const writer of segmentsOf(disk.list()).keys()) {
    const lock = disk.lock(lockFile(writer));
    if (lock === undefined) {
      if (writer !== options.own) total.living++;
      continue;
    }
    try {
      // Looked at again: another process may have finished it before the lock was ours.
      const numbers = segmentsOf(disk.list()).get(writer) ?? [];
      if (numbers.length === 0) {
        disk.remove(lockFile(writer));
        continue;
      }
      const { onJournal } = options;
      if (onJournal !== undefined && !(await onJournal({ writer, entriesFrom: readFrom(disk, writer, numbers) }))) {
        total.isComplete = false;
        continue;
      }
      const journal = new DeadJournal(options, writer, numbers);
      const isDone = await journal.ship();
      if (isDone) disk.remove(lockFile(writer));
      total.isComplete &&= isDone;
      total.writers++;
      total.settled += journal.settled;
      total.estimated += journal.estimated;
      total.damaged += journal.damaged;
    } finally {
      lock.release();
    }
  }
  const { writers, settled, estimated, damaged } = total;
  if (writers > 0) log.info('The journal of an earlier run was recovered.', { writers, settled, estimated });
  if (damaged > 0) log.error('Lines of the journal could not be read; their segments are kept.', { lines: damaged });
  return total;
}

/** Segments can be understood without those before, so none before the place is read. */
function readFrom(disk: JournalDisk, writer: string, numbers: readonly number[]): GoneJournal['entriesFrom'] {
  return (place) => {
    const open = new OpenAttempts();
    const found: JournalledEntry[] = [];
    for (const segment of numbers.filter((number) => number >= place.segment)) {
      const file = segmentFile({ writer, number: segment });
      for (let offset = 0; ; ) {
        const { records, ends, consumed } = readPiece(disk, file, offset);
        if (consumed === 0) break;
        for (const [at, record] of records.entries()) {
          const entry = open.take(record);
          const end = { segment, offset: offset + (ends[at] ?? 0) };
          if (entry !== undefined && (segment > place.segment || end.offset > place.offset)) found.push({ entry, end });
        }
        offset += consumed;
      }
    }
    return [...found, ...open.estimated().map((entry) => ({ entry, end: undefined }))];
  };
}

interface OpenAttempt {
  labels: AttemptLabels;
  inputTokens: number;
  price: Price | undefined;
  progress: { atMs: number; usage: Usage } | undefined;
}

/** Attempts that were begun and, as far as was read, not ended. */
class OpenAttempts {
  readonly #open = new Map<string, OpenAttempt>();

  /** @returns the entry of an attempt that ends. */
  take(record: JournalRecord): LedgerEntry | undefined {
    switch (record.type) {
      case 'header':
        return undefined;
      case 'intent': {
        const { about: labels, inputTokens, price } = record;
        // Carried into a new segment it may have lost its progress to the end of the process.
        const { progress } = this.#open.get(labels.id) ?? {};
        this.#open.set(labels.id, { labels, inputTokens, price, progress });
        return undefined;
      }
      case 'progress': {
        const open = this.#open.get(record.id);
        if (open !== undefined) open.progress = record;
        return undefined;
      }
      case 'settle':
        this.#open.delete(record.entry.id);
        return record.entry;
    }
  }

  estimated(): LedgerEntry[] {
    return [...this.#open.values()].map(estimatedEntry);
  }
}

/** The segments of one writer that is gone. */
class DeadJournal {
  readonly #options: RecoverOptions;
  readonly #writer: string;
  readonly #numbers: readonly number[];
  readonly #open = new OpenAttempts();
  readonly #damagedSegments = new Set<number>();
  settled = 0;
  estimated = 0;
  damaged = 0;

  constructor(options: RecoverOptions, writer: string, numbers: readonly number[]) {
    this.#options = options;
    this.#writer = writer;
    this.#numbers = numbers;
  }

  /** False when the database takes nothing now, or the files are not for this version: they stay. */
  async ship(): Promise<boolean> {
    const acknowledged = this.#acknowledged();
    for (const number of this.#numbers) {
      if (!(await this.#shipSegment(number, acknowledged))) return false;
    }
    const left = this.#open.estimated();
    this.estimated = left.length;
    for (let at = 0; at < left.length; at += BATCH_MAX) {
      if (!(await this.#options.writer.write(left.slice(at, at + BATCH_MAX)))) return false;
    }
    this.#remove();
    return true;
  }

  #acknowledged(): Position {
    const { disk } = this.#options;
    const file = ackFile(this.#writer);
    return disk.list().includes(file) ? readAck(disk.read(file, 0, 1_000)) : { segment: 0, offset: 0 };
  }

  async #shipSegment(number: number, acknowledged: Position): Promise<boolean> {
    const file = segmentFile({ writer: this.#writer, number });
    for (let offset = 0; ; ) {
      const { records, ends, consumed, damaged } = readPiece(this.#options.disk, file, offset);
      // What follows the last line feed was being written when the process ended, and was never promised.
      if (consumed === 0) return true;
      this.damaged += damaged;
      if (damaged > 0) this.#damagedSegments.add(number);
      const isSent = (end: number) =>
        number < acknowledged.segment || (number === acknowledged.segment && offset + end <= acknowledged.offset);
      const entries: LedgerEntry[] = [];
      for (const [at, record] of records.entries()) {
        if (record.type === 'header' && record.version !== JOURNAL_VERSION) return this.#refuse(record.version);
        const entry = this.#open.take(record);
        if (entry !== undefined && !isSent(ends[at] ?? 0)) entries.push(entry);
      }
      this.settled += entries.length;
      if (!(await this.#options.writer.write(entries))) return false;
      offset += consumed;
    }
  }

  #refuse(version: number): false {
    this.#options.log.error('A journal of another version of Turnpike is left alone: let that version finish it.', {
      writer: this.#writer,
      version,
    });
    return false;
  }

  #remove(): void {
    const { disk } = this.#options;
    // First, so that it never stays alone; without it everything is sent again, which is harmless.
    disk.remove(ackFile(this.#writer));
    for (const number of this.#numbers) {
      const file = segmentFile({ writer: this.#writer, number });
      if (this.#damagedSegments.has(number)) disk.rename(file, `${file}.damaged`);
      else disk.remove(file);
    }
  }
}

function estimatedEntry({ labels, inputTokens, price, progress }: OpenAttempt): LedgerEntry {
  const usage: Usage = {
    ...progress?.usage,
    inputTokens: progress?.usage.inputTokens ?? inputTokens,
    outputTokens: progress?.usage.outputTokens ?? 0,
  };
  const cost = costOf(usage, price);
  return attemptEntry(labels, {
    settledAtMs: progress?.atMs ?? labels.atMs,
    fault: undefined,
    usage,
    costNanoUsd: cost?.nanoUsd,
    uncovered: cost?.uncovered ?? [],
    isEstimated: true,
  });
}
