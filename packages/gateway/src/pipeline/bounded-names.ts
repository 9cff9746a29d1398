const DAY_MS = 86_400_000;
/** As many as a budget keeps accounts for; it forgets those beyond itself. */
const COUNTED_MAX = 100_000;

/** What stands for all names beyond the bound. */
export const OTHER = '(other)';

/** Kinds of names that callers can make up. */
export type NamedKind = 'model' | 'endpoint' | 'end-user' | 'tag' | 'budget';

/**
 * Keeps the sums of the ledger from growing with names that callers make up: of each kind, so many different ones in a UTC day are
 * told apart by this process, and the rest are summed together.
 */
export class BoundedNames {
  readonly #onFull: (kind: NamedKind) => void;
  readonly #byKind = new Map<NamedKind, Set<string>>();
  readonly #told = new Set<NamedKind>();
  #day = 0;

  /** @param onFull Told once a day and kind. */
  constructor(onFull: (kind: NamedKind) => void) {
    this.#onFull = onFull;
  }

  /**
   * Is the name told apart? One that was, is for the rest of its day.
   *
   * @param max Names of the kind that are, in a day.
   * @param isKnown Was it configured or stored, and so not made up? Asked only beyond the bound.
   */
  tellsApart(kind: NamedKind, name: string, atMs: number, max: number, isKnown: () => boolean): boolean {
    this.#turnTo(atMs);
    let names = this.#byKind.get(kind);
    if (names?.has(name) === true) return true;
    if (names === undefined) {
      names = new Set();
      this.#byKind.set(kind, names);
    }
    if (names.size < max) {
      names.add(name);
      return true;
    }
    if (isKnown()) return true;
    if (!this.#told.has(kind)) this.#onFull(kind);
    this.#told.add(kind);
    return false;
  }

  /** As {@link tellsApart}, of a name a budget counts by: the ledger has to know what it spent when the budget starts again. */
  tellsCounted(kind: NamedKind, name: string, atMs: number): boolean {
    return this.tellsApart(kind, name, atMs, COUNTED_MAX, () => false);
  }

  #turnTo(atMs: number): void {
    const day = Math.floor(atMs / DAY_MS);
    // A clock that goes back a little must not begin anew.
    if (day <= this.#day) return;
    this.#day = day;
    this.#byKind.clear();
    this.#told.clear();
  }
}
