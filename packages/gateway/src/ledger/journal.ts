import { type Appender, type JournalDisk, putCrc32Hex } from '../runtime/journal-disk.ts';
import { ackFile, lockFile, type Position, segmentFile } from './journal-files.ts';
import { headerJson } from './record.ts';

export interface JournalOptions {
  disk: JournalDisk;
  /** Unique among all writers of the folder, ever: digits, small letters and hyphens. */
  writer: string;
  /** A segment is closed when it is longer. Default 16 MiB. */
  segmentBytes?: number;
}

const SEGMENT_BYTES_DEFAULT = 16 * 1024 * 1024;

/** A record could not be journalled: the bound is reached, or the file system refused. */
export class JournalError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'JournalError';
  }
}

/** After a failed change of segments the old one is used for so many bytes more before the next try. */
const ROTATE_RETRY_BYTES = 64 * 1024;
/** `<crc> ` before the JSON. */
const PREFIX_BYTES = 9;

/**
 * The one writer of its segments. Every record is in the kernel's hands when a method returns, so nothing of it is lost
 * with the process.
 *
 * A segment can be understood without those before it: a new one begins with the attempts still open, each with its
 * latest progress. So a segment may go as soon as the settlements in it are in the database.
 */
export class Journal {
  readonly #disk: JournalDisk;
  readonly #writer: string;
  readonly #segmentBytes: number;
  readonly #lock: { release(): void };
  /** Records of attempts under way, to be carried into the next segment. */
  readonly #open = new Map<string, { intent: string; progress: string | undefined }>();
  readonly #sizes = new Map<number, number>();
  #buffer = new Uint8Array(64 * 1024);
  #appender: Appender;
  #number = 1;
  #offset = 0;
  #rotateAt: number;
  /** Bytes in segments that exist. */
  #bytes = 0;
  #acknowledged: Position = { segment: 1, offset: 0 };
  /** A write failed half-way: the next record begins by spoiling and ending that line. */
  #isTorn = false;
  #isDirty = false;
  /** Segments no longer written to, whose last bytes may not have reached the disk. */
  #retired: Appender[] = [];
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  /** @throws when the folder cannot be written to. */
  constructor(options: JournalOptions) {
    this.#disk = options.disk;
    this.#writer = options.writer;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
    this.#rotateAt = this.#segmentBytes;
    // Locked before the first segment exists: whoever sees a segment can tell whether its writer lives.
    const lock = this.#disk.lock(lockFile(this.#writer));
    if (lock === undefined) throw new JournalError(`The journal ${this.#writer} has a writer already.`);
    this.#lock = lock;
    this.#appender = this.#disk.appender(this.#file(1));
    this.#append(headerJson());
  }

  get writer(): string {
    return this.#writer;
  }

  /** Where the next record goes. */
  get position(): Position {
    return { segment: this.#number, offset: this.#offset };
  }

  /** Bytes that are not known to be in the database. */
  get unshippedBytes(): number {
    return this.#bytes - this.#acknowledged.offset;
  }

  get openCount(): number {
    return this.#open.size;
  }

  /** @throws JournalError; then the attempt counts as never begun. */
  intent(id: string, json: string): void {
    this.#append(json);
    this.#open.set(id, { intent: json, progress: undefined });
  }

  /** A later record replaces an earlier one. @throws JournalError */
  progress(id: string, json: string): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#append(json);
    open.progress = json;
  }

  /** @throws JournalError; then the attempt stays open. */
  settle(id: string, json: string): void {
    this.#append(json);
    this.#open.delete(id);
  }

