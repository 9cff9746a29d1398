/**
 * Where the processes of a fleet agree on what is left of a budget or a limit. One authority serves all gateways: a Redis
 * server (`RedisAuthority`), or the parent process of `--workers` (`MemoryAuthority` behind IPC). A single process has none.
 *
 * An account has a capacity, slots (what was used, each until an instant from which it no longer counts) and leases (what
 * a node may use without asking). Always: used + leased <= capacity, unless what was used turned out dearer than its lease.
 * Amounts are whole numbers: nano-USD, tokens or requests. They are bigint, since money goes past 2^53.
 */
export interface QuotaAuthority {
  /**
   * One round trip for all calls given, each on its own. An answer that got lost is asked for again with the same `seq`,
   * and nothing is applied twice. Calls for one account come one after the other: the next only after a reply.
   *
   * @throws AuthorityUnreachable when no reply came in time; the calls may or may not have been applied.
   */
  call(calls: readonly QuotaCall[]): Promise<readonly QuotaReply[]>;
  /** Told of accounts of which another node needs what this node's lease leaves idle. */
  onRecall(listener: (accountId: string) => void): void;
  /** Told when the authority answers again after it did not. One that is never away for long need not. */
  onReturn?(listener: () => void): void;
  /** Told when the authority lost its memory: each node states its leases anew, soon. One that cannot lose it need not. */
  onLost?(listener: () => void): void;
  close(): Promise<void>;
}

export interface QuotaCall {
  /** Unique over kinds of rule: `b:<budget id>:<instance>` or `l:<rule id>:<instance>`. At most 512 bytes; longer ids are hashed. */
  readonly account: string;
  /** Unique for each start of a process. */
  readonly node: string;
  /** 1, 2, 3 … per node and account. One that was applied already is answered again from what is now, and not applied. */
  readonly seq: number;
  /** Unix ms by the caller's clock; the authority uses the latest it has seen of its own and ignores going back. */
  readonly nowMs: number;
  /** The rule's line now. */
  readonly capacity: bigint;
  /** Used since the last call, out of this node's lease (which shrinks by it, to 0 at least). May be negative: a correction. */
  readonly charges: readonly QuotaCharge[];
  /** How much of the lease is given back (what is idle). Applied after the charges. */
  readonly giveBack: bigint;
  /** Applied last: at least `need` is granted, up to `want`, or nothing. 0 and 0: nothing is asked for. */
  readonly need: bigint;
  readonly want: bigint;
  /**
   * After a lost memory: this node's lease as it was, less what was used of it. It has so much of it again as there is, at
   * once; charges do not come out of it. Then nothing is given back or asked for.
   */
  readonly states?: bigint | undefined;
  /** Larger needs of which it is asked when they would fit, should `need` not be granted; at most 64. */
  readonly asides?: readonly bigint[];
  /** Is it worth recalling what others have idle, should `need` not be there? */
  readonly recall: boolean;
  /**
   * What was used before this authority knew the account. Entered when it is not known yet; without a seed, such a call
   * is answered by `isUnknown` and nothing is applied.
   */
  readonly seed: readonly QuotaCharge[] | undefined;
  /** The seed holds all that any node settled before, in Unix ms; 0 or absent when that is not known. */
  readonly seedCoversMs?: number | undefined;
  /** The lease is void, and free again, when the node is not heard of for so long. */
  readonly leaseMs: number;
}

export interface QuotaCharge {
  readonly amount: bigint;
  /** Unix ms from which it no longer counts; 0 for never. Charges with the same instant are kept as one. */
  readonly untilMs: number;
  /** When it was settled, at the earliest, in Unix ms. Not entered when the account's seed has it. Absent: it is entered. */
  readonly settledMs?: number | undefined;
}

export interface QuotaReply {
  /** The authority has never heard of the account (it is new, or the authority lost its memory): send a seed. */
  readonly isUnknown: boolean;
  /** Changes when the authority lost its memory: then every node seeds, and states its leases, anew. */
  readonly epoch: string;
  readonly granted: bigint;
  /** The authority lost its memory and first hears what all nodes have: nothing else is granted. */
  readonly isSettling?: boolean;
  /** This node's lease now, after all of it. */
  readonly lease: bigint;
  readonly used: bigint;
  /** Leases of all other nodes together, and how many nodes have one. */
  readonly leasedByOthers: bigint;
  readonly otherNodes: number;
  /** When `need` was not granted: Unix ms at which it would fit if nothing is added and all leases stay; 0 for never, `nowMs` when it only waits for leases. */
  readonly fitsAtMs: number;
  /** As `fitsAtMs`, for each of the call's `asides`. An authority that does not tell is asked for one after the other. */
  readonly asidesFitAtMs?: readonly number[];
}

export class AuthorityUnreachable extends Error {}
