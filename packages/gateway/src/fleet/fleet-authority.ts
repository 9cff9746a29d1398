import { AuthorityUnreachable, type QuotaCall, type QuotaReply } from '../quota/authority.ts';
import { MemoryAuthority } from '../quota/memory-authority.ts';
import type { AccountCharges, AccountMark, JournalPlace } from './seat.ts';

/** Accounts in which a node has something leased, and where its journal was when it last reported. */
type Marks = Map<string, JournalPlace>;

/**
 * The authority of a fleet of processes, kept by their parent, who knows at once when one of them is gone. What that one
 * had leased stays locked until somebody has read in its journal what it had spent and not reported: then exactly that is
 * entered, and the rest is free.
 */
export class FleetAuthority {
  readonly #authority = new MemoryAuthority();
  readonly #nodes = new Map<string, Marks>();
  /** Of processes that are gone, and whose journals nobody has read yet. */
  readonly #open = new Map<string, Marks>();

  onRecall(listener: (accountId: string) => void): void {
    this.#authority.onRecall(listener);
  }

  join(node: string): void {
    this.#nodes.set(node, new Map());
  }

  /** @throws AuthorityUnreachable when the node is gone: its journal may have been read already. */
  async call(node: string, calls: readonly { call: QuotaCall; place: JournalPlace }[]): Promise<readonly QuotaReply[]> {
    const marks = this.#nodes.get(node);
    if (marks === undefined) throw new AuthorityUnreachable('This process counts as gone.');
    const replies = await this.#authority.call(calls.map(({ call }) => call));
    for (const [index, { lease }] of replies.entries()) {
      const asked = calls[index];
      // What is entered by hand comes under a name of its own, and leases nothing.
      if (asked?.call.node !== node) continue;
      // Whatever is held, or spent and not reported, is still in the lease.
      if (lease > 0n) marks.set(asked.call.account, asked.place);
      else marks.delete(asked.call.account);
    }
    return replies;
  }

  /** A process is gone. Limits are free at once: what they count is no money, and its journal does not know it. */
  leave(node: string): void {
    const marks = this.#nodes.get(node);
    this.#nodes.delete(node);
    if (marks === undefined) return;
    for (const account of [...marks.keys()].filter((id) => id.startsWith('l:'))) {
      this.#authority.release(node, account, []);
      marks.delete(account);
    }
    if (marks.size > 0) this.#open.set(node, marks);
  }

  /** Is there a process that is gone, and whose journal nobody has read? */
  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  /** Undefined when nothing of the node is open. */
  marksOf(node: string): AccountMark[] | undefined {
    const marks = this.#open.get(node);
    return marks && [...marks].map(([account, place]) => ({ account, place }));
  }

  /** Enters what a process that is gone had not reported, and frees what it had leased. Once: a second time does nothing. */
  settle(node: string, unreported: readonly AccountCharges[]): void {
    const marks = this.#open.get(node);
    if (marks === undefined) return;
    this.#open.delete(node);
    const charges = new Map(unreported.map((one) => [one.account, one.charges]));
    for (const account of marks.keys()) this.#authority.release(node, account, charges.get(account) ?? []);
  }
}
