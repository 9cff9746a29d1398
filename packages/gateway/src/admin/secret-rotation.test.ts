import { afterEach, beforeEach, expect, test } from 'bun:test';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { runSecretCommand } from '../cli/secret-command.ts';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { digestKeysOf } from '../identity/secret-digest.ts';
import { onEachDatabase, type TestPlace } from '../store/each-database.test-support.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { callAdmin } from './admin-house.test-support.ts';

const OLD = 'the old server secret, long enough for anybody';
const NEW = 'the new server secret, long enough for anybody';
const UPSTREAM = ['upstream.secret.one.0001', 'upstream.secret.two.0002', 'upstream.secret.three.03'] as const;

let emulator: Emulator;
let running: Gateway[] = [];
let lines: string[] = [];
beforeEach(async () => {
  emulator = await startEmulator();
});
afterEach(async () => {
  for (const gateway of running) await gateway.stop();
  await emulator.stop();
  running = [];
  lines = [];
});

async function start(here: TestPlace, environment: Record<string, string>): Promise<Gateway> {
  const { dataDir, url } = here.place;
  mkdirSync(dataDir, { recursive: true });
  const configFile = join(dataDir, 'turnpike.yaml');
  const endpoints = [{ provider: 'emu', model: 'm', credential: 'main' }];
  const providers = [{ id: 'emu', baseUrl: `${emulator.url}/v1` }];
  const models = [
    { name: 'chat', endpoints },
    { name: 'own', endpoints: [{ provider: 'emu', model: 'm' }] },
  ];
  writeFileSync(configFile, JSON.stringify({ server: { shutdownGraceMs: 1_000 }, providers, models }));
  const gateway = await startGateway({
    port: 0,
    configFile,
    environment: {
      TURNPIKE_DATA_DIR: dataDir,
      TURNPIKE_ADMIN_KEY: ADMIN_KEY,
      ...(url !== undefined && { DATABASE_URL: url }),
      ...environment,
    },
    log: new Log({ write: (line) => void lines.push(line) }),
  });
  running.push(gateway);
  return gateway;
}

async function stop(gateway: Gateway): Promise<void> {
  running = running.filter((other) => other !== gateway);
  await gateway.stop();
}

/** The status, and the credential that arrived at the provider. */
async function chat({ url }: Gateway, key: string, model = 'chat') {
  const before = emulator.requests.length;
  const body = JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello.' }] });
  const headers = { authorization: `Bearer ${key}` };
  const response = await fetch(`${url}/v1/chat/completions`, { method: 'POST', headers, body });
  await response.text();
  return [response.status, emulator.requests[before]?.headers.get('authorization')?.replace('Bearer ', '')];
}

async function until<T>(ask: () => Promise<T>, wanted: T): Promise<T> {
  const startedMs = performance.now();
  while (!Bun.deepEquals(await ask(), wanted) && performance.now() - startedMs < 5_000) await Bun.sleep(10);
  return ask();
}

