import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { onRedis, RedisServer } from '../redis/redis-server.test-support.ts';
import { AuthorityUnreachable, type QuotaAuthority, type QuotaCall, type QuotaReply } from './authority.ts';
import { MemoryAuthority } from './memory-authority.ts';
import { redisHouse } from './redis-house.test-support.ts';

const START_MS = 1_800_000_000_000;

interface House {
  readonly authority: QuotaAuthority;
  close(): Promise<void>;
}

/** What every authority does. @param make A new one that knows nothing, on this clock. */
function contract(make: (clock: () => number) => Promise<House>): void {
  const opened: House[] = [];
  afterEach(async () => {
    for (const { close } of opened.splice(0)) await close();
  });

  async function house() {
    let nowMs = START_MS;
    const made = await make(() => nowMs);
    opened.push(made);
    const { authority } = made;
    const pass = (ms: number) => {
      nowMs += ms;
    };
    return { authority, ...asker(authority, () => nowMs), pass };
  }

  test('wants a seed for what it does not know, and applies nothing before', async () => {
    const { ask } = await house();
    expect(await ask('a', { seed: undefined, need: 1n })).toMatchObject({
      isUnknown: true,
      granted: 0n,
    });
    expect(await ask('a', { seed: undefined })).toMatchObject({ isUnknown: true });
    const reply = await ask('a', { seed: [{ amount: 70n, untilMs: 0 }], need: 20n, want: 90n });
    expect(reply).toMatchObject({ isUnknown: false, granted: 30n, lease: 30n, used: 70n });
  });

  test('grants at least the need, or nothing', async () => {
    const { ask } = await house();
    expect(await ask('a', { need: 10n, want: 60n })).toMatchObject({ granted: 60n, otherNodes: 0 });
    expect(await ask('b', { need: 50n, want: 50n })).toMatchObject({ granted: 0n, leasedByOthers: 60n, otherNodes: 1 });
    expect(await ask('b', { need: 40n, want: 90n })).toMatchObject({ granted: 40n, lease: 40n });
    expect(await ask('a', { giveBack: 60n })).toMatchObject({ lease: 0n, leasedByOthers: 40n });
  });

  test('a charge comes out of the lease; one dearer than it leaves none', async () => {
    const { ask } = await house();
    await ask('a', { need: 20n });
    expect(await ask('a', { charges: [{ amount: 5n, untilMs: 0 }] })).toMatchObject({ lease: 15n, used: 5n });
    expect(await ask('a', { charges: [{ amount: 40n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 45n });
    expect(await ask('a', { charges: [{ amount: -10n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 35n });
  });

  test('a call repeated is answered from what is now, and not applied again', async () => {
    const { ask } = await house();
    const call = { seq: 1, charges: [{ amount: 10n, untilMs: 0 }], need: 20n };
    expect(await ask('a', call)).toMatchObject({ granted: 20n, lease: 20n, used: 10n });
    expect(await ask('a', call)).toMatchObject({ granted: 0n, lease: 20n, used: 10n });
  });

  test('what was used counts until its instant, and tells when a need fits', async () => {
    const { ask, pass } = await house();
    const seed = [
      { amount: 60n, untilMs: START_MS + 500 },
      { amount: 40n, untilMs: START_MS + 900 },
    ];
    expect(await ask('a', { seed, need: 50n })).toMatchObject({ granted: 0n, fitsAtMs: START_MS + 500 });
    expect(await ask('a', { need: 61n })).toMatchObject({ fitsAtMs: START_MS + 900 });
    expect(await ask('a', { need: 101n })).toMatchObject({ fitsAtMs: 0 });
    pass(499);
    expect(await ask('a', { need: 1n })).toMatchObject({ granted: 0n });
    pass(1);
    expect(await ask('a', { need: 50n })).toMatchObject({ granted: 50n, used: 40n });
    expect(await ask('b', { need: 50n })).toMatchObject({ granted: 0n, fitsAtMs: START_MS + 500 });
  });

  test('the lease of a node not heard of is free again; its numbers are still remembered', async () => {
    const { ask, pass } = await house();
    await ask('a', { need: 100n });
    pass(999);
    expect(await ask('b', { need: 1n })).toMatchObject({ granted: 0n });
    pass(1);
    expect(await ask('b', { need: 100n })).toMatchObject({ granted: 100n });
    expect(await ask('a', { seq: 1, charges: [{ amount: 9n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 0n });
  });

  test('recalls what others have when a need is not there, and only then', async () => {
    const { authority, ask } = await house();
    const recalled: string[] = [];
    authority.onRecall((id) => recalled.push(id));
    await ask('a', { need: 80n });
    await ask('b', { need: 10n, recall: true });
    await ask('b', { need: 50n });
    await Bun.sleep(20);
    expect(recalled).toEqual([]);
    await ask('b', { need: 50n, recall: true });
    for (let turn = 0; turn < 100 && recalled.length === 0; turn++) await Bun.sleep(5);
    expect(recalled).toEqual(['b:x:']);
  });

  test('what the seed holds is not entered again when it is reported late', async () => {
    const { ask } = await house();
    const seed = [{ amount: 30n, untilMs: 0 }];
    const charges = [
      { amount: 10n, untilMs: 0, settledMs: START_MS - 1 },
      { amount: 7n, untilMs: 0, settledMs: START_MS },
    ];
    expect(await ask('a', { seed, seedCoversMs: START_MS, need: 20n, charges })).toMatchObject({
      used: 37n,
      lease: 20n,
    });
    // Another node that knows nothing of this, and a charge that does not say when it was.
    expect(await ask('b', { charges: [...charges, { amount: 1n, untilMs: 0 }] })).toMatchObject({ used: 45n });
    expect(await ask('a', { charges: charges.slice(0, 1) })).toMatchObject({ used: 45n, lease: 10n });
  });

  test('keeps amounts past 2^53 to the last unit', async () => {
    const { ask } = await house();
    const capacity = 10n ** 21n + 1n;
    const reply = await ask('a', {
      capacity,
      seed: [{ amount: 10n ** 21n - 10n ** 15n, untilMs: 0 }],
      need: 10n ** 15n + 1n,
    });
    expect(reply).toMatchObject({ granted: 10n ** 15n + 1n, leasedByOthers: 0n });
    const charges = [
      { amount: 10n ** 15n, untilMs: 0 },
      { amount: -(10n ** 18n) - 3n, untilMs: START_MS + 9 },
    ];
    expect(await ask('a', { capacity, charges })).toMatchObject({ lease: 1n, used: 10n ** 21n - 10n ** 18n - 3n });
  });

  test('is unreachable once closed', async () => {
    const { authority, ask } = await house();
    await authority.close();
    await expect(ask('a')).rejects.toBeInstanceOf(AuthorityUnreachable);
  });
}

function asker(authority: QuotaAuthority, now: () => number) {
  const seqs = new Map<string, number>();
  const ask = async (node: string, call: Partial<QuotaCall> = {}): Promise<QuotaReply> => {
    const seq = (seqs.get(node) ?? 0) + 1;
    seqs.set(node, seq);
    const base = { account: 'b:x:', capacity: 100n, charges: [], giveBack: 0n, need: 0n, want: 0n, leaseMs: 1_000 };
    const [reply] = await authority.call([{ ...base, node, seq, nowMs: now(), recall: false, seed: [], ...call }]);
    if (reply === undefined) throw new Error('A call got no reply.');
    return reply;
  };
  return { ask };
}

describe('an authority in memory', () => {
  contract(async (clock) => {
    const authority = new MemoryAuthority({ clock });
    return { authority, close: () => authority.close() };
  });

  test('forgets accounts of which nothing is left', async () => {
    let nowMs = START_MS;
    const authority = new MemoryAuthority({ clock: () => nowMs });
    const { ask } = asker(authority, () => nowMs);
    for (let index = 0; index < 100; index++) {
      await ask('a', { account: `l:${index}`, seq: 1, charges: [{ amount: 1n, untilMs: START_MS + 10 }] });
    }
    nowMs += 100_000;
    for (let turn = 1; turn <= 60; turn++) await ask('a', { account: 'l:live', seq: turn });
    expect(authority.size).toBe(1);
  });
});

onRedis('an authority in a Redis server', () => {
  describe('an authority in a Redis server', () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await RedisServer.start();
    });
    afterAll(() => server.stop());

    contract(async (clock) => {
      await server.run('FLUSHALL');
      return redisHouse(server.url, { clock, silentMs: 2_000 });
    });
  });
});
