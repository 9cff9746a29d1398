import { expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { onPostgres } from '../store/each-database.test-support.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { callAdmin } from './admin-house.test-support.ts';

onPostgres((here) => {
  test('what is changed on one machine is in force on the other within a second, and no secret is anywhere in clear', async () => {
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
    const chat = async (model: string) => {
      const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello.' }] });
      const headers = { authorization: `Bearer ${ADMIN_KEY}` };
      const response = await fetch(`${two.url}/v1/chat/completions`, { method: 'POST', headers, body });
      await response.text();
      return response.status;
    };
    /** Milliseconds until it is so. */
    const until = async (isSo: () => Promise<boolean>) => {
      const startedMs = performance.now();
      while (!(await isSo()) && performance.now() - startedMs < 5_000) await Bun.sleep(10);
      return performance.now() - startedMs;
    };
    const answers = (model: string, status: number) => until(async () => (await chat(model)) === status);
    const arrives = (secret: string) =>
      until(async () => {
        await chat('chat');
        return emulator.requests.at(-1)?.headers.get('authorization') === `Bearer ${secret}`;
      });
    const secrets = ['upstream.secret.one.0001', 'upstream.secret.two.0002', 'upstream.secret.three.03'];
    try {
      const [first, second, third] = secrets;
      await callAdmin(one.url, 'POST', '/credentials', { name: 'main', provider: 'emu', secret: first });
      expect(await arrives(String(first))).toBeLessThan(1_000);
      await callAdmin(one.url, 'PATCH', '/credentials/main', { secret: second });
      expect(await arrives(String(second))).toBeLessThan(1_000);
      await callAdmin(one.url, 'POST', '/credentials/main/rotate', { secret: third, graceMs: 60_000 });
      expect(await arrives(String(third))).toBeLessThan(1_000);
      const made = { name: 'made', endpoints: [{ provider: 'emu', model: 'm', credential: 'main' }] };
      await callAdmin(one.url, 'POST', '/models', made);
      expect(await answers('made', 200)).toBeLessThan(1_000);
      await callAdmin(one.url, 'DELETE', '/models/made');
      expect(await answers('made', 404)).toBeLessThan(1_000);
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
