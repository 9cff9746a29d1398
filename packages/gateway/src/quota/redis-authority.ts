import type { AccountCharges, AccountMark, JournalPlace, Leftovers } from '../fleet/seat.ts';
import { RedisAway } from '../redis/redis-connection.ts';
import type { RedisLink } from '../redis/redis-link.ts';
import { ACCOUNT_SCRIPT } from './account-script.ts';
import {
  AuthorityUnreachable,
  type QuotaAuthority,
  type QuotaCall,
  type QuotaCharge,
  type QuotaReply,
} from './authority.ts';
import { EPOCH_SCRIPT } from './epoch-script.ts';
import { AMOUNT_MAX, amountOf, limbsOf } from './limbs.ts';

export interface RedisAuthorityOptions {
  /** Not opened yet. It stays its maker's. */
  readonly link: RedisLink;
  /** Told of what the server refuses to do, once for each kind of refusal in {@link TOLD_MS}. */
  readonly onRefusal: (error: Error) => void;
  /** Unix milliseconds, in place of the server's clock. */
  readonly clock?: () => number;
  /** Where the next record of the journal goes: asked while a call's charges are those of everything journalled before. */
  readonly journalPlace?: () => JournalPlace | undefined;
  /** How long nothing is granted after the server lost its memory. */
  readonly settleMs?: number;
}

const SCRIPT_NAME = new Bun.CryptoHasher('sha1').update(ACCOUNT_SCRIPT).digest('hex');
/** A gateway finds a server that is back within 1.5 s, and then states its leases at once. */
const SETTLE_MS = 2_000;
/** Parts that a cluster spreads over its nodes. Each has a mark of its memory and any number of accounts. */
const CLUSTER_SHARDS = 64;
const TOLD_MS = 60_000;
/** That a node is settled is remembered for an hour. */
const REMEMBERED_MS = 60_000;
/** Nobody waits for it, so it may take its time. */
const GREET_MS = 1_000;

/**
 * An authority in a Redis or Valkey server, for gateways on any number of machines. Every call is one script, so it is
 * applied as a whole or not at all. The server may lose everything at any time: then its nodes seed it anew.
 */
export class RedisAuthority implements QuotaAuthority, Leftovers {
  readonly #link: RedisLink;
  readonly #options: RedisAuthorityOptions;
  readonly #prefix: string;
  readonly #recallListeners = new Set<(accountId: string) => void>();
  readonly #lostListeners = new Set<() => void>();
  readonly #returnListeners = new Set<() => void>();
  /** The memory each shard was last seen to have. */
  readonly #epochs: string[];
  readonly #toldAtMs = new Map<string, number>();
  /** A call that is made again is the same object, and says of the journal what it said at first. */
  readonly #places = new WeakMap<QuotaCall, readonly [string, string]>();
  #greeting: Promise<void> | undefined;
  #isTelling = false;
  #isClosed = false;

