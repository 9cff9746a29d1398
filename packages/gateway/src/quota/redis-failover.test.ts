/** Real servers that fail over: a cluster of three masters with a replica, and sentinels that make a replica the master. */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { onRedis, RedisServer } from '../redis/redis-server.test-support.ts';
import type { QuotaCall, QuotaCharge } from './authority.ts';
import { QuotaNode } from './quota-node.ts';
import { type RedisHouse, redisHouse } from './redis-house.test-support.ts';

/** Shorter than in a gateway: all of them are in one process here. */
const SETTLE_MS = 1_000;
const CAPACITY = 10n ** 9n;

/** Two nodes spend from a few accounts all the while; every account's ledger is a sum that both write at once. */
class Spending {
  readonly #accounts: Map<string, bigint>;
  readonly #nodes: QuotaNode[];
  readonly #working: Promise<void>[];
  taken = 0;
  cut = 0;
  #isStopping = false;

  constructor(houses: readonly RedisHouse[], accounts: number) {
    this.#accounts = new Map(Array.from({ length: accounts }, (_, at) => [`b:account-${at}:`, 0n]));
    this.#nodes = houses.map(({ authority }) => new QuotaNode({ authority }));
    this.#working = this.#nodes.flatMap((node) =>
      [...this.#accounts.keys()].map((account) => this.#work(node, account)),
    );
  }

