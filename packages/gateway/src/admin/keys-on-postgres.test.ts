import { expect, test } from 'bun:test';
import { join } from 'node:path';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { onPostgres } from '../store/each-database.test-support.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { callAdmin } from './admin-house.test-support.ts';

onPostgres((here) => {
  const start = (name: string): Promise<Gateway> =>
    startGateway({
      port: 0,
      environment: {
        // A machine of its own: only the database and the secret are shared.
        TURNPIKE_DATA_DIR: join(here.place.dataDir, name),
        DATABASE_URL: here.place.url,
        TURNPIKE_ADMIN_KEY: ADMIN_KEY,
        TURNPIKE_SECRET: 'a secret that both machines share, long enough',
      },
      log: new Log({ write: () => undefined }),
    });

  test('a key made or revoked on one machine holds on the other within a second', async () => {
    const one = await start('one');
    const two = await start('two');
    try {
      const { key } = (await callAdmin(one.url, 'POST', '/keys', { name: 'shared' })).body;
      const within = async (status: number) => {
        const startedMs = performance.now();
        for (;;) {
          const response = await fetch(`${two.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
          await response.text();
          const tookMs = performance.now() - startedMs;
          if (response.status === status || tookMs > 5_000) return tookMs;
          await Bun.sleep(10);
        }
      };
      expect(await within(200)).toBeLessThan(1_000);
      await callAdmin(one.url, 'POST', '/keys/shared/block');
      expect(await within(403)).toBeLessThan(1_000);
      const made = await Promise.all(
        [one, two, one, two, one, two].map(({ url }, at) => callAdmin(url, 'POST', '/teams', { name: `team-${at}` })),
      );
      expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201]);
      expect((await callAdmin(two.url, 'GET', '/audit/verify')).body).toEqual({ isIntact: true, entries: 8 } as never);
    } finally {
      await one.stop();
      await two.stop();
    }
  }, 30_000);

  test('a budget that is moved on one machine is in force on the other within a second', async () => {
    const one = await start('three');
    const two = await start('four');
    try {
      await callAdmin(one.url, 'POST', '/teams', { name: 'bounded', budgets: [{ amount: 5, per: 'day' }] });
      const lineOnTwo = async () => (await callAdmin(two.url, 'GET', '/teams/bounded/budgets')).body.data?.[0]?.limit;
      for (const usd of ['5', '7.5']) {
        await callAdmin(one.url, 'PATCH', '/teams/bounded', { budgets: [{ amount: usd, per: 'day' }] });
        const startedMs = performance.now();
        while (!Bun.deepMatch({ usd }, (await lineOnTwo()) ?? {})) {
          if (performance.now() - startedMs > 5_000) break;
          await Bun.sleep(10);
        }
        expect(performance.now() - startedMs).toBeLessThan(1_000);
      }
      const reset = await callAdmin(two.url, 'POST', '/teams/bounded/reset-budgets');
      expect([reset.status, reset.body.version]).toEqual([200, 4]);
    } finally {
      await one.stop();
      await two.stop();
    }
  }, 30_000);
});
