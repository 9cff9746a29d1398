import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { sha256Hex } from '../policy/identify.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { type AdminTestHouse, callAdmin, startAdminTestHouse } from './admin-house.test-support.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
});
afterAll(() => admin.house.stop());

let count = 0;
const fresh = () => `k-${++count}`;
const messages = [{ role: 'user', content: 'Hello.' }];

async function refusal(key: string, path: string, body: object): Promise<string> {
  const response = await admin.house.post(path, { messages, ...body }, { headers: { authorization: `Bearer ${key}` } });
  const { error } = (await response.json()) as { error?: { code?: string; message?: string } };
  return response.ok ? 'served' : (error?.code ?? error?.message ?? '');
}

describe('a policy in traffic', () => {
  test('models: asked for, listed, and fallen back to', async () => {
    const key = await admin.newKey({ name: fresh(), policy: { models: ['cha*'] } });
    expect([await admin.chat(key, 'chat'), await admin.chat(key, 'claude')]).toEqual([200, 403]);
    const listed = await fetch(`${admin.house.gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } });
    const { data } = (await listed.json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['chat']);
  });

  test('providers and endpoints: what is not allowed is left out of the plan', async () => {
    const key = await admin.newKey({ name: fresh(), policy: { providers: ['anthropic'] } });
    expect(await refusal(key, '/v1/chat/completions', { model: 'either' })).toBe('served');
    expect(await admin.house.lastRow()).toMatchObject({ provider: 'anthropic', endpoint: 'second' });
    expect((await admin.house.lastRow()).plan.join()).toContain('first: left out');
    expect(await refusal(key, '/v1/chat/completions', { model: 'chat' })).toBe('model_forbidden');
    const narrow = await admin.newKey({ name: fresh(), policy: { endpoints: ['fir*'] } });
    expect(await refusal(narrow, '/v1/chat/completions', { model: 'either' })).toBe('served');
    expect((await admin.house.lastRow()).endpoint).toBe('first');
    expect(await refusal(narrow, '/v1/chat/completions', { model: 'chat' })).toBe('model_forbidden');
  });

  test('operations', async () => {
    const key = await admin.newKey({ name: fresh(), policy: { operations: ['generate'] } });
    expect(await refusal(key, '/v1/messages', { model: 'claude', max_tokens: 9 })).toBe('served');
    expect(await refusal(key, '/v1/messages/count_tokens', { model: 'claude' })).toContain(
      'may not use "count-tokens"',
    );
  });

  test('output: more is refused, none asked for becomes the bound', async () => {
    const key = await admin.newKey({ name: fresh(), policy: { outputTokensMax: 50 } });
    const sent = () => admin.house.emulator.requests.at(-1)?.json;
    for (const field of ['max_tokens', 'max_completion_tokens']) {
      expect(await refusal(key, '/v1/chat/completions', { model: 'chat', [field]: 51 })).toBe('output_forbidden');
      expect(await refusal(key, '/v1/chat/completions', { model: 'chat', [field]: 50 })).toBe('served');
      expect(sent()).toMatchObject({ [field]: 50 });
    }
    expect(await refusal(key, '/v1/chat/completions', { model: 'chat' })).toBe('served');
    expect(sent()).toMatchObject({ max_completion_tokens: 50 });
    expect(await refusal(key, '/v1/chat/completions', { model: 'chat', max_tokens: null })).toBe('served');
    expect(sent()).toMatchObject({ max_completion_tokens: 50 });
    expect(await refusal(key, '/v1/messages', { model: 'claude', max_tokens: 51 })).toContain('at most 50');
  });

  test('addresses', async () => {
    const here = await admin.newKey({ name: fresh(), policy: { ipAllow: ['127.0.0.0/8', '::1'] } });
    const elsewhere = await admin.newKey({ name: fresh(), policy: { ipAllow: ['10.0.0.0/8'] } });
    expect([await admin.chat(here), await admin.chat(elsewhere)]).toEqual([200, 403]);
    const forwarded = { authorization: `Bearer ${elsewhere}`, 'x-forwarded-for': '10.0.0.1' };
    const response = await admin.house.post(
      '/v1/chat/completions',
      { model: 'chat', messages },
      { headers: forwarded },
    );
    expect(response.status).toBe(403);
  });

  test('a level above holds at once, for keys there already', async () => {
    const team = fresh();
    await admin.call('POST', '/teams', { name: team });
    const key = await admin.newKey({ name: fresh(), teamId: team });
    expect(await admin.chat(key)).toBe(200);
    await admin.call('PATCH', `/teams/${team}`, { policy: { models: ['claude'] } });
    expect(await admin.chat(key)).toBe(403);
    await admin.call('PATCH', `/teams/${team}`, { policy: null });
    expect(await admin.chat(key)).toBe(200);
    await admin.call('PATCH', `/teams/${team}`, { isBlocked: true });
    expect(await admin.chat(key)).toBe(403);
  });
});

describe('keys', () => {
  test('custom and imported ones work, and are there once', async () => {
    const own = 'my-own-key-of-some-length';
    expect((await admin.call('POST', '/keys', { name: fresh(), key: own })).body).not.toHaveProperty('key');
    expect(await admin.chat(own)).toBe(200);
    const imported = 'sk-from-another-gateway';
    const made = await admin.call('POST', '/keys', { name: fresh(), sha256: sha256Hex(imported) });
    expect(made.body.source).toBe('imported');
    expect(await admin.chat(imported)).toBe(200);
    for (const fields of [{ key: imported.padEnd(23) }, { sha256: sha256Hex(own) }, { sha256: sha256Hex(ADMIN_KEY) }]) {
      expect((await admin.call('POST', '/keys', { name: fresh(), ...fields })).status).not.toBe(201);
    }
  });

  test('rotated with grace, the old one goes on for that long', async () => {
    const name = fresh();
    const first = await admin.newKey({ name });
    const second = (await admin.call('POST', `/keys/${name}/rotate`, { graceMs: 300 })).body.key;
    expect([await admin.chat(first), await admin.chat(second)]).toEqual([200, 200]);
    await Bun.sleep(310);
    expect([await admin.chat(first), await admin.chat(second)]).toEqual([401, 200]);
    const third = (await admin.call('POST', `/keys/${name}/rotate`)).body.key;
    expect([await admin.chat(first), await admin.chat(second), await admin.chat(third)]).toEqual([401, 401, 200]);
  });

  test('blocked, unblocked and deleted ones, at once', async () => {
    const name = fresh();
    const key = await admin.newKey({ name });
    await admin.call('POST', `/keys/${name}/block`);
    expect(await admin.chat(key)).toBe(403);
    await admin.call('POST', `/keys/${name}/unblock`);
    expect(await admin.chat(key)).toBe(200);
    await admin.call('DELETE', `/keys/${name}`);
    expect(await admin.chat(key)).toBe(401);
  });
});

describe('gateways on one database', () => {
  const gateways: Gateway[] = [];
  let dataDir = '';
  afterEach(async () => {
    for (const gateway of gateways.splice(0)) await gateway.stop();
    rmSync(dataDir, { recursive: true });
  });

  async function start(secret?: string): Promise<Gateway> {
    const gateway = await startGateway({
      port: 0,
      environment: {
        TURNPIKE_DATA_DIR: dataDir,
        TURNPIKE_ADMIN_KEY: ADMIN_KEY,
        ...(secret !== undefined && { TURNPIKE_SECRET: secret }),
      },
      log: new Log({ write: () => undefined }),
    });
    gateways.push(gateway);
    return gateway;
  }

  const models = async (gateway: Gateway, key: string) =>
    (await fetch(`${gateway.url}/v1/models`, { headers: { authorization: `Bearer ${key}` } })).status;

  test('a key made or revoked in one holds in the other within a second, and after a restart', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'turnpike-two-'));
    const [one, two] = [await start(), await start()];
    const { key } = (await callAdmin(one.url, 'POST', '/keys', { name: 'shared' })).body;
    const within = async (status: number) => {
      const startedMs = performance.now();
      while ((await models(two, key)) !== status && performance.now() - startedMs < 5_000) await Bun.sleep(10);
      return performance.now() - startedMs;
    };
    expect(await models(one, key)).toBe(200);
    expect(await within(200)).toBeLessThan(1_000);
    await callAdmin(one.url, 'POST', '/keys/shared/block');
    expect(await models(one, key)).toBe(403);
    expect(await within(403)).toBeLessThan(1_000);
    await callAdmin(two.url, 'POST', '/keys/shared/unblock');
    await two.stop();
    gateways.splice(1);
    expect(await models(await start(), key)).toBe(200);
  });

  test('a budget that is moved in one is in force in the other within a second, and after a restart', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'turnpike-two-'));
    const [one, two] = [await start(), await start()];
    const lines = async (gateway: Gateway) =>
      (await callAdmin(gateway.url, 'GET', '/teams/web/budgets')).body.data?.map(({ limit }) => limit);
    await callAdmin(one.url, 'POST', '/teams', { name: 'web', budgets: [{ amount: 5, per: 'day' }] });
    for (const amount of ['7', '9']) {
      await callAdmin(one.url, 'PATCH', '/teams/web', { budgets: [{ amount, per: 'day' }] });
      expect(await lines(one)).toMatchObject([{ usd: amount }]);
      const startedMs = performance.now();
      while (!Bun.deepMatch([{ usd: amount }], await lines(two)) && performance.now() - startedMs < 5_000)
        await Bun.sleep(10);
      expect(performance.now() - startedMs).toBeLessThan(1_000);
    }
    await two.stop();
    gateways.splice(1);
    expect(await lines(await start())).toMatchObject([{ usd: '9' }]);
  });

  test('one with another secret does not start', async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'turnpike-two-'));
    const one = await start();
    await callAdmin(one.url, 'POST', '/keys', { name: 'shared' });
    await expect(start('another secret of thirty-two characters')).rejects.toThrow('The secret is not the one');
  });
});
