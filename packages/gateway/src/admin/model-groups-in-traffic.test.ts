import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { onEachDatabase } from '../store/each-database.test-support.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, callAdmin, startAdminTestHouse } from './admin-house.test-support.ts';

/** A machine with more to do than it has cores for may take longer. */
const WITHIN_MS = process.env.CI || (loadavg()[0] ?? 0) > availableParallelism() ? 3_000 : 1_000;
const FILED = 'sk-key-of-the-file-01';
const NARROW = 'sk-key-of-the-file-02';
const endpoints = [{ provider: 'emu', model: 'm', price: { input: 1, output: 2 } }];
const configured = (upstream: string, groups: object) => ({
  defaults: { retries: 0 },
  providers: [{ id: 'emu', baseUrl: `${upstream}/v1`, apiKey: 'sk-shared-000001' }],
  models: ['chat', 'fast-1', 'fast-2', 'large'].map((name) => ({ name, endpoints })),
  modelGroups: groups,
  keys: [
    { name: 'filed', key: FILED, models: ['chat'], modelGroups: ['quick', 'stored'] },
    { name: 'narrow', key: NARROW, policy: { models: ['large'], modelGroups: ['stored'] } },
  ],
});

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse({ yaml: JSON.stringify(configured('{{upstream}}', { quick: ['fast-*'] })) });
});
afterAll(() => admin.house.stop());