  constructor(options: RedisAuthorityOptions) {
    const { link } = options;
    this.#link = link;
    this.#options = options;
    this.#prefix = link.address.prefix;
    this.#epochs = Array.from({ length: link.address.kind === 'cluster' ? CLUSTER_SHARDS : 1 }, () => '');
    link.subscribe(this.#channel('recall'), (account) => {
      for (const listener of this.#recallListeners) listener(account);
    });
    link.subscribe(this.#channel('lost'), (shard) => void this.#greet(Number(shard)));
    link.onOpen((isFirstTry) => {
      // A server that came up after us may have been known by others.
      if (!isFirstTry) for (const [shard, epoch] of this.#epochs.entries()) this.#epochs[shard] = epoch || '?';
      void this.#greetAll().then(() => this.#tellReturn());
    });
    link.onAnswer(() => this.#tellReturn());
  }

  async call(calls: readonly QuotaCall[]): Promise<readonly QuotaReply[]> {
    if (this.#isClosed) throw new AuthorityUnreachable('The authority was closed.');
    const untilMs = this.#link.answerBy();
    try {
      return await Promise.all(calls.map((call) => this.#ask(call, untilMs)));
    } catch (error) {
      if (error instanceof RangeError) throw error;
      if (!(error instanceof AuthorityUnreachable || error instanceof RedisAway)) this.#tellRefusal(error);
      throw error instanceof AuthorityUnreachable ? error : new AuthorityUnreachable(String(error));
    }
  }

  onRecall(listener: (accountId: string) => void): void {
    this.#recallListeners.add(listener);
  }

  onLost(listener: () => void): void {
    this.#lostListeners.add(listener);
  }

  onReturn(listener: () => void): void {
    this.#returnListeners.add(listener);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#recallListeners.clear();
    this.#returnListeners.clear();
    this.#lostListeners.clear();
  }

  async #ask(call: QuotaCall, untilMs: number): Promise<QuotaReply> {
    const shard = this.#shardOf(call.account);
    const own = this.#shardKey(shard);
    const keys = [`${own}:${call.account}`, own, `${own}:e:${call.account}`, this.#listOf(shard, call.node)];
    const args = ['4', ...keys, ...this.#argumentsOf(call)];
    const lane = String(shard);
    let answer: unknown;
    try {
      answer = await this.#link.run(keys[0] ?? '', ['EVALSHA', SCRIPT_NAME, ...args], lane, untilMs);
    } catch (error) {
      // This run of the server has not seen us yet: whatever it knows is of an earlier one.
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      await this.#greetAllUntil(untilMs);
      answer = await this.#link.run(keys[0] ?? '', ['EVAL', ACCOUNT_SCRIPT, ...args], lane, untilMs);
    }
    const [status, epoch = '', ...rest] = answer as string[];
    if (status === 'lost') {
      void this.#greet(shard);
      throw new AuthorityUnreachable('The server lost its memory.');
    }
    this.#note(shard, epoch);
    if (status === 'unknown') return unknown(epoch);
    const [granted = '', lease = '', used = '', others = '', otherNodes, fitsAt = '', isSettling] = rest;
    const [fitsAtMs = 0, ...asidesFitAtMs] = fitsAt.split(' ').map(Number);
    return {
      isUnknown: false,
      epoch,
      granted: amountOf(granted),
      lease: amountOf(lease),
      used: amountOf(used),
      leasedByOthers: amountOf(others),
      otherNodes: Number(otherNodes),
      fitsAtMs,
      ...(asidesFitAtMs.length > 0 && { asidesFitAtMs }),
      ...(isSettling === '1' && { isSettling: true }),
    };
  }

  #argumentsOf(call: QuotaCall): string[] {
    const { seed, seedCoversMs = 0 } = call;
    const charges = call.charges.filter(({ amount }) => amount !== 0n);
    const seeds = seed ?? [];
    const asides = call.asides ?? [];
    return [
      call.node,
      String(call.seq),
      this.#clock(),
      String(call.leaseMs),
      call.recall ? '1' : '0',
      this.#channel('recall'),
      call.account,
      String(seedCoversMs),
      ...limbsOf(call.capacity),
      ...limbsOf(call.giveBack),
      ...limbsOf(call.need),
      ...limbsOf(call.want),
      String(charges.length),
      seed === undefined ? '-1' : String(seeds.length),
      String(asides.length),
      ...(call.states === undefined ? ['', ''] : limbsOf(call.states)),
      ...this.#placeOf(call),
      ...charges.flatMap((charge) => [
        String(charge.untilMs),
        String(charge.settledMs ?? 0),
        ...limbsOf(charge.amount),
      ]),
      ...seeds.flatMap((charge: QuotaCharge) => [String(charge.untilMs), ...limbsOf(charge.amount)]),
      ...asides.flatMap((aside) => limbsOf(aside)),
    ];
  }

  /** @throws AuthorityUnreachable */
  async marksOf(node: string): Promise<readonly AccountMark[] | undefined> {
    const marks = await this.#patiently(() => Promise.all(this.#epochs.map((_, shard) => this.#marksIn(shard, node))));
    return marks.some(({ length }) => length > 0) ? marks.flat() : undefined;
  }

  /** @throws AuthorityUnreachable when not all of it could be entered: then the rest is still open. */
  async settle(node: string, unreported: readonly AccountCharges[]): Promise<void> {
    const charges = new Map(unreported.map((one) => [one.account, one.charges]));
    const nothing = { capacity: 0n, need: 0n, want: 0n, recall: false, seed: undefined };
    for (const { account } of (await this.marksOf(node)) ?? []) {
      const own = { account, node, charges: charges.get(account) ?? [], giveBack: AMOUNT_MAX };
      // The last that is ever heard of this node: said again, it is not applied again.
      const call = { ...own, ...nothing, seq: Number.MAX_SAFE_INTEGER, nowMs: 0, leaseMs: REMEMBERED_MS };
      this.#places.set(call, ['0', '0']);
      await this.#patiently(() => this.#ask(call, performance.now() + GREET_MS));
    }
  }

  async #marksIn(shard: number, node: string): Promise<AccountMark[]> {
    const list = this.#listOf(shard, node);
    const until = () => performance.now() + GREET_MS;
    const accounts = (await this.#link.run(list, ['SMEMBERS', list], String(shard), until())) as string[];
    return Promise.all(
      accounts.map(async (account) => {
        const key = `${this.#shardKey(shard)}:${account}`;
        const lease = await this.#link.run(key, ['HGET', key, `l:${node}`], String(shard), until());
        const [segment = 0, offset = 0] = String(lease).split(' ').slice(5).map(Number);
        return { account, place: { segment, offset } };
      }),
    );
  }

  async #patiently<T>(ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof RedisAway) throw new AuthorityUnreachable(error.message);
      throw error;
    }
  }

  #placeOf(call: QuotaCall): readonly [string, string] {
    let written = this.#places.get(call);
    if (written === undefined) {
      const place = this.#options.journalPlace?.();
      written = place === undefined ? ['', ''] : [String(place.segment), String(place.offset)];
      this.#places.set(call, written);
    }
    return written;
  }

  #listOf(shard: number, node: string): string {
    return `${this.#shardKey(shard)}:n:${node}`;
  }

  /** Goes on behind the call that has no time left for it. */
  async #greetAllUntil(untilMs: number): Promise<void> {
    this.#greeting ??= this.#greetAll().finally(() => {
      this.#greeting = undefined;
    });
    const isDone = await Promise.race([this.#greeting.then(() => true), Bun.sleep(untilMs - performance.now())]);
    if (isDone !== true) throw new RedisAway('There was no time left to ask.');
  }

  async #greetAll(): Promise<void> {
    await Promise.all(this.#epochs.map((_, shard) => this.#greet(shard)));
  }

  /** Learns which memory a shard has; begins one where there is none. What cannot be asked now is asked before it is used. */
  async #greet(shard: number): Promise<void> {
    const { settleMs = SETTLE_MS } = this.#options;
    const key = this.#shardKey(shard);
    const last = this.#epochs[shard] ?? '';
    const own = [crypto.randomUUID(), last, String(settleMs), this.#channel('lost'), String(shard), this.#clock()];
    const command = ['EVAL', EPOCH_SCRIPT, '1', key, ...own];
    try {
      const untilMs = performance.now() + GREET_MS;
      this.#note(shard, String(await this.#link.run(key, command, String(shard), untilMs)));
    } catch (error) {
      if (!(error instanceof RedisAway)) this.#tellRefusal(error);
    }
  }

  #note(shard: number, epoch: string): void {
    const before = this.#epochs[shard] ?? '';
    if (before === epoch) return;
    this.#epochs[shard] = epoch;
    if (before === '' || this.#isTelling) return;
    this.#isTelling = true;
    // After the reply at hand is on its way, and once for all shards.
    setTimeout(() => {
      this.#isTelling = false;
      for (const listener of this.#lostListeners) listener();
    });
  }

  #tellReturn(): void {
    for (const listener of this.#returnListeners) listener();
  }

  #tellRefusal(error: unknown): void {
    const known = error instanceof Error ? error : new Error(String(error));
    const kind = known.message.split(' ', 1)[0] ?? '';
    const nowMs = performance.now();
    if (nowMs - (this.#toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < TOLD_MS) return;
    this.#toldAtMs.set(kind, nowMs);
    this.#options.onRefusal(known);
  }

  #clock(): string {
    return this.#options.clock === undefined ? '' : String(this.#options.clock());
  }

  #shardOf(account: string): number {
    return this.#epochs.length === 1 ? 0 : Number(Bun.hash.crc32(account)) % this.#epochs.length;
  }

  /** The braces put all keys of a shard on one node. */
  #shardKey(shard: number): string {
    return `${this.#prefix}:{quota${shard}}`;
  }

  #channel(name: string): string {
    return `${this.#prefix}:${name}`;
  }
}

function unknown(epoch: string): QuotaReply {
  const nothing = { granted: 0n, lease: 0n, used: 0n, leasedByOthers: 0n, otherNodes: 0, fitsAtMs: 0 };
  return { isUnknown: true, epoch, ...nothing };
}
