import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type BuildOptions, buildSnapshot } from './build.ts';
import type { Configuration } from './configuration.ts';
import { type LoadOptions, loadConfiguration } from './load.ts';
import type { Problem } from './problem.ts';
import type { Snapshot } from './snapshot.ts';

export interface WatchOptions {
  load: LoadOptions;
  /** The configuration in force; its files are watched, or the usual places when it has none. */
  configuration: Configuration;
  /** As for the first snapshot; the version counts on from here. */
  build: BuildOptions;
  /** A new configuration is valid: swap it in. */
  onSnapshot: (snapshot: Snapshot, configuration: Configuration, report: string[]) => void;
  /** The files were changed to something invalid; what is in force stays. */
  onProblems: (problems: Problem[]) => void;
}

export interface ConfigurationWatch {
  /** Reads again whatever the files say, also when they seem unchanged (SIGHUP). Settles after the callback. */
  reload(): Promise<void>;
  close(): void;
}

/** Editors write in several steps; what comes within this time is one change. */
const settleMs = 100;

/**
 * Watches the configuration's files. Directories are watched rather than files, since editors and Kubernetes replace
 * files by renaming new ones over them.
 */
export function watchConfiguration(options: WatchOptions): ConfigurationWatch {
  return new FileWatch(options);
}

class FileWatch implements ConfigurationWatch {
  readonly #options: WatchOptions;
  #watchers: FSWatcher[] = [];
  #files: readonly string[] = [];
  /** Empty until the first change, which is always read: it may have come while the files were first loaded. */
  #seen = '';
  #version: number;
  #configuration: Configuration;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#version = options.build.version;
    this.#configuration = options.configuration;
    this.#watch(options.configuration.files);
  }

  reload(): Promise<void> {
    this.#running = this.#running.then(() => this.#read());
    return this.#running;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  #watch(files: readonly string[]): void {
    for (const watcher of this.#watchers) watcher.close();
    const directory = resolve(this.#options.load.directory ?? process.cwd());
    this.#files = files.length > 0 ? files : [join(directory, 'turnpike.yaml'), join(directory, 'turnpike.yml')];
    const names = new Set(this.#files.map((file) => basename(file)));
    const onChange = (_event: string, name: string | null) => {
      // Kubernetes swaps the link `..data`, through which all files of a volume are seen.
      if (name === null || names.has(name) || name === '..data') this.#schedule();
    };
    const directories = new Set(this.#files.map((file) => dirname(file)));
    this.#watchers = [...directories].map((path) => {
      const watcher = watch(path, { persistent: false }, onChange);
      watcher.on('error', (error) => this.#options.onProblems([unwatched(path, error)]));
      return watcher;
    });
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#running.then(() => this.#readIfChanged());
    }, settleMs);
  }

  async #readIfChanged(): Promise<void> {
    const before = this.#seen;
    await this.#look();
    if (this.#seen !== before) await this.#read();
  }

  /** Notes what tells one state of the files from another. */
  async #look(): Promise<void> {
    const states = await Promise.all(
      this.#files.map(async (file) => {
        const found = await stat(file).catch(() => undefined);
        return found === undefined ? 'none' : `${found.ino}:${found.size}:${found.mtimeMs}`;
      }),
    );
    this.#seen = states.join(' ');
  }

  async #read(): Promise<void> {
    if (this.#isClosed) return;
    const { load, build, onSnapshot, onProblems } = this.#options;
    const [first] = this.#configuration.files;
    try {
      await this.#look();
      // A file that was there and is gone is a mistake, not a wish to run without one.
      const file = load.file ?? first;
      const loaded = await loadConfiguration({ ...load, file });
      if (this.#isClosed) return;
      if (loaded.configuration === undefined) {
        onProblems(loaded.problems);
        return;
      }
      const snapshot = buildSnapshot(loaded.configuration, load.environment, { ...build, version: this.#version + 1 });
      this.#version += 1;
      this.#configuration = loaded.configuration;
      if (loaded.configuration.files.join() !== this.#files.join()) {
        this.#watch(loaded.configuration.files);
        await this.#look();
      }
      onSnapshot(snapshot, loaded.configuration, loaded.report);
    } catch (error) {
      onProblems([unreadable(first ?? 'configuration', error)]);
    }
  }
}

function unwatched(file: string, error: unknown): Problem {
  const hint = 'Changes are not seen; send SIGHUP after a change.';
  return { file, line: 0, column: 0, path: '', message: `cannot be watched (${nameOf(error)})`, hint };
}

function unreadable(file: string, error: unknown): Problem {
  return { file, line: 0, column: 0, path: '', message: `reading it failed (${nameOf(error)})` };
}

/** Names only: messages might quote the file. */
function nameOf(error: unknown): string {
  if (error instanceof Error) return 'code' in error ? String(error.code) : error.name;
  return typeof error;
}
