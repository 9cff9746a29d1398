import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { onRedis, RedisServer } from '../redis/redis-server.test-support.ts';
import { AuthorityUnreachable, type QuotaCall, type QuotaCharge, type QuotaReply } from './authority.ts';
import { limbsOf } from './limbs.ts';
import { MemoryAuthority } from './memory-authority.ts';
import { QuotaNode } from './quota-node.ts';
import { redisHouse } from './redis-house.test-support.ts';

const START_MS = 1_800_000_000_000;
const base = { capacity: 1_000n, charges: [], giveBack: 0n, need: 0n, want: 0n, recall: false, leaseMs: 1_000 };

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

onRedis('what a Redis authority does', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  describe('a Redis authority answers as one in memory does', () => {
    for (const [name, seed, scale] of [
      ['small amounts', 1, 1n],
      ['amounts past 2^53', 2, 987_654_321_012_345_678n],
      ['amounts about the size of a limb', 3, 10n ** 15n / 40n],
      ['small amounts, again', 4, 1n],
    ] as const) {
      test(`1200 random calls, ${name}`, async () => {
        await server.run('FLUSHALL');
        let nowMs = START_MS;
        const clock = () => nowMs;
        const memory = new MemoryAuthority({ clock, epoch: '' });
        const house = await redisHouse(server.url, { clock, silentMs: 2_000 });
        const next = randomCalls(randomFrom(seed), scale, (ms) => {
          nowMs += ms;
        });
        let granted = 0;
        let refused = 0;
        for (let turn = 0; turn < 1_200; turn++) {
          const call = next(nowMs);
          const [expected] = await memory.call([call]);
          const [found] = await house.authority.call([call]);
          expect({ turn, ...found, epoch: '' }).toEqual({ turn, ...(expected as QuotaReply), epoch: '' });
          if ((expected?.granted ?? 0n) > 0n) granted++;
          else if (call.need > 0n) refused++;
        }
        expect(granted).toBeGreaterThan(50);
        expect(refused).toBeGreaterThan(50);
        await house.close();
      });
    }
  });

  test('a server that does not know the script is told it again', async () => {
    const house = await redisHouse(server.url);
    await house.authority.call([{ ...base, account: 'b:s:', node: 'a', seq: 1, nowMs: 0, seed: [], want: 10n }]);
    await server.run('SCRIPT', 'FLUSH');
    const again = { ...base, account: 'b:s:', node: 'a', seq: 2, nowMs: 0, seed: undefined };
    expect(await house.authority.call([again])).toMatchObject([{ isUnknown: false, lease: 10n }]);
    await house.close();
  });

  test('keys go when nothing in them counts any more, and stay while something does for ever', async () => {
    await server.run('FLUSHALL');
    const house = await redisHouse(server.url);
    const nowMs = Date.now();
    const call = { ...base, node: 'a', seq: 1, nowMs, seed: [], leaseMs: 5 };
    await house.authority.call([
      { ...call, account: 'l:gone', charges: [{ amount: 1n, untilMs: nowMs + 100 }] },
      { ...call, account: 'b:stays', charges: [{ amount: 1n, untilMs: 0 }] },
    ]);
    const of = (account: string) => [`turnpike:{quota0}:${account}`, `turnpike:{quota0}:e:${account}`];
    const keys = async () => ((await server.run('KEYS', 'turnpike:*:*')) as string[]).sort();
    expect(await keys()).toEqual([...of('b:stays'), ...of('l:gone')].sort());
    await Bun.sleep(450);
    expect(await keys()).toEqual(of('b:stays'));
    await house.close();
  });

  test('remembers where the journal of a node stood, and settles with one that is gone, once', async () => {
    let offset = 7;
    const house = await redisHouse(server.url, { journalPlace: () => ({ segment: 3, offset }) });
    const call = { ...base, node: 'gone', nowMs: 0, want: 10n };
    const first = { ...call, account: 'b:gone:', seq: 1, seed: [] };
    await house.authority.call([first, { ...call, account: 'l:gone', seq: 2, seed: [] }]);
    offset = 9;
    // Said again, it is what it was.
    await house.authority.call([first]);
    await house.authority.call([{ ...call, account: 'b:other:', seq: 3, seed: [], want: 0n }]);
    const marks = (await house.authority.marksOf('gone')) ?? [];
    expect([...marks].sort((one, other) => (one.account < other.account ? -1 : 1))).toEqual([
      { account: 'b:gone:', place: { segment: 3, offset: 7 } },
      { account: 'l:gone', place: { segment: 3, offset: 7 } },
    ]);
    for (let time = 0; time < 2; time++)
      await house.authority.settle('gone', [{ account: 'b:gone:', charges: [unit] }]);
    expect(await house.authority.marksOf('gone')).toBeUndefined();
    const look = { ...base, node: 'other', seq: 1, nowMs: 0, seed: undefined };
    expect(await house.authority.call([{ ...look, account: 'b:gone:' }])).toMatchObject([
      { used: 1n, leasedByOthers: 0n },
    ]);
    await house.close();
  });

  test('needs of a user on the server what is documented, and nothing else', async () => {
    const file = Bun.file(new URL('../../../../docs/redis.md', import.meta.url));
    const documented = /What a user on the server must be allowed: .*?\n\n/s.exec(await file.text())?.[0] ?? '';
    const commands = [...documented.matchAll(/`([A-Z]+)`/g)].map(([, name = '']) => `+${name.toLowerCase()}`);
    expect(commands).toContain('+evalsha');
    await server.run('ACL', 'SETUSER', 'bound', 'on', '>secret', '~turnpike:*', '&turnpike:*', '-@all', ...commands);
    const house = await redisHouse(`redis://bound:secret@127.0.0.1:${server.port}`, {
      journalPlace: () => ({ segment: 1, offset: 1 }),
    });
    const call = { ...base, account: 'l:bound:', node: 'a', nowMs: 0, charges: [unit] };
    await house.authority.call([{ ...call, seq: 1, seed: [], want: 10n }]);
    // All that is left to be done: refused, with slots to be looked through, and recalled.
    const refused = { ...call, node: 'b', seq: 1, seed: undefined, need: 999n, recall: true };
    await house.authority.call([{ ...refused, charges: [{ amount: 1n, untilMs: Date.now() + 5_000 }] }]);
    const soon = [{ amount: 1n, untilMs: Date.now() + 30 }];
    await house.authority.call([{ ...call, seq: 2, charges: soon, seed: undefined }]);
    await Bun.sleep(60);
    await house.authority.call([{ ...call, seq: 3, seed: undefined }]);
    await house.authority.settle('a', []);
    house.link.publish('turnpike:changed', 'anything');
    await house.link.run('', []);
    expect(house.told).toEqual([]);
    expect(await server.run('ACL', 'LOG')).toEqual([]);
    await house.close();
  });

  test('keys and channels of another prefix are apart', async () => {
    const one = await redisHouse(server.url);
    const other = await redisHouse(`${server.url}?prefix=staging`);
    const call = { ...base, account: 'b:p:', node: 'a', seq: 1, nowMs: 0, want: 0n };
    await one.authority.call([{ ...call, seed: [{ amount: 5n, untilMs: 0 }] }]);
    expect(await other.authority.call([{ ...call, seed: undefined }])).toMatchObject([{ isUnknown: true }]);
    await one.close();
    await other.close();
  });

  test('a server that hangs costs one wait of 50 ms, then nobody waits until it answers', async () => {
    const house = await redisHouse(server.url);
    let seq = 0;
    const ask = async (): Promise<{ error: unknown; tookMs: number }> => {
      const startedMs = performance.now();
      const call = { ...base, account: 'b:h:', node: 'h', seq: ++seq, nowMs: 0, seed: [], charges: [unit] };
      const error = await house.authority.call([call]).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      return { error, tookMs: performance.now() - startedMs };
    };
    await ask();
    server.hang();
    const first = await ask();
    expect(first.error).toBeInstanceOf(AuthorityUnreachable);
    expect(first.tookMs).toBeLessThan(80);
    const startedMs = performance.now();
    for (let turn = 0; turn < 1_000; turn++) expect((await ask()).error).toBeInstanceOf(AuthorityUnreachable);
    expect((performance.now() - startedMs) / 1_000).toBeLessThan(1);
    await Bun.sleep(900);
    server.wake();
    for (let turn = 0; turn < 300 && (await ask()).error !== undefined; turn++) await Bun.sleep(10);
    expect((await ask()).error).toBeUndefined();
    for (let turn = 0; turn < 100 && house.told.length < 2; turn++) await Bun.sleep(10);
    expect(house.told).toEqual(['lost', 'returned']);
    await house.close();
  });

  describe('a server that lost its memory', () => {
    const CAPACITY = 3_000_000n;

    /** Two nodes that spend without a pause; the ledger is a sum they both write, a little later. */
    async function spendWhile({ happens, settings, warmMs = 600, lagMs = 150 }: Loss) {
      const own = await RedisServer.start(settings);
      const houses = [await redisHouse(own.url), await redisHouse(own.url)];
      const nodes = houses.map(({ authority }) => new QuotaNode({ authority }));
      let ledger = 0n;
      let isStopping = false;
      let cuts = 0;
      let written = 0n;
      const seed = async () => [{ amount: written, untilMs: 0 }];
      const work = async (node: QuotaNode | undefined) => {
        const lease = node?.lease('b:one:', seed, { isLedgerSeed: true, writtenUntilMs: () => Date.now() - lagMs });
        while (!isStopping && lease !== undefined) {
          const taken = lease.tryTake(100n, CAPACITY) ? 'taken' : await lease.take(100n);
          if (taken === 'cut') cuts++;
          if (taken === 'taken') {
            await Bun.sleep(1);
            ledger += 100n;
            setTimeout(() => {
              written += 100n;
            }, lagMs);
            lease.settle(100n, 100n, 0);
          } else await Bun.sleep(5);
        }
      };
      const working = [0, 1, 0, 1, 0, 1].map((at) => work(nodes[at]));
      await Bun.sleep(warmMs);
      await happens(own);
      const used = async () => {
        const call = { ...base, account: 'b:one:', node: 'observer', nowMs: 0, capacity: CAPACITY, seed: undefined };
        const observer = await redisHouse(own.url, { silentMs: 2_000 });
        const [reply] = await observer.authority.call([{ ...call, seq: 1 }]);
        await observer.close();
        return reply?.used ?? -1n;
      };
      const during = ledger;
      await Bun.sleep(800);
      const seeded = ledger;
      await Bun.sleep(1_800);
      isStopping = true;
      await Promise.all(working);
      for (const node of nodes) await node.close();
      const found = { ledger, during, seeded, cuts, used: await used(), told: houses.map(({ told }) => told) };
      for (const house of houses) await house.close();
      await own.stop();
      return found;
    }

    interface Loss {
      readonly happens: (server: RedisServer) => Promise<void>;
      readonly settings: string[];
      readonly warmMs?: number;
      /** How far the ledger's tables are behind. */
      readonly lagMs?: number;
    }

    const emptied = { settings: [], happens: async (one: RedisServer) => void (await one.run('FLUSHALL')) };
    const losses: Record<string, Loss> = {
      emptied,
      'emptied while the ledger is far behind': { ...emptied, warmMs: 2_800, lagMs: 3_500 },
      'killed and restarted empty': {
        settings: [],
        happens: async (one: RedisServer) => {
          await one.kill();
          await Bun.sleep(500);
          await one.resume();
        },
      },
      'restarted from an old dump': {
        settings: ['--dbfilename', 'dump.rdb'],
        happens: async (one: RedisServer) => {
          await one.run('SAVE');
          await Bun.sleep(500);
          await one.kill();
          await one.resume();
        },
      },
    };

    test('is seeded from the ledger: nothing is lost, nothing goes over the line, and the rest is spent', async () => {
      const each = Object.entries(losses).map(async ([name, loss]) => {
        const { ledger, during, seeded, used, cuts, told } = await spendWhile(loss);
        process.stdout.write(`${name}: ${ledger} spent, ${used - ledger} counted twice, ${cuts} takes turned away\n`);
        expect(ledger).toBeLessThanOrEqual(CAPACITY);
        expect(ledger).toBeGreaterThan(during);
        // What was settled within 2 s before the loss may count twice; less than was spent never counts.
        expect(used).toBeGreaterThanOrEqual(ledger);
        expect(used - ledger).toBeLessThanOrEqual(seeded);
        for (const one of told) expect(one).toContain('forgotten');
      });
      await Promise.all(each);
    }, 20_000);
  });

  test('amounts that are no money any more are a defect, not an outage', () => {
    expect(() => limbsOf(10n ** 25n)).toThrow(RangeError);
  });
});