  /** Everything before `position` is in the database: segments wholly before it go. */
  async acknowledge(position: Position): Promise<void> {
    this.#acknowledged = position;
    const done = [...this.#sizes.keys()].filter((number) => number < position.segment);
    if (done.length === 0) return;
    // What was carried into the new segment must not be lost with the old one.
    await this.synced();
    for (const number of done) {
      this.#disk.remove(this.#file(number));
      this.#bytes -= this.#sizes.get(number) ?? 0;
      this.#sizes.delete(number);
    }
  }

  /**
   * Resolves when all records written so far survive a power cut. Those who ask while the disk is at it share the next
   * round: at most one is under way.
   */
  synced(): Promise<void> {
    if (!this.#isDirty) return this.#syncing ?? Promise.resolve();
    if (this.#syncing === undefined) return this.#sync();
    const again = () => this.#sync();
    this.#nextSync ??= this.#syncing.then(again, again);
    return this.#nextSync;
  }

  /** Forgets an attempt whose end became known to the database by another way. */
  forget(id: string): void {
    this.#open.delete(id);
  }

  /** Lets go of the files. With `remove`, when all is in the database, nothing of them stays. */
  async close({ remove }: { remove: boolean }): Promise<void> {
    await this.#syncing?.catch(() => undefined);
    for (const appender of [...this.#retired, this.#appender]) appender.close();
    if (remove) {
      this.#disk.remove(ackFile(this.#writer));
      for (const number of [...this.#sizes.keys(), this.#number]) this.#disk.remove(this.#file(number));
    }
    this.#lock.release();
    if (remove) this.#disk.remove(lockFile(this.#writer));
  }

  #sync(): Promise<void> {
    this.#nextSync = undefined;
    this.#isDirty = false;
    const retired = this.#retired.splice(0);
    const syncs = retired.map((appender) => appender.sync().finally(() => appender.close()));
    this.#syncing = Promise.all([...syncs, this.#appender.sync()])
      .then(() => undefined)
      .catch((error: unknown) => {
        this.#isDirty = true;
        throw new JournalError('The journal could not be brought to the disk.', error);
      })
      .finally(() => {
        this.#syncing = undefined;
      });
    return this.#syncing;
  }

  #append(json: string): void {
    if (this.#offset >= this.#rotateAt) this.#rotate();
    this.#write(json);
  }

  #write(json: string): void {
    const length = this.#frame(json);
    let at = 0;
    try {
      while (at < length) at += this.#appender.write(this.#buffer, at, length - at);
    } catch (error) {
      if (at > 0) this.#isTorn = true;
      throw new JournalError('The journal could not be written.', error);
    } finally {
      this.#offset += at;
      this.#bytes += at;
      this.#isDirty = true;
    }
    this.#isTorn = false;
  }

  /** Writes the line into the buffer. @returns its length. */
  #frame(json: string): number {
    // A character takes at most three bytes.
    const most = json.length * 3 + PREFIX_BYTES + 3;
    if (this.#buffer.length < most) this.#buffer = new Uint8Array(most * 2);
    const start = this.#isTorn ? 2 : 0;
    if (this.#isTorn) this.#buffer.set(SPOILER);
    const bodyAt = start + PREFIX_BYTES;
    const { written } = encoder.encodeInto(json, this.#buffer.subarray(bodyAt));
    putCrc32Hex(this.#buffer.subarray(bodyAt, bodyAt + written), this.#buffer, start);
    this.#buffer[start + 8] = 32;
    this.#buffer[bodyAt + written] = 10;
    return bodyAt + written + 1;
  }

  /** Begins a new segment. When that fails, the old one goes on and nothing is lost. */
  #rotate(): void {
    const before = { appender: this.#appender, number: this.#number, offset: this.#offset, bytes: this.#bytes };
    const wasTorn = this.#isTorn;
    this.#isTorn = false;
    const next = this.#file(this.#number + 1);
    try {
      this.#appender = this.#disk.appender(next);
      this.#number++;
      this.#offset = 0;
      this.#write(headerJson());
      for (const { intent, progress } of this.#open.values()) {
        this.#write(intent);
        if (progress !== undefined) this.#write(progress);
      }
    } catch {
      // Told by the write that comes next, should it fail too; else the disk has room for it and not for a new file.
      if (this.#appender !== before.appender) this.#appender.close();
      this.#disk.remove(next);
      this.#appender = before.appender;
      this.#number = before.number;
      this.#offset = before.offset;
      this.#bytes = before.bytes;
      this.#rotateAt = before.offset + Math.min(ROTATE_RETRY_BYTES, this.#segmentBytes);
      this.#isTorn = wasTorn;
      return;
    }
    this.#retired.push(before.appender);
    this.#sizes.set(before.number, before.offset);
    // However much was carried, as much again fits.
    this.#rotateAt = Math.max(this.#segmentBytes, 2 * this.#offset);
  }

  #file(number: number): string {
    return segmentFile({ writer: this.#writer, number });
  }
}

const encoder = new TextEncoder();
/** What failed without its last byte alone must not be taken for a record afterwards. */
const SPOILER = encoder.encode('!\n');