onEachDatabase((here) => {
  test('the server secret is changed while gateways run: keys and credentials work all along', async () => {
    const [one, two, three] = UPSTREAM;
    const a = await start(here, { TURNPIKE_SECRET: OLD });
    await callAdmin(a.url, 'POST', '/credentials', { name: 'main', provider: 'emu', secret: one });
    await callAdmin(a.url, 'POST', '/teams', { name: 'web' });
    await callAdmin(a.url, 'POST', '/credentials', { name: 'of-web', provider: 'emu', secret: three, teamId: 'web' });
    const { key } = (await callAdmin(a.url, 'POST', '/keys', { name: 'before', teamId: 'web' })).body;
    const plain = (await callAdmin(a.url, 'POST', '/keys', { name: 'plain' })).body.key;

    // With both, the old one stays in force: gateways that have it alone understand everything.
    const b = await start(here, { TURNPIKE_SECRET: NEW, TURNPIKE_SECRET_PREVIOUS: OLD });
    expect(lines.join('')).toContain('secret rotate');
    expect(await chat(b, plain)).toEqual([200, one]);
    expect(await chat(b, key)).toEqual([200, three]);
    await callAdmin(b.url, 'PATCH', '/credentials/main', { secret: two });
    expect(await until(() => chat(a, plain), [200, two])).toEqual([200, two]);
    await stop(a);
    const c = await start(here, { TURNPIKE_SECRET: NEW, TURNPIKE_SECRET_PREVIOUS: OLD });

    const rotated = await callAdmin(b.url, 'POST', '/secret/rotate');
    expect(rotated).toMatchObject({ status: 200, body: { isRotated: true, credentials: 2, unreadable: [] } });
    for (const gateway of [b, c]) {
      expect(await chat(gateway, plain)).toEqual([200, two]);
      expect(await chat(gateway, key)).toEqual([200, three]);
    }
    // Started before the rotation, and sealing under what is in force after it.
    await callAdmin(c.url, 'PATCH', '/credentials/main', { secret: one });
    const later = (await callAdmin(c.url, 'POST', '/keys', { name: 'later' })).body.key;
    expect((await callAdmin(c.url, 'POST', '/secret/rotate')).body).toMatchObject({ isRotated: false, credentials: 0 });
    await stop(b);
    await stop(c);

    const d = await start(here, { TURNPIKE_SECRET: NEW });
    expect(await chat(d, plain)).toEqual([200, one]);
    expect(await chat(d, later)).toEqual([200, one]);
    expect(await chat(d, key)).toEqual([200, three]);
    expect((await callAdmin(d.url, 'GET', '/audit/verify')).body).toMatchObject({ isIntact: true });
    const audit = await callAdmin(d.url, 'GET', '/audit');
    expect(audit.text).toContain('secret.rotate');
    await expect(start(here, { TURNPIKE_SECRET: OLD })).rejects.toThrow('The secret is not the one');

    await d.flush();
    const tables = ['entity', 'audit_log', 'idempotent_answer', 'meta'];
    const rows = await Promise.all(tables.map((table) => here.ask(`SELECT * FROM ${table}`)));
    const digests = [OLD, NEW].map(digestKeysOf).flatMap(({ keys, audit }) => [keys.toHex(), audit.toHex()]);
    const text =
      JSON.stringify(rows, (_, value) => (typeof value === 'bigint' ? `${value}` : value)) +
      audit.text +
      rotated.text +
      lines.join('');
    expect(text).toContain('digest_keys');
    for (const secret of [...UPSTREAM, OLD, NEW, ...digests]) expect(text).not.toContain(secret);
  }, 60_000);

  test('a gateway that lacks the secret in force goes on with what it knows, and changes no credential', async () => {
    const a = await start(here, { TURNPIKE_SECRET: OLD });
    await callAdmin(a.url, 'POST', '/credentials', { name: 'main', provider: 'emu', secret: UPSTREAM[0] });
    const { key } = (await callAdmin(a.url, 'POST', '/keys', { name: 'web' })).body;
    const b = await start(here, { TURNPIKE_SECRET: NEW, TURNPIKE_SECRET_PREVIOUS: OLD });
    await callAdmin(b.url, 'POST', '/secret/rotate');
    const refused = await callAdmin(a.url, 'PATCH', '/credentials/main', { secret: UPSTREAM[1] });
    expect([refused.status, refused.body.error.code]).toEqual([503, 'store_unavailable']);
    for (const gateway of [a, b]) expect(await chat(gateway, key)).toEqual([200, UPSTREAM[0]]);
  }, 60_000);

  test('a secret of the data folder is changed by moving its file aside; the command says what was done', async () => {
    const { dataDir } = here.place;
    const a = await start(here, {});
    await callAdmin(a.url, 'POST', '/credentials', { name: 'main', provider: 'emu', secret: UPSTREAM[0] });
    const { key } = (await callAdmin(a.url, 'POST', '/keys', { name: 'web' })).body;
    await stop(a);
    const file = join(dataDir, 'secret.key');
    renameSync(file, `${file}.previous`);
    const b = await start(here, {});
    expect(readFileSync(file, 'utf8')).not.toBe(readFileSync(`${file}.previous`, 'utf8'));
    const said: string[] = [];
    const say = (text: string) => void said.push(text);
    const environment = { TURNPIKE_ADMIN_KEY: ADMIN_KEY, TURNPIKE_URL: b.url };
    const run = (...args: string[]) => runSecretCommand(args, environment, { out: say, err: say });
    expect([await run('rotate'), await run('rotate'), await run('burn')]).toEqual([0, 0, 2]);
    expect(said.slice(0, 2)).toEqual([
      'The new secret is in force; credentials encrypted anew: 1.\n',
      'The secret was in force already; credentials encrypted anew: 0.\n',
    ]);
    expect(await chat(b, key)).toEqual([200, UPSTREAM[0]]);
    await stop(b);
    renameSync(`${file}.previous`, `${file}.gone`);
    expect(await chat(await start(here, {}), key)).toEqual([200, UPSTREAM[0]]);
  }, 60_000);
});
