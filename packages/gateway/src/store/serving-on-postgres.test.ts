import { expect, test } from 'bun:test';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '../compose.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { onPostgres } from './each-database.test-support.ts';

onPostgres((here) => {
  test('a gateway answers while its server is away, and its rows are there when it is back', async () => {
    const emulator = await startEmulator();
    const folder = await mkdtemp(join(tmpdir(), 'turnpike-serving-'));
    const configFile = join(folder, 'turnpike.yaml');
    const endpoint = { provider: 'openai', model: 'm', baseUrl: `${emulator.url}/v1`, apiKey: 'sk-upstream-0123' };
    const price = { input: 1, output: 2 };
    await writeFile(configFile, JSON.stringify({ models: [{ name: 'chat', endpoints: [{ ...endpoint, price }] }] }));
    const start = () =>
      startGateway({
        configFile,
        port: 0,
        environment: {
          DATABASE_URL: here.place.url,
          TURNPIKE_DATA_DIR: join(folder, 'data'),
          TURNPIKE_ADMIN_KEY: ADMIN_KEY,
        },
        log: new Log({ write() {} }),
      });
    let gateway = await start();
    const ask = async () => {
      const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
        body: JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] }),
      });
      await answer.text();
      return { status: answer.status, id: answer.headers.get('x-turnpike-exchange-id') ?? '' };
    };
    try {
      const ids: string[] = [];
      const askTimes = async (times: number) => {
        for (let at = 0; at < times; at++) {
          const { status, id } = await ask();
          expect(status).toBe(200);
          ids.push(id);
        }
      };
      await askTimes(3);
      await gateway.flush();
      await here.server.pause();
      const startedAt = performance.now();
      await askTimes(20);
      expect(performance.now() - startedAt).toBeLessThan(3_000);
      // Long enough for what polls the store to meet the absence.
      await Bun.sleep(1_500);
      await askTimes(2);
      await here.server.resume();
      await askTimes(1);
      // Stopping writes what is left.
      await gateway.stop();
      gateway = await start();
      const rows = await gateway.store.recentExchanges({ limit: 100 });
      expect(rows.map(({ id }) => id).sort()).toEqual(ids.sort());
      expect(new Set(rows.map(({ costNanoUsd }) => typeof costNanoUsd))).toEqual(new Set(['bigint']));
    } finally {
      await gateway.stop();
      await emulator.stop();
      await rm(folder, { recursive: true });
    }
  }, 60_000);
});