const unit: QuotaCharge = { amount: 1n, untilMs: 0 };

/** Calls of three nodes on one account that come again, lapse, correct, give back and cross the line. */
function randomCalls(random: () => number, scale: bigint, pass: (ms: number) => void) {
  const seqs = new Map<string, number>();
  const upTo = (most: number) => Math.floor(random() * most);
  const amount = (most: number) => BigInt(upTo(most)) * scale + BigInt(upTo(3));
  let latest: QuotaCall | undefined;
  return (nowMs: number): QuotaCall => {
    const dice = random();
    if (latest !== undefined && dice < 0.1) return latest;
    if (dice < 0.5) pass(upTo(120));
    else if (dice < 0.52) pass(1_500);
    else if (dice < 0.523) pass(70_000);
    const node = ['a', 'b', 'c'][upTo(3)] ?? 'a';
    const seq = (seqs.get(node) ?? 0) + 1 + upTo(2);
    seqs.set(node, seq);
    const charge = (): QuotaCharge => ({
      amount: random() < 0.15 ? -amount(20) : amount(30),
      untilMs: random() < 0.05 ? 0 : nowMs + upTo(20) * 50 - 50,
      settledMs: random() < 0.5 ? undefined : START_MS + upTo(200),
    });
    latest = {
      account: 'b:random:',
      node,
      seq,
      nowMs,
      capacity: amount(20) + 300n * scale,
      charges: Array.from({ length: upTo(3) }, charge),
      giveBack: random() < 0.3 ? amount(40) : 0n,
      need: random() < 0.6 ? amount(120) : 0n,
      want: random() < 0.4 ? amount(200) : 0n,
      ...(random() < 0.05 && { states: amount(100), giveBack: 0n, need: 0n, want: 0n }),
      ...(random() < 0.5 && { asides: Array.from({ length: 1 + upTo(3) }, () => amount(300)) }),
      recall: false,
      seed: [{ amount: 40n * scale, untilMs: START_MS + 3_000 }, unit],
      seedCoversMs: START_MS + 100,
      leaseMs: 1_000,
    };
    return latest;
  };
}
