import type { Appender, JournalDisk } from '@turnpike/gateway/runtime/journal-disk.ts';

/** Thrown by everything a process that was killed still tries to do. */
export class Killed extends Error {}

/** What befalls the next step of a process: nothing, a file system without room, or its end. */
export type Blow = 'none' | 'no-space' | 'kill';

/** A disk in memory that outlives the processes on it. */
export class SimulatedDisk {
  readonly files = new Map<string, Uint8Array>();
  readonly locks = new Map<string, SimulatedProcess>();
}

/**
 * The disk as one process sees it. Before each step `strike` says what befalls it; a write that is struck takes only as
 * many of its bytes as `tornAt` says.
 */
export class SimulatedProcess implements JournalDisk {
  isDead = false;
  readonly #disk: SimulatedDisk;
  readonly #strike: (step: string) => Blow;
  readonly #tornAt: (length: number) => number;

  constructor(disk: SimulatedDisk, strike: (step: string) => Blow, tornAt: (length: number) => number) {
    this.#disk = disk;
    this.#strike = strike;
    this.#tornAt = tornAt;
  }

  /** @throws Killed, or an error as a full file system gives it. */
  step(name: string): void {
    const blow = this.#blow(name);
    if (blow === 'kill') throw this.#die();
    if (blow === 'no-space') throw noSpace();
  }

  list(): string[] {
    this.step('list');
    return [...this.#disk.files.keys()];
  }

  appender(name: string): Appender {
    this.step('open');
    if (!this.#disk.files.has(name)) this.#disk.files.set(name, new Uint8Array(0));
    return {
      write: (bytes, offset, length) => this.#write(name, bytes.slice(offset, offset + length)),
      sync: async () => this.step('sync'),
      close: () => undefined,
    };
  }

  read(name: string, offset: number, bytesMax: number): Uint8Array {
    this.#alive();
    const bytes = this.#disk.files.get(name);
    if (bytes === undefined) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
    return bytes.slice(offset, offset + bytesMax);
  }

  replace(name: string, text: string): void {
    this.step('replace');
    this.#disk.files.set(name, new TextEncoder().encode(text));
  }

  rename(from: string, to: string): void {
    this.step('rename');
    const bytes = this.#disk.files.get(from);
    this.#disk.files.delete(from);
    if (bytes !== undefined) this.#disk.files.set(to, bytes);
  }

  remove(name: string): void {
    this.step('remove');
    this.#disk.files.delete(name);
  }

  lock(name: string): { release(): void } | undefined {
    this.step('lock');
    const holder = this.#disk.locks.get(name);
    if (holder !== undefined && !holder.isDead) return undefined;
    this.#disk.locks.set(name, this);
    return { release: () => void this.#disk.locks.delete(name) };
  }

  #write(name: string, bytes: Uint8Array): number {
    const blow = this.#blow('write');
    const taken = blow === 'none' ? bytes.length : this.#tornAt(bytes.length);
    const before = this.#disk.files.get(name) ?? new Uint8Array(0);
    const after = new Uint8Array(before.length + taken);
    after.set(before);
    after.set(bytes.subarray(0, taken), before.length);
    this.#disk.files.set(name, after);
    if (blow === 'kill') throw this.#die();
    // A full file system takes what fits, and refuses the rest when asked again.
    if (blow === 'no-space' && taken === 0) throw noSpace();
    return taken;
  }

  #blow(step: string): Blow {
    this.#alive();
    return this.#strike(step);
  }

  #alive(): void {
    if (this.isDead) throw new Killed();
  }

  #die(): Killed {
    this.isDead = true;
    return new Killed();
  }
}

function noSpace(): Error {
  return Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
}