  /** @returns for each account what the ledger has, once all is reported. */
  async stop(): Promise<ReadonlyMap<string, bigint>> {
    this.#isStopping = true;
    await Promise.all(this.#working);
    for (const node of this.#nodes) await node.close();
    return this.#accounts;
  }

  async #work(node: QuotaNode, account: string): Promise<void> {
    const seed = async (): Promise<QuotaCharge[]> => [{ amount: this.#accounts.get(account) ?? 0n, untilMs: 0 }];
    const lease = node.lease(account, seed, { isLedgerSeed: true });
    while (!this.#isStopping) {
      const taken = lease.tryTake(100n, CAPACITY) ? 'taken' : await lease.take(100n);
      if (taken !== 'taken') this.cut++;
      else {
        this.taken++;
        this.#accounts.set(account, (this.#accounts.get(account) ?? 0n) + 100n);
        lease.settle(100n, 100n, 0);
      }
      await Bun.sleep(3);
    }
  }
}

async function usedOf({ authority }: RedisHouse, account: string): Promise<bigint> {
  const call: QuotaCall = {
    ...{ account, node: crypto.randomUUID(), seq: 1, nowMs: 0, capacity: CAPACITY, charges: [], giveBack: 0n },
    ...{ need: 0n, want: 0n, recall: false, seed: undefined, leaseMs: 1 },
  };
  const [reply] = await authority.call([call]);
  return reply?.used ?? -1n;
}

/** What was settled is in every account, if anything more than once and never less. */
async function expectAllUsed(house: RedisHouse, ledger: ReadonlyMap<string, bigint>, twiceMax: bigint): Promise<void> {
  for (const [account, spent] of ledger) {
    const used = await usedOf(house, account);
    expect(used).toBeGreaterThanOrEqual(spent);
    expect(used - spent).toBeLessThanOrEqual(twiceMax);
  }
}

async function until(what: () => boolean | Promise<boolean>, withinMs: number): Promise<number> {
  const startedMs = performance.now();
  while (!(await what())) {
    if (performance.now() - startedMs > withinMs) throw new Error(`It did not come about within ${withinMs} ms.`);
    await Bun.sleep(20);
  }
  return performance.now() - startedMs;
}

onRedis('Redis clusters and sentinels', () => {
  const servers: RedisServer[] = [];
  const houses: RedisHouse[] = [];
  const start = async (settings: string[]) => {
    const server = await RedisServer.start(settings);
    servers.push(server);
    return server;
  };
  afterAll(async () => {
    for (const house of houses) await house.close();
    for (const server of servers) await server.stop();
  });

  describe('a cluster of three masters and a replica', () => {
    let masters: RedisServer[] = [];
    let url = '';
    beforeAll(async () => {
      const settings = [
        '--cluster-enabled',
        'yes',
        '--cluster-node-timeout',
        '1000',
        '--repl-diskless-sync-delay',
        '0',
      ];
      masters = [await start(settings), await start(settings), await start(settings)];
      const replica = await start([...settings, '--cluster-replica-validity-factor', '0']);
      const [first] = masters as [RedisServer];
      for (const [at, master] of masters.entries()) {
        const [from, to] = [Math.floor((at * 16_384) / 3), Math.floor(((at + 1) * 16_384) / 3) - 1];
        await master.run('CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
        await master.run('CLUSTER', 'SET-CONFIG-EPOCH', `${at + 1}`);
      }
      for (const other of [...masters.slice(1), replica])
        await other.run('CLUSTER', 'MEET', '127.0.0.1', `${first.port}`);
      const infoOf = async (server: RedisServer) => String(await server.run('CLUSTER', 'INFO'));
      await until(async () => /cluster_state:ok[\s\S]*cluster_known_nodes:4/.test(await infoOf(replica)), 20_000);
      await replica.run('CLUSTER', 'REPLICATE', String(await first.run('CLUSTER', 'MYID')));
      await until(async () => /master_link_status:up/.test(String(await replica.run('INFO', 'replication'))), 20_000);
      for (const master of masters) await until(async () => /cluster_state:ok/.test(await infoOf(master)), 20_000);
      url = `redis+cluster://${masters.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
    }, 60_000);

    test('spreads accounts over its masters, and goes on when one dies and its replica takes over', async () => {
      houses.push(await redisHouse(url, { settleMs: SETTLE_MS }), await redisHouse(url, { settleMs: SETTLE_MS }));
      const [observer] = houses as [RedisHouse];
      const spending = new Spending(houses, 8);
      await Bun.sleep(800);
      const sizes = await Promise.all(masters.map(async (master) => Number(await master.run('DBSIZE'))));
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      await masters[0]?.kill();
      await until(() => houses.every(({ told }) => told.includes('forgotten')), 15_000);
      await Bun.sleep(SETTLE_MS + 500);
      const before = spending.cut;
      await Bun.sleep(500);
      expect(spending.cut).toBe(before);
      const ledger = await spending.stop();
      await expectAllUsed(observer, ledger, 10n ** 6n);
      for (const { told } of houses)
        expect(told.filter((line) => !/^(lost|returned|forgotten)$/.test(line))).toEqual([]);
    }, 40_000);
  });

  describe('sentinels', () => {
    test('name another master when theirs dies, and it is found', async () => {
      const master = await start(['--requirepass', 'secret-of-all', '--masterauth', 'secret-of-all']);
      const replication = ['--replicaof', '127.0.0.1', `${master.port}`, '--repl-diskless-sync-delay', '0'];
      const secrets = ['--requirepass', 'secret-of-all', '--masterauth', 'secret-of-all'];
      const replica = await start([...secrets, ...replication]);
      const sentinels: RedisServer[] = [];
      for (let at = 0; at < 3; at++) {
        const sentinel = await RedisServer.startSentinel([
          `sentinel monitor house 127.0.0.1 ${master.port} 2`,
          'sentinel auth-pass house secret-of-all',
          'sentinel down-after-milliseconds house 500',
          'sentinel failover-timeout house 3000',
        ]);
        servers.push(sentinel);
        sentinels.push(sentinel);
      }
      await until(async () => {
        const known = (await sentinels[0]?.run('SENTINEL', 'MASTER', 'house')) as Record<string, string>;
        return known['num-slaves'] === '1' && known['num-other-sentinels'] === '2';
      }, 20_000);
      const hosts = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',');
      const url = `redis+sentinel://:secret-of-all@${hosts}/house`;
      const pair = [await redisHouse(url, { settleMs: SETTLE_MS }), await redisHouse(url, { settleMs: SETTLE_MS })];
      houses.push(...pair);
      const spending = new Spending(pair, 4);
      await Bun.sleep(600);
      await master.kill();
      await until(() => pair.every(({ told }) => told.includes('forgotten')), 20_000);
      await Bun.sleep(SETTLE_MS + 500);
      const { cut, taken } = spending;
      await Bun.sleep(500);
      expect(spending.cut).toBe(cut);
      expect(spending.taken).toBeGreaterThan(taken);
      const ledger = await spending.stop();
      await expectAllUsed(pair[0] as RedisHouse, ledger, 10n ** 6n);
      for (const { told } of pair) expect(told.slice(0, 3)).toEqual(['lost', 'returned', 'forgotten']);
      expect(replica.port).not.toBe(master.port);
    }, 60_000);
  });
});
