import { monotonicMs } from '../runtime/clock.ts';
import type { Records } from '../store/store.ts';
import type { CredentialVault } from './credential-vault.ts';
import { type Entity, readEntityRow } from './entity.ts';
import type { KeyDirectory } from './key-directory.ts';
import type { ModelShelf } from './model-shelf.ts';
import type { StoredRules } from './stored-rules.ts';

/** How often to look for changes that other processes made. */
const LOOK_MS = 400;

/** What is kept in step with the store. */
export interface Followers {
  readonly directory: KeyDirectory;
  readonly rules: StoredRules;
  readonly vault: CredentialVault;
  readonly shelf: ModelShelf;
}

/**
 * Keeps what is in memory in step with the store. Changes made here are taken over at once by {@link catchUp}; those of
 * other processes within half a second. While the store is away, everything stays as it is.
 */
export class FollowStore {
  readonly #records: Records;
  readonly #followers: Followers;
  readonly #onTrouble: (error: unknown) => void;
  #seq = 0;
  #running: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setInterval> | undefined;
  #isAway = false;
  #isLooking = false;
  #readAtMs = 0;
  #isWanted = false;
  #onEntries: (ids: readonly string[]) => Promise<void> = () => Promise.resolve();

  /** @param onTrouble Told once when the store cannot be read any more. */
  constructor(records: Records, followers: Followers, onTrouble: (error: unknown) => void) {
    this.#records = records;
    this.#followers = followers;
    this.#onTrouble = onTrouble;
  }

  /** @param listener Told of ledger entries made by hand, some of them perhaps twice; when it fails, it is told again. */
  onEntries(listener: (ids: readonly string[]) => Promise<void>): void {
    this.#onEntries = listener;
  }

  /** Milliseconds since the store could last be read. */
  get unheardForMs(): number {
    return monotonicMs() - this.#readAtMs;
  }

  /** Reads everything, then keeps looking. @throws StoreError */
  async start(): Promise<void> {
    // The number first: what changes between the two reads is read twice rather than never.
    this.#seq = (await this.#records.head()).seq;
    if (this.#seq > 0) await this.#apply((await this.#records.entities()).map(readEntityRow), []);
    this.#readAtMs = monotonicMs();
    this.#timer = setInterval(() => {
      // A database that does not answer is asked once, not once more with every tick.
      if (!this.#isLooking) void this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  /** Resolves when every change committed before the call is in force here. @throws StoreError */
  catchUp(): Promise<void> {
    const next = this.#running.then(() => this.#read());
    this.#running = next.catch(() => undefined); // Told to who asked; the next one tries anew.
    return next;
  }

  /** Stops looking, and waits for a look under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Looks for changes now, or again after the look under way. Never rejects. */
  async look(): Promise<void> {
    this.#isWanted = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#isWanted) {
        this.#isWanted = false;
        await this.catchUp();
      }
      this.#isAway = false;
    } catch (error) {
      if (!this.#isAway) this.#onTrouble(error);
      this.#isAway = true;
    } finally {
      this.#isLooking = false;
    }
  }

  async #read(): Promise<void> {
    // Before it is asked: what changes later is not in its answer.
    const askedAtMs = monotonicMs();
    const { seq, ids, entryIds } = await this.#records.changedSince(this.#seq);
    if (seq !== this.#seq) await this.#takeOver(seq, ids, entryIds);
    this.#readAtMs = askedAtMs;
  }

  async #takeOver(seq: number, ids: readonly string[], entryIds: readonly string[]): Promise<void> {
    const changed: Entity[] = [];
    const gone: string[] = [];
    for (const id of ids) {
      const row = await this.#records.entity(id);
      if (row === undefined) gone.push(id);
      else changed.push(readEntityRow(row));
    }
    if (ids.length > 0) await this.#apply(changed, gone);
    if (entryIds.length > 0) await this.#onEntries(entryIds);
    this.#seq = seq;
  }

  /** The rules first: no key is served before what bounds it is in force. */
  async #apply(changed: readonly Entity[], gone: readonly string[]): Promise<void> {
    const { rules, directory, vault, shelf } = this.#followers;
    await rules.apply(changed, gone, (id) => directory.byId(id));
    directory.apply(changed, gone);
    await vault.apply(changed, gone, (id) => directory.byId(id)?.name);
    await shelf.apply(changed, gone);
  }
}
