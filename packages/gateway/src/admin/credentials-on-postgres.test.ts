import { expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { type Gateway, startGateway } from '../compose.ts';
import { onPostgres } from '../store/each-database.test-support.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { callAdmin } from './admin-house.test-support.ts';

onPostgres((here) => {
  test('a credential changed on one machine is sent by the other within a second, and is nowhere in clear', async () => {
    const emulator = await startEmulator();
    const endpoints = [{ provider: 'emu', model: 'm', credential: 'main' }];
    const providers = [{ id: 'emu', baseUrl: `${emulator.url}/v1` }];
    const start = (name: string): Promise<Gateway> => {
      const dataDir = join(here.place.dataDir, name);
      mkdirSync(dataDir, { recursive: true });
      const configFile = join(dataDir, 'turnpike.yaml');
      writeFileSync(configFile, JSON.stringify({ providers, models: [{ name: 'chat', endpoints }] }));
      return startGateway({
        port: 0,
        configFile,
        environment: {
          TURNPIKE_DATA_DIR: dataDir,
          DATABASE_URL: here.place.url,
          TURNPIKE_ADMIN_KEY: ADMIN_KEY,
          TURNPIKE_SECRET: 'a secret that both machines share, long enough',
        },
        log: new Log({ write: () => undefined }),
      });
    };
    const one = await start('one');
    const two = await start('two');
    const arrives = async (secret: string) => {
      const startedMs = performance.now();
      while (performance.now() - startedMs < 5_000) {
        const body = JSON.stringify({ model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] });
        const headers = { authorization: `Bearer ${ADMIN_KEY}` };
        await (await fetch(`${two.url}/v1/chat/completions`, { method: 'POST', headers, body })).text();
        if (emulator.requests.at(-1)?.headers.get('authorization') === `Bearer ${secret}`) break;
        await Bun.sleep(10);
      }
      return performance.now() - startedMs;
    };
    const secrets = ['upstream.secret.one.0001', 'upstream.secret.two.0002'];
    try {
      const [first, second] = secrets;
      await callAdmin(one.url, 'POST', '/credentials', { name: 'main', provider: 'emu', secret: first });
      expect(await arrives(String(first))).toBeLessThan(1_000);
      await callAdmin(one.url, 'PATCH', '/credentials/main', { secret: second });
      expect(await arrives(String(second))).toBeLessThan(1_000);
      await one.flush();
      const tables = ['entity', 'audit_log', 'idempotent_answer', 'exchange_log', 'ledger_entry', 'meta'];
      const rows = await Promise.all(
        tables.map((table) => here.ask(`SELECT row_to_json(t)::text AS text FROM ${table} t`)),
      );
      const text = JSON.stringify(rows);
      expect(text).toContain('sealed');
      for (const secret of secrets) expect(text).not.toContain(secret);
    } finally {
      await one.stop();
      await two.stop();
      await emulator.stop();
    }
  }, 30_000);
});
