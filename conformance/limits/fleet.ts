import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import type { Caller } from '@turnpike/gateway/policy/caller.ts';
import { KeyTable, sha256Hex } from '@turnpike/gateway/policy/identify.ts';
import { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import {
  AuthorityUnreachable,
  type QuotaAuthority,
  type QuotaCall,
  type QuotaReply,
} from '@turnpike/gateway/quota/authority.ts';
import { MemoryAuthority } from '@turnpike/gateway/quota/memory-authority.ts';
import { QuotaNode } from '@turnpike/gateway/quota/quota-node.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A way to an authority as long as one within a machine room, that can break. */
export class Way implements QuotaAuthority {
  /** `refuses`: it fails at once. `hangs`: no call returns before its time is up. */
  state: 'open' | 'refuses' | 'hangs' = 'open';
  calls = 0;
  readonly #authority: () => QuotaAuthority;
  readonly #time: VirtualTime;
  readonly #random: () => number;
  readonly #listeners: ((account: string) => void)[] = [];

  constructor(authority: () => QuotaAuthority, time: VirtualTime, random: () => number) {
    this.#authority = authority;
    this.#time = time;
    this.#random = random;
  }

  async call(calls: readonly QuotaCall[]): Promise<readonly QuotaReply[]> {
    this.calls++;
    await this.#pass();
    const replies = await this.#authority().call(calls);
    await this.#pass();
    return replies;
  }

  onRecall(listener: (account: string) => void): void {
    this.#listeners.push(listener);
  }

  recalled(account: string): void {
    if (this.state !== 'open') return;
    void this.#time.sleep(this.#delayMs()).then(() => {
      for (const listener of this.#listeners) listener(account);
    });
  }

  async close(): Promise<void> {}

  async #pass(): Promise<void> {
    await this.#time.sleep(this.state === 'hangs' ? 2_000 : this.#delayMs());
    if (this.state !== 'open') throw new AuthorityUnreachable('The way is broken.');
  }

  /** Mostly 0.1 to 0.5 ms, one in a hundred 5 ms. */
  #delayMs(): number {
    return this.#random() < 0.01 ? 5 : 0.1 + this.#random() * 0.4;
  }
}

export interface Member {
  readonly limiter: Limiter;
  readonly node: QuotaNode;
  readonly way: Way;
}

/** Processes that count together, each with the same rules. */
export class Fleet {
  readonly members: readonly Member[];
  readonly caller: Caller = callerNamed('crowd');
  #authority: MemoryAuthority;
  readonly #time: VirtualTime;

  constructor(size: number, rules: readonly LimitRule[], time: VirtualTime, random: () => number) {
    this.#time = time;
    this.#authority = this.#newAuthority();
    this.members = Array.from({ length: size }, (_, at) => {
      const way = new Way(() => this.#authority, time, random);
      const clock = () => Math.floor(time.nowMs);
      const node = new QuotaNode({ authority: way, node: `node-${at}`, clock, timers: time });
      const limiter = new Limiter({ quota: node, timers: time });
      limiter.apply(rules);
      return { limiter, node, way };
    });
    this.#listen();
  }

  get calls(): number {
    return this.members.reduce((sum, { way }) => sum + way.calls, 0);
  }

  /** The authority starts again and knows nothing. */
  forget(): void {
    this.#authority = this.#newAuthority();
    this.#listen();
  }

  #newAuthority(): MemoryAuthority {
    return new MemoryAuthority({ clock: () => Math.floor(this.#time.nowMs) });
  }

  #listen(): void {
    this.#authority.onRecall((account) => {
      for (const { way } of this.members) way.recalled(account);
    });
  }
}

/** A caller that is nothing but a key of this name. */
export function callerNamed(name: string): Caller {
  const keys = new KeyTable();
  keys.add(sha256Hex(name), { name, isAdmin: false });
  return keys.identify(new Headers({ 'x-api-key': name }), () => undefined);
}
