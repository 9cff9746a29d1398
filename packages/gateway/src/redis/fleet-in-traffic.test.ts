import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ADMIN_KEY, startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';
import { onRedis, RedisServer } from './redis-server.test-support.ts';

const price = { input: 1_000, output: 2_000 };
const chat = { provider: 'openai', model: 'gpt-test', baseUrl: '{{upstream}}/v1', apiKey: 'sk-up-openai', price };
const yaml = JSON.stringify({
  keys: [{ name: 'crowd', key: 'sk-crowd-0123456789', budgets: [{ amount: 2, per: 'lifetime' }] }],
  models: [{ name: 'chat', endpoints: [chat] }],
});
const LINE = 2_000_000_000n;

function ask(house: TestHouse, key: string): Promise<Response> {
  const body = { model: 'chat', max_tokens: 20, messages: [{ role: 'user', content: 'Hi' }] };
  return house.post('/v1/chat/completions', body, { headers: { authorization: `Bearer ${key}` } });
}

onRedis('gateways that share a Redis', () => {
  let server: RedisServer;
  let folder: string;
  const houses: TestHouse[] = [];
  const open = async (more: Record<string, string> = {}) => {
    const environment = { TURNPIKE_DATA_DIR: folder, REDIS_URL: server.url, ...more };
    const house = await startTestHouse({ yaml, environment });
    houses.push(house);
    return house;
  };
  beforeAll(async () => {
    server = await RedisServer.start(['--requirepass', 'hunter2-hunter2', '--databases', '4']);
    folder = mkdtempSync(join(tmpdir(), 'turnpike-fleet-'));
  });
  afterAll(async () => {
    for (const house of houses) await house.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  describe('two gateways that share a Redis', () => {
    beforeAll(async () => {
      const url = `redis://:hunter2-hunter2@127.0.0.1:${server.port}/3`;
      await open({ REDIS_URL: url });
      await open({ REDIS_URL: url });
    });

    test('spend one budget together, 64 calls at once: never over it, and refused only when it is gone', async () => {
      const spent = async () => {
        for (const { gateway } of houses) await gateway.flush();
        return (await houses[0]?.gateway.store.spendBetween('key:crowd', 0, Date.now() + 1)) ?? -1n;
      };
      let refused = 0;
      let asked = 0;
      const caller = async (house: TestHouse) => {
        for (;;) {
          asked++;
          const answer = await ask(house, 'sk-crowd-0123456789');
          await answer.text();
          if (answer.status === 200) continue;
          expect(answer.status).toBe(402);
          refused++;
          return;
        }
      };
      await Promise.all(houses.flatMap((house) => Array.from({ length: 32 }, () => caller(house))));
      expect(refused).toBe(64);
      expect(asked).toBeGreaterThan(100);
      expect(await spent()).toBeLessThanOrEqual(LINE);
      // One after the other, nobody holds anything: what is left is found wherever it is leased.
      let needed = 0n;
      for (const house of [...houses, ...houses]) {
        let answer = await ask(house, 'sk-crowd-0123456789');
        while (answer.status === 200) answer = await ask(house, 'sk-crowd-0123456789');
        needed = BigInt(Math.round(Number(answer.headers.get('x-turnpike-budget-needed-usd')) * 1e9));
      }
      const left = LINE - (await spent());
      expect(left).toBeGreaterThanOrEqual(0n);
      expect(left).toBeLessThan(needed);
    });

    test('hear of a revoked key at once', async () => {
      const [one, other] = houses as [TestHouse, TestHouse];
      const admin = (method: string, path: string, body?: unknown) =>
        fetch(`${one.gateway.url}/admin/api/v1${path}`, {
          method,
          headers: { authorization: `Bearer ${ADMIN_KEY}`, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
      const delays: number[] = [];
      for (let turn = 0; turn < 6; turn++) {
        const made = (await (await admin('POST', '/keys', { name: `short-lived-${turn}` })).json()) as Record<
          string,
          string
        >;
        const statusOf = async () => {
          const answer = await ask(other, made.key ?? '');
          await answer.text();
          return answer.status;
        };
        while ((await statusOf()) !== 200) await Bun.sleep(1);
        expect((await admin('DELETE', `/keys/${made.id}`)).status).toBeLessThan(300);
        const revokedMs = performance.now();
        while ((await statusOf()) === 200) await Bun.sleep(1);
        delays.push(performance.now() - revokedMs);
      }
      // Looking alone would take 200 ms on average, and up to 400.
      expect(Math.max(...delays)).toBeLessThan(150);
    });

    test('never say the password', () => {
      for (const { lines } of houses) expect(lines.join('')).not.toContain('hunter2');
    });
  });

  test('an address that is none is said at the start, without what is in it', async () => {
    const started = open({ REDIS_URL: 'http://user:hunter2-hunter2@redis:6379' });
    const error = await started.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(String(error)).toContain('redis://user:password@host:6379/0');
    expect(String(error)).not.toContain('hunter2');
  });

  test('a Redis that is away is no reason not to start; it is joined when it is there', async () => {
    const late = await RedisServer.start();
    await late.kill();
    const house = await open({ REDIS_URL: late.url });
    expect(house.lines.filter((line) => line.includes('Redis cannot be reached'))).toHaveLength(1);
    // A budget that nobody can be asked about: the stated policy. What has none is served.
    expect((await ask(house, 'sk-crowd-0123456789')).status).toBe(503);
    expect((await ask(house, ADMIN_KEY)).status).toBe(200);
    await late.resume();
    const startedMs = performance.now();
    while (
      !house.lines.some((line) => line.includes('Redis is there again')) &&
      performance.now() - startedMs < 5_000
    ) {
      await Bun.sleep(10);
    }
    let answer = await ask(house, 'sk-crowd-0123456789');
    while (answer.status === 503 && performance.now() - startedMs < 8_000) {
      await Bun.sleep(50);
      answer = await ask(house, 'sk-crowd-0123456789');
    }
    // Its budget was spent by the others: read from the ledger.
    expect(answer.status).toBe(402);
    expect(house.lines.filter((line) => line.includes('Redis cannot be reached'))).toHaveLength(1);
    await late.stop();
  }, 15_000);
});
