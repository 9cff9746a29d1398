import { afterEach, describe, expect, test } from 'bun:test';
import { AuthorityUnreachable, type QuotaAuthority, type QuotaCall } from './authority.ts';
import { MemoryAuthority } from './memory-authority.ts';
import { QuotaNode } from './quota-node.ts';

const CAPACITY = 1_000_000n;
const noSeed = async () => [];
const opened: QuotaNode[] = [];
afterEach(async () => {
  for (const node of opened.splice(0)) await node.close();
});

function nodeOf(authority: QuotaAuthority, leaseMs = 45_000): QuotaNode {
  const node = new QuotaNode({ authority, leaseMs });
  opened.push(node);
  return node;
}

/** A way to the authority that loses some calls and some replies, and can be broken. */
class BadWay implements QuotaAuthority {
  isBroken = false;
  calls = 0;
  constructor(
    readonly authority: QuotaAuthority,
    readonly random: () => number,
    readonly lost = 0,
  ) {}
  async call(calls: readonly QuotaCall[]) {
    this.calls++;
    await Bun.sleep(this.random() < 0.5 ? 0 : 1);
    if (this.isBroken || this.random() < this.lost) throw new AuthorityUnreachable('The call was lost.');
    const replies = await this.authority.call(calls);
    if (this.random() < this.lost) throw new AuthorityUnreachable('The reply was lost.');
    return replies;
  }
  onRecall(listener: (account: string) => void) {
    this.authority.onRecall(listener);
  }
  async close() {}
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

async function usedOf(authority: QuotaAuthority, account: string) {
  const call = { account, node: 'observer', seq: 1, nowMs: Date.now(), capacity: CAPACITY, charges: [], giveBack: 0n };
  const [reply] = await authority.call([{ ...call, need: 0n, want: 0n, recall: false, seed: [], leaseMs: 1 }]);
  return reply;
}

describe('several nodes on one authority', () => {
  for (const seed of [1, 2, 3]) {
    test(`spend three accounts to the last unit and never over it (seed ${seed})`, async () => {
      const random = randomFrom(seed);
      const authority = new MemoryAuthority();
      const accounts = ['b:one:', 'b:two:', 'b:three:'];
      const total = new Map(accounts.map((account) => [account, 0n]));
      let takes = 0;
      let waits = 0;
      const work = async (node: QuotaNode, account: string) => {
        const lease = node.lease(account, noSeed);
        for (;;) {
          const amount = 1_000n;
          takes++;
          if (!lease.tryTake(amount, CAPACITY)) {
            waits++;
            if ((await lease.take(amount)) !== 'taken') return;
          }
          total.set(account, (total.get(account) ?? 0n) + amount);
          if (random() < 0.2) await Bun.sleep(1);
          lease.settle(amount, amount, 0);
        }
      };
      const nodes = [0, 1, 2, 3].map(() => nodeOf(new BadWay(authority, random)));
      await Promise.all(
        nodes.flatMap((node) => accounts.flatMap((one) => Array.from({ length: 8 }, () => work(node, one)))),
      );
      for (const account of accounts) expect(total.get(account)).toBe(CAPACITY);
      for (const node of opened.splice(0)) await node.close();
      for (const account of accounts) {
        expect(await usedOf(authority, account)).toMatchObject({ used: CAPACITY, leasedByOthers: 0n });
      }
      console.log(`seed ${seed}: ${waits} of ${takes} takes waited, to the line and over it`);
    });
  }

  test('lost calls and replies are never applied twice', async () => {
    const random = randomFrom(7);
    const authority = new MemoryAuthority();
    const node = nodeOf(new BadWay(authority, random, 0.2), 45_000);
    const lease = node.lease('b:x:', noSeed);
    let spent = 0n;
    const giveUpAt = performance.now() + 2_500;
    while (performance.now() < giveUpAt) {
      if (lease.tryTake(10n, CAPACITY) || (await lease.take(10n)) === 'taken') {
        spent += 10n;
        lease.settle(10n, 10n, 0);
      }
      await Bun.sleep(5);
    }
    const isReported = async () => (await usedOf(authority, 'b:x:'))?.used === spent;
    for (let turn = 0; turn < 500 && !(await isReported()); turn++) await Bun.sleep(10);
    expect((await usedOf(authority, 'b:x:'))?.used).toBe(spent);
    expect(spent).toBeGreaterThan(0n);
  });

  test('away from the line almost nothing waits', async () => {
    const authority = new MemoryAuthority();
    const lease = nodeOf(authority).lease('b:x:', noSeed);
    let waits = 0;
    for (let take = 0; take < 1_000; take++) {
      if (!lease.tryTake(10n, CAPACITY)) {
        waits++;
        expect(await lease.take(10n)).toBe('taken');
      }
      lease.settle(10n, 10n, 0);
      if (take % 10 === 0) await Bun.sleep(1);
    }
    expect(waits).toBeLessThanOrEqual(10);
  });

  test('what is leased goes on being used without the authority; beyond it nobody waits', async () => {
    const way = new BadWay(new MemoryAuthority(), () => 0.1);
    const lease = nodeOf(way).lease('b:x:', noSeed);
    expect(await lease.take(0n)).toBe('taken');
    lease.tryTake(1_000n, CAPACITY);
    expect(await lease.take(1_000n)).toBe('taken');
    lease.settle(1_000n, 1_000n, 0);
    await Bun.sleep(100);
    way.isBroken = true;
    expect(lease.tryTake(1_000n, CAPACITY)).toBe(true);
    const startedMs = performance.now();
    expect(lease.tryTake(CAPACITY, CAPACITY)).toBe(false);
    expect(await lease.take(CAPACITY)).toBe('cut');
    for (let turn = 0; turn < 100; turn++) expect(await lease.take(CAPACITY)).toBe('cut');
    expect(performance.now() - startedMs).toBeLessThan(200);
  });

  test('the lease of a node that died is free for others after its life', async () => {
    const authority = new MemoryAuthority();
    const way = new BadWay(authority, () => 0.1);
    const dead = nodeOf(way, 400).lease('b:x:', noSeed);
    dead.tryTake(CAPACITY, CAPACITY);
    expect(await dead.take(CAPACITY)).toBe('taken');
    way.isBroken = true;
    const living = nodeOf(authority, 400).lease('b:x:', noSeed);
    living.tryTake(CAPACITY, CAPACITY);
    expect(await living.take(CAPACITY)).toBe('refused');
    await Bun.sleep(450);
    expect(await living.take(CAPACITY)).toBe('taken');
    expect(dead.tryTake(1n, CAPACITY)).toBe(false);
  });
});
