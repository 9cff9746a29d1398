import { describe, expect, test } from 'bun:test';
import { AuthorityUnreachable, type QuotaCall, type QuotaReply } from './authority.ts';
import { MemoryAuthority } from './memory-authority.ts';

const START_MS = 1_800_000_000_000;

function house() {
  let nowMs = START_MS;
  const authority = new MemoryAuthority({ clock: () => nowMs, epoch: 'first' });
  const seqs = new Map<string, number>();
  const ask = async (node: string, call: Partial<QuotaCall> = {}): Promise<QuotaReply> => {
    const seq = (seqs.get(node) ?? 0) + 1;
    seqs.set(node, seq);
    const base = { account: 'b:x:', capacity: 100n, charges: [], giveBack: 0n, need: 0n, want: 0n, leaseMs: 1_000 };
    const [reply] = await authority.call([{ ...base, node, seq, nowMs, recall: false, seed: [], ...call }]);
    if (reply === undefined) throw new Error('A call got no reply.');
    return reply;
  };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { authority, ask, pass };
}

describe('an authority in memory', () => {
  test('wants a seed for what it does not know, and applies nothing before', async () => {
    const { authority, ask } = house();
    expect(await ask('a', { seed: undefined, need: 1n })).toMatchObject({
      isUnknown: true,
      epoch: 'first',
      granted: 0n,
    });
    expect(authority.size).toBe(0);
    const reply = await ask('a', { seed: [{ amount: 70n, untilMs: 0 }], need: 20n, want: 90n });
    expect(reply).toMatchObject({ isUnknown: false, granted: 30n, lease: 30n, used: 70n });
  });

  test('grants at least the need, or nothing', async () => {
    const { ask } = house();
    expect(await ask('a', { need: 10n, want: 60n })).toMatchObject({ granted: 60n, otherNodes: 0 });
    expect(await ask('b', { need: 50n, want: 50n })).toMatchObject({ granted: 0n, leasedByOthers: 60n, otherNodes: 1 });
    expect(await ask('b', { need: 40n, want: 90n })).toMatchObject({ granted: 40n, lease: 40n });
    expect(await ask('a', { giveBack: 60n })).toMatchObject({ lease: 0n, leasedByOthers: 40n });
  });

  test('a charge comes out of the lease; one dearer than it leaves none', async () => {
    const { ask } = house();
    await ask('a', { need: 20n });
    expect(await ask('a', { charges: [{ amount: 5n, untilMs: 0 }] })).toMatchObject({ lease: 15n, used: 5n });
    expect(await ask('a', { charges: [{ amount: 40n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 45n });
    expect(await ask('a', { charges: [{ amount: -10n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 35n });
  });

  test('a call repeated is answered from what is now, and not applied again', async () => {
    const { ask } = house();
    const call = { seq: 1, charges: [{ amount: 10n, untilMs: 0 }], need: 20n };
    expect(await ask('a', call)).toMatchObject({ granted: 20n, lease: 20n, used: 10n });
    expect(await ask('a', call)).toMatchObject({ granted: 0n, lease: 20n, used: 10n });
  });

  test('what was used counts until its instant, and tells when a need fits', async () => {
    const { ask, pass } = house();
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
    const { ask, pass } = house();
    await ask('a', { need: 100n });
    pass(999);
    expect(await ask('b', { need: 1n })).toMatchObject({ granted: 0n });
    pass(1);
    expect(await ask('b', { need: 100n })).toMatchObject({ granted: 100n });
    expect(await ask('a', { seq: 1, charges: [{ amount: 9n, untilMs: 0 }] })).toMatchObject({ lease: 0n, used: 0n });
  });

  test('recalls what others have when a need is not there, and only then', async () => {
    const { authority, ask } = house();
    const recalled: string[] = [];
    authority.onRecall((id) => recalled.push(id));
    await ask('a', { need: 80n });
    await ask('b', { need: 10n, recall: true });
    await ask('b', { need: 50n });
    await Promise.resolve();
    expect(recalled).toEqual([]);
    await ask('b', { need: 50n, recall: true });
    await Promise.resolve();
    expect(recalled).toEqual(['b:x:']);
  });

  test('forgets accounts of which nothing is left', async () => {
    const { authority, ask, pass } = house();
    for (let index = 0; index < 100; index++) {
      await ask('a', { account: `l:${index}`, seq: 1, charges: [{ amount: 1n, untilMs: START_MS + 10 }] });
    }
    pass(100_000);
    for (let turn = 1; turn <= 60; turn++) await ask('a', { account: 'l:live', seq: turn });
    expect(authority.size).toBe(1);
  });

  test('is unreachable once closed', async () => {
    const { authority, ask } = house();
    await authority.close();
    expect(ask('a')).rejects.toBeInstanceOf(AuthorityUnreachable);
  });
});
