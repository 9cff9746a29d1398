/**
 * Limits and budgets that four gateways share through a Redis server, in real time. `bun conformance/redis/limits.ts
 * --nodes 4 --seconds 20` prints longer runs.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { onRedis, RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { lineOf } from '../limits/figures.ts';
import { lineOfBudget, measureBudget } from './budgets.ts';
import { atLine, away, measureLimits } from './limits.ts';

const options = { nodes: 4, seconds: 2, seed: 1, isPatient: true };

onRedis('limits and budgets over Redis', () => {
  let server: RedisServer;
  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(() => server.stop());

  test('away from the line at most one request in twenty waits for Redis', async () => {
    const figures = await measureLimits(server, away.requests ?? never(), options);
    console.log(lineOf(figures));
    expect(figures.refused).toBe(0);
    expect(figures.waited / figures.asked).toBeLessThanOrEqual(0.05);
  }, 20_000);

  for (const name of ['requests', 'tokens'] as const) {
    test(`at the line at most one in a hundred is admitted beyond it: ${name}`, async () => {
      const figures = await measureLimits(server, atLine[name] ?? never(), options);
      console.log(lineOf(figures));
      expect(figures.refused).toBeGreaterThan(5);
      expect(figures.overshoot).toBeLessThanOrEqual(0.01);
    }, 20_000);
  }

  test('a budget is spent to its end, never beyond, and nearly always without asking', async () => {
    const figures = await measureBudget(server, { nodes: 4, callers: 64, takes: 5_000, isPatient: true });
    console.log(lineOfBudget(figures));
    expect(figures.spent).toBeLessThanOrEqual(figures.line);
    expect(figures.line - figures.spent).toBeLessThan(64n * 1_000_000n);
    expect(figures.awayWaited / figures.away).toBeLessThanOrEqual(0.05);
  }, 30_000);
});

function never(): never {
  throw new Error('There is no such play.');
}
