import { AuthorityUnreachable, type QuotaAuthority, type QuotaCall, type QuotaReply } from '../quota/authority.ts';
import { type Channel, ChannelClosed } from './channel.ts';
import { readReply, type WrittenCall, type WrittenReply, writeCall } from './quota-message.ts';
import type { JournalPlace } from './seat.ts';

/** The parent is there or it is gone, of which the system tells. A silence of this length is that of a stopped one. */
const SILENCE_MS = 5_000;

/** The authority of a worker: its parent, one message for each batch of calls. */
export class IpcAuthority implements QuotaAuthority {
  readonly #channel: Channel;
  readonly #journalPlace: () => JournalPlace;
  /** A call that is made again is the same object, and says of the journal what it said at first. */
  readonly #written = new WeakMap<QuotaCall, WrittenCall>();
  readonly #listeners = new Set<(accountId: string) => void>();

  /** @param journalPlace Asked while a call's charges are those of everything journalled before it. */
  constructor(channel: Channel, journalPlace: () => JournalPlace) {
    this.#channel = channel;
    this.#journalPlace = journalPlace;
  }

  async call(calls: readonly QuotaCall[]): Promise<readonly QuotaReply[]> {
    const written = calls.map((call) => this.#write(call));
    let silence: ReturnType<typeof setTimeout> | undefined;
    const silent = new Promise<never>((_, reject) => {
      silence = setTimeout(() => reject(new AuthorityUnreachable('The parent process does not answer.')), SILENCE_MS);
    });
    try {
      const replies = await Promise.race([this.#channel.ask('quota', written), silent]);
      return (replies as WrittenReply[]).map(readReply);
    } catch (error) {
      if (error instanceof ChannelClosed) throw new AuthorityUnreachable('The parent process is gone.');
      throw error;
    } finally {
      clearTimeout(silence);
    }
  }

  onRecall(listener: (accountId: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#listeners.clear();
  }

  /** To be called when the parent says so. */
  recalled(account: string): void {
    for (const listener of this.#listeners) listener(account);
  }

  #write(call: QuotaCall): WrittenCall {
    let written = this.#written.get(call);
    if (written === undefined) {
      written = writeCall(call, this.#journalPlace());
      this.#written.set(call, written);
    }
    return written;
  }
}
