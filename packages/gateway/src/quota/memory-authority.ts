import {
  AuthorityUnreachable,
  type QuotaAuthority,
  type QuotaCall,
  type QuotaCharge,
  type QuotaReply,
} from './authority.ts';
import { QuotaAccount } from './quota-account.ts';

export interface MemoryAuthorityOptions {
  /** Unix milliseconds. */
  readonly clock?: () => number;
  /** What tells this memory from a later one's. */
  readonly epoch?: string;
}

/** Accounts looked at after each call for whether they are empty. */
const SWEPT_PER_CALL = 2;

/** An authority in the memory of a process: for several gateways in one, or behind a channel to others. */
export class MemoryAuthority implements QuotaAuthority {
  readonly #clock: () => number;
  readonly #epoch: string;
  readonly #accounts = new Map<string, QuotaAccount>();
  readonly #listeners = new Set<(accountId: string) => void>();
  #sweep: Iterator<[string, QuotaAccount]> = this.#accounts.entries();
  #latestMs = Number.NEGATIVE_INFINITY;
  #isClosed = false;

  constructor({ clock = Date.now, epoch = crypto.randomUUID() }: MemoryAuthorityOptions = {}) {
    this.#clock = clock;
    this.#epoch = epoch;
  }

  /** Accounts that something is known of. */
  get size(): number {
    return this.#accounts.size;
  }

  async call(calls: readonly QuotaCall[]): Promise<readonly QuotaReply[]> {
    if (this.#isClosed) throw new AuthorityUnreachable('The authority was closed.');
    return calls.map((call) => this.#answer(call));
  }

  /** Ends a node's lease: it is known to be gone. @param charges What it had used and not reported. */
  release(node: string, account: string, charges: readonly QuotaCharge[]): void {
    this.#latestMs = Math.max(this.#latestMs, this.#clock());
    this.#accounts.get(account)?.release(node, charges, this.#latestMs);
  }

  onRecall(listener: (accountId: string) => void): void {
    this.#listeners.add(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
  }

  #answer(call: QuotaCall): QuotaReply {
    this.#latestMs = Math.max(this.#latestMs, this.#clock());
    const nowMs = this.#latestMs;
    let account = this.#accounts.get(call.account);
    if (account === undefined) {
      if (call.seed === undefined) return unknown(this.#epoch);
      account = new QuotaAccount(call.seed, nowMs, call.seedCoversMs);
      this.#accounts.set(call.account, account);
    }
    const reply = account.apply(call, nowMs, this.#epoch);
    if (call.recall && reply.granted < call.need && reply.leasedByOthers > 0n) this.#recall(call.account);
    this.#forgetEmpty(nowMs);
    return reply;
  }

  /** After the reply is on its way: who is told may call again at once. */
  #recall(account: string): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener(account);
    });
  }

  #forgetEmpty(nowMs: number): void {
    for (let looked = 0; looked < SWEPT_PER_CALL; looked++) {
      const next = this.#sweep.next();
      if (next.done === true) {
        this.#sweep = this.#accounts.entries();
        return;
      }
      const [id, account] = next.value;
      account.roll(nowMs);
      if (account.isEmpty) this.#accounts.delete(id);
    }
  }
}

function unknown(epoch: string): QuotaReply {
  const nothing = { granted: 0n, lease: 0n, used: 0n, leasedByOthers: 0n, otherNodes: 0, fitsAtMs: 0 };
  return { isUnknown: true, epoch, ...nothing };
}
