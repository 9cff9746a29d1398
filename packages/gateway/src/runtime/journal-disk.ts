import { Database } from 'bun:sqlite';
import fs from 'node:fs';
import { join } from 'node:path';

/** A folder of append-only files, as the journal needs it. Names are plain file names in that folder. */
export interface JournalDisk {
  list(): string[];
  /** Opens a file for appending, making it where missing. @throws as the file system does (`ENOSPC`, `EIO`…) */
  appender(name: string): Appender;
  /** At most `bytesMax` bytes from `offset`; fewer at the end of the file. */
  read(name: string, offset: number, bytesMax: number): Uint8Array;
  /** Replaces a small file as a whole: afterwards it is the old one or the new one. */
  replace(name: string, text: string): void;
  rename(from: string, to: string): void;
  /** Also what `replace` may have left of it. A file that is not there is fine. */
  remove(name: string): void;
  /**
   * Locks a file for this process until `release`, or until the process ends, however it ends: the kernel holds the lock,
   * so it neither outlives its owner nor mistakes a reused process id for one. Undefined when another holds it.
   */
  lock(name: string): { release(): void } | undefined;
}

export interface Appender {
  /** Hands bytes to the kernel; they survive this process from then on. @returns how many it took, at least 1. */
  write(bytes: Uint8Array, offset: number, length: number): number;
  /** Resolves when what was written before survives a power cut. */
  sync(): Promise<void>;
  close(): void;
}

/** The real thing, readable by its owner only. */
export class FileDisk implements JournalDisk {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  list(): string[] {
    return fs.readdirSync(this.#folder);
  }

  appender(name: string): Appender {
    const file = fs.openSync(this.#path(name), 'a', 0o600);
    return {
      write: (bytes, offset, length) => fs.writeSync(file, bytes, offset, length),
      sync: () =>
        new Promise((resolve, reject) => fs.fdatasync(file, (error) => (error === null ? resolve() : reject(error)))),
      close: () => fs.closeSync(file),
    };
  }

  read(name: string, offset: number, bytesMax: number): Uint8Array {
    const file = fs.openSync(this.#path(name), 'r');
    try {
      const bytes = new Uint8Array(Math.min(bytesMax, Math.max(0, fs.fstatSync(file).size - offset)));
      let read = 0;
      while (read < bytes.length) {
        const count = fs.readSync(file, bytes, read, bytes.length - read, offset + read);
        if (count === 0) break;
        read += count;
      }
      return bytes.subarray(0, read);
    } finally {
      fs.closeSync(file);
    }
  }

  replace(name: string, text: string): void {
    const fresh = this.#path(`${name}.new`);
    fs.writeFileSync(fresh, text, { mode: 0o600 });
    fs.renameSync(fresh, this.#path(name));
  }

  rename(from: string, to: string): void {
    fs.renameSync(this.#path(from), this.#path(to));
  }

  remove(name: string): void {
    fs.rmSync(this.#path(name), { force: true });
    fs.rmSync(this.#path(`${name}.new`), { force: true });
  }

  /** An empty SQLite file serves as the lock: its locks are the kernel's on every platform, and nothing is written. */
  lock(name: string): { release(): void } | undefined {
    const database = new Database(this.#path(name), { create: true, readwrite: true });
    try {
      database.run('PRAGMA journal_mode = MEMORY');
      database.run('PRAGMA busy_timeout = 0');
      database.run('BEGIN EXCLUSIVE');
      return { release: () => database.close() };
    } catch (error) {
      database.close();
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return undefined;
      throw error;
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

/** CRC-32 of `bytes`, as eight hex digits. */
export function crc32Hex(bytes: Uint8Array): string {
  return (Bun.hash.crc32(bytes) + 0x1_0000_0000).toString(16).slice(1);
}

/** Writes the CRC-32 of `bytes` as eight hex digits to `target`, without making a string. */
export function putCrc32Hex(bytes: Uint8Array, target: Uint8Array, at: number): void {
  let rest = Bun.hash.crc32(bytes);
  for (let place = at + 7; place >= at; place--) {
    target[place] = HEX[rest & 15] ?? 0;
    rest >>>= 4;
  }
}

const HEX = new TextEncoder().encode('0123456789abcdef');
