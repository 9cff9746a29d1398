import type { LedgerEntry } from './entry.ts';
import { isBefore, type Position } from './journal-files.ts';

/** Entries kept: some megabytes at most. At the usual pace they hold a fraction of a second. */
const ENTRIES_MAX = 2_048;

/**
 * The settlements journalled last, so that they need not be read back while the database keeps up. Once they are too many
 * they are forgotten, all of them: the journal has them. Whoever has read it to its end may begin anew.
 */
export class RecentEntries {
  /** Every settlement that was journalled from here on is in the list; undefined when that is not so. */
  #from: Position | undefined;
  readonly #entries: { entry: LedgerEntry; end: Position }[] = [];

  /** Nothing at all was settled between `from` and now. */
  begin(from: Position): void {
    this.#entries.length = 0;
    this.#from = from;
  }

  /** @param end Where the record ends in the journal. */
  add(entry: LedgerEntry, end: Position): void {
    if (this.#from === undefined) return;
    if (this.#entries.length < ENTRIES_MAX) this.#entries.push({ entry, end });
    else this.#forget();
  }

  /** Up to `count` that follow `position`, the oldest first; undefined when they are not all here. */
  after(position: Position, count: number): { entries: LedgerEntry[]; end: Position | undefined } | undefined {
    if (this.#from === undefined || isBefore(position, this.#from)) return undefined;
    const first = this.#entries.findIndex(({ end }) => isBefore(position, end));
    const found = first < 0 ? [] : this.#entries.slice(first, first + count);
    return { entries: found.map(({ entry }) => entry), end: found.at(-1)?.end };
  }

  /** All up to `position` are in the database. */
  drop(position: Position): void {
    if (this.#from === undefined) return;
    const kept = this.#entries.findIndex(({ end }) => isBefore(position, end));
    this.#entries.splice(0, kept < 0 ? this.#entries.length : kept);
    this.#from = position;
  }

  #forget(): void {
    this.#entries.length = 0;
    this.#from = undefined;
  }
}