/** The models of which the key may use any. */
async function usable(key: string): Promise<string[]> {
  const found: string[] = [];
  for (const model of ['chat', 'fast-1', 'fast-2', 'large']) {
    const status = await admin.chat(key, model);
    expect([200, 403]).toContain(status);
    if (status === 200) found.push(model);
  }
  const listed = await fetch(`${admin.house.gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
  const { data } = (await listed.json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id).sort()).toEqual([...found].sort());
  return found;
}

test('a group of the file holds for keys of the file, and for stored keys, teams and end users', async () => {
  expect(await usable(FILED)).toEqual(['chat', 'fast-1', 'fast-2']);
  const key = await admin.newKey({ name: 'own', policy: { modelGroups: ['quick'] } });
  expect(await usable(key)).toEqual(['fast-1', 'fast-2']);
  await admin.call('POST', '/teams', { name: 'web', policy: { models: ['large'], modelGroups: ['quick'] } });
  const ofTeam = await admin.newKey({ name: 'of-web', teamId: 'web', policy: { models: ['*-1', 'large', 'chat'] } });
  expect(await usable(ofTeam)).toEqual(['fast-1', 'large']);
  await admin.call('POST', '/end-users', { name: 'ann', policy: { modelGroups: ['quick'] } });
  const asAnn = async (model: string) => {
    const body = { model, user: 'ann', messages: [{ role: 'user', content: 'Hello.' }] };
    return (await admin.house.post('/v1/chat/completions', body)).status;
  };
  expect([await asAnn('fast-1'), await asAnn('large')]).toEqual([200, 403]);
});

test('a stored group holds for a key of the file, as it is at the time', async () => {
  await admin.call('POST', '/model-groups', { name: 'stored', models: ['large'] });
  expect(await usable(FILED)).toEqual(['chat', 'fast-1', 'fast-2', 'large']);
  await admin.call('PATCH', '/model-groups/stored', { models: ['chat'] });
  expect(await usable(NARROW)).toEqual(['chat', 'large']);
  await admin.call('PATCH', '/model-groups/stored', { models: ['nothing-*'] });
  expect(await usable(FILED)).toEqual(['chat', 'fast-1', 'fast-2']);
  await admin.call('DELETE', '/model-groups/stored');
  expect(await usable(FILED)).toEqual(['chat', 'fast-1', 'fast-2']);
});

test('the effective policy shows what the groups are, and the file is read again', async () => {
  const shown = async () => (await admin.call('GET', '/keys/own/policy')).body;
  const own = await admin.newKey({ name: 'lost', policy: { modelGroups: ['gone'] } });
  expect(await usable(own)).toEqual([]);
  expect((await admin.call('GET', '/keys/lost/policy')).body).toMatchObject({
    modelGroups: [{ name: 'gone', models: null }],
    effective: { models: [[]] },
  });
  expect(await shown()).toMatchObject({
    levels: [{ kind: 'key', policy: { modelGroups: ['quick'] } }],
    modelGroups: [{ name: 'quick', models: ['fast-*'] }],
    effective: { models: [['fast-*']] },
  });
  const { house } = admin;
  writeFileSync(house.configFile, JSON.stringify(configured(house.emulator.url, { quick: ['fast-2', 'large'] })));
  await house.gateway.reload();
  for (
    let tries = 0;
    tries < 100 && !Bun.deepMatch({ effective: { models: [['fast-2', 'large']] } }, await shown());
    tries++
  )
    await Bun.sleep(10);
  expect(await shown()).toMatchObject({ effective: { models: [['fast-2', 'large']] } });
  expect(await usable(FILED)).toEqual(['chat', 'fast-2', 'large']);
  expect((await admin.call('GET', '/keys/own')).body.policy).toEqual({ modelGroups: ['quick'] } as never);
});

test("a group's name in the file is the file's", async () => {
  const taken = await admin.call('POST', '/model-groups', { name: 'quick', models: ['*'] });
  expect(taken).toMatchObject({ status: 409, body: { error: { code: 'record_conflict', field: 'name' } } });
});

onEachDatabase((here) => {
  test('who joins or leaves a group on one machine is in it, or not, on the other within a second', async () => {
    const emulator = await startEmulator();
    mkdirSync(here.place.dataDir, { recursive: true });
    const configFile = join(here.place.dataDir, 'turnpike.yaml');
    writeFileSync(configFile, JSON.stringify(configured(emulator.url, {})));
    const start = (): Promise<Gateway> =>
      startGateway({
        port: 0,
        configFile,
        environment: {
          TURNPIKE_DATA_DIR: here.place.dataDir,
          ...(here.place.url !== undefined && { DATABASE_URL: here.place.url }),
          TURNPIKE_ADMIN_KEY: ADMIN_KEY,
          TURNPIKE_SECRET: 'a secret that both machines share, long enough',
        },
        log: new Log({ write: () => undefined }),
      });
    const one = await start();
    const two = await start();
    const chat = async (key: string) => {
      const body = JSON.stringify({ model: 'large', messages: [{ role: 'user', content: 'Hello.' }] });
      const headers = { authorization: `Bearer ${key}` };
      const response = await fetch(`${two.url}/v1/chat/completions`, { method: 'POST', headers, body });
      await response.text();
      return response.status;
    };
    const tookMs = async (keys: readonly string[], status: number) => {
      const startedMs = performance.now();
      for (const key of keys) {
        while ((await chat(key)) !== status && performance.now() - startedMs < 5_000) await Bun.sleep(10);
      }
      return performance.now() - startedMs;
    };
    try {
      await callAdmin(one.url, 'POST', '/model-groups', { name: 'stored', models: ['chat'] });
      const policy = { modelGroups: ['stored'] };
      const { key } = (await callAdmin(one.url, 'POST', '/keys', { name: 'own', policy })).body;
      expect(await tookMs([key, FILED], 403)).toBeLessThan(WITHIN_MS);
      await callAdmin(one.url, 'PATCH', '/model-groups/stored', { models: ['chat', 'lar*'] });
      expect(await tookMs([key, FILED], 200)).toBeLessThan(WITHIN_MS);
      await callAdmin(one.url, 'PATCH', '/model-groups/stored', { models: ['chat'] });
      expect(await tookMs([key, FILED], 403)).toBeLessThan(WITHIN_MS);
    } finally {
      await one.stop();
      await two.stop();
      await emulator.stop();
    }
  }, 30_000);
});
