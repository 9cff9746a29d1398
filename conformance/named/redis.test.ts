/** A Redis that is slow, or loses what it had: counters of other gateways then drift, start at zero, or refuse in vain. */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onRedis, RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { startTestHouse, type TestHouse } from '@turnpike/gateway/testing/gateway.test-support.ts';

const price = { input: 1, output: 2 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const KEY = 'sk-crowd-0123456789';
const yaml = JSON.stringify({
  keys: [{ name: 'crowd', key: KEY, budgets: [{ amount: 0.05, per: 'lifetime' }] }],
  models: [{ name: 'chat', endpoints: [chat] }],
});
const LINE = 50_000_000n;
/** Longer than anything settled may be in doubt. */
const DOUBT_MS = 2_500;

onRedis('a Redis that is slow, or forgets', () => {
  let server: RedisServer;
  let folder: string;
  const houses: TestHouse[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
    folder = mkdtempSync(join(tmpdir(), 'turnpike-named-'));
    for (let at = 0; at < 2; at++) {
      const house = await startTestHouse({
        yaml,
        environment: { TURNPIKE_DATA_DIR: folder, REDIS_URL: server.url },
      });
      house.emulator.script([{ text: ['fine'], usage: { input: 5, output: 20 } }], { repeat: true });
      houses.push(house);
    }
  });
  afterAll(async () => {
    for (const house of houses) await house.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  async function ask(at: number): Promise<number> {
    const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };
    const answer = await houses[at % 2]?.post('/v1/chat/completions', body, {
      headers: { authorization: `Bearer ${KEY}` },
    });
    await answer?.text();
    return answer?.status ?? 0;
  }

  async function spent(): Promise<bigint> {
    for (const { gateway } of houses) await gateway.flush();
    return (await houses[0]?.gateway.store.spendBetween('key:crowd', 0, Date.now() + 1)) ?? -1n;
  }

  /** What Redis counts, once all of it is told. */
  async function counted(expected: bigint): Promise<bigint> {
    let used = -1n;
    for (let turn = 0; turn < 200 && used < expected; turn++) {
      await Bun.sleep(20);
      const [account = ''] = (await server.run('KEYS', 'turnpike:{quota0}:b:*')) as string[];
      const words = String(await server.run('HGET', account, 'm')).split(' ');
      used = BigInt(words[4] ?? 0) * 10n ** 15n + BigInt(words[5] ?? 0);
    }
    return used;
  }

  test('a call to Redis that is made again, because its answer came too late, counts once', async () => {
    const statuses: number[] = [];
    let isOver = false;
    const callers = Array.from({ length: 8 }, async (_, at) => {
      while (!isOver) statuses.push(await ask(at));
    });
    for (let turn = 0; turn < 5; turn++) {
      await Bun.sleep(100);
      await server.run('CLIENT', 'PAUSE', '120', 'ALL');
    }
    isOver = true;
    await Promise.all(callers);
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThan(20);
    const ledger = await spent();
    expect(await counted(ledger)).toBe(ledger);
  }, 30_000);

  test('a Redis that comes back empty counts on from the ledger: not from zero, and nobody is refused in vain', async () => {
    for (let at = 0; at < 20; at++) await ask(at);
    await Bun.sleep(DOUBT_MS);
    await server.kill();
    await server.resume();
    const statuses = new Set<number>();
    for (let untilMs = performance.now() + 3_000, at = 0; performance.now() < untilMs; at++) {
      statuses.add(await ask(at));
      await Bun.sleep(100);
    }
    // 503 for a moment, when a lease is used up; never that the budget is spent.
    expect([...statuses].filter((status) => status !== 503)).toEqual([200]);
    const ledger = await spent();
    expect(ledger).toBeGreaterThan(0n);
    expect(await counted(ledger)).toBeGreaterThanOrEqual(ledger);
  }, 30_000);

  test('and is spent to the line, never beyond', async () => {
    const callers = Array.from({ length: 16 }, async (_, at) => {
      for (let status = 0; status !== 402; ) {
        status = await ask(at);
        if (status === 503) await Bun.sleep(50);
      }
    });
    await Promise.all(callers);
    expect(await spent()).toBeLessThanOrEqual(LINE);
  }, 30_000);
});
