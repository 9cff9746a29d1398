/**
 * Keys over two gateways on one database, and what other gateways are known to get wrong about them: cached keys that
 * outlive a change, or bring an older state back.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Emulator, startEmulator } from '@turnpike/emulator/emulator.ts';
import { type Gateway, startGateway } from '@turnpike/gateway/compose.ts';

const ADMIN = 'sk-admin-of-the-keys';
/** Within it a change must be in force everywhere. */
const EVERYWHERE_MS = 1_000;

let emulator: Emulator;
let folder: string;
let one: Gateway;
let two: Gateway;

beforeAll(async () => {
  emulator = await startEmulator();
  emulator.script([{ text: 'answer', usage: { input: 10, output: 5 } }], { repeat: true });
  folder = mkdtempSync(join(tmpdir(), 'turnpike-keys-'));
  const configFile = join(folder, 'turnpike.yaml');
  const provider = { id: 'up', dialect: 'openai-chat', baseUrl: `${emulator.url}/v1`, apiKey: 'upstream-key' };
  writeFileSync(
    configFile,
    JSON.stringify({
      adminKey: ADMIN,
      discovery: false,
      sandbox: false,
      providers: [provider],
      models: ['alpha', 'beta'].map((name) => ({ name, endpoints: [`up/${name}`] })),
    }),
  );
  const environment = { TURNPIKE_DATA_DIR: folder };
  one = await startGateway({ configFile, port: 0, environment });
  two = await startGateway({ configFile, port: 0, environment });
});
afterAll(async () => {
  await one.stop();
  await two.stop();
  await emulator.stop();
  rmSync(folder, { recursive: true });
});

let names = 0;
const fresh = (what: string) => `${what}-${++names}`;
let web: { id: string; name: string };
let secret: string;
let keyName: string;

beforeEach(async () => {
  web = await admin('POST', '/teams', { name: fresh('web') });
  keyName = fresh('key');
  secret = (await admin('POST', '/keys', { name: keyName, teamId: web.id })).key;
  for (const gateway of [one, two]) await becomes(gateway, 200);
});

async function admin(method: string, path: string, body?: object) {
  const response = await fetch(`${one.url}/admin/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN}`, 'content-type': 'application/json' },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? {} : JSON.parse(text);
}

async function ask({ url }: Gateway, model = 'alpha'): Promise<number> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, max_tokens: 10, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  await response.text();
  return response.status;
}

/** Waits until calls are answered so; fails when that takes longer than a change may. */
async function becomes(gateway: Gateway, status: number, model?: string): Promise<void> {
  const untilMs = performance.now() + EVERYWHERE_MS;
  for (let last = 0; last !== status; ) {
    last = await ask(gateway, model);
    if (last !== status && performance.now() > untilMs) throw new Error(`Still ${last}, not ${status}.`);
  }
}

/** Traffic on both, so that every cache there is has the key, while something is changed. */
async function underTraffic(change: () => Promise<unknown>): Promise<void> {
  let isOver = false;
  const traffic = [one, two].map(async (gateway) => {
    while (!isOver) await ask(gateway);
  });
  await Bun.sleep(50);
  await change();
  await Bun.sleep(300);
  isOver = true;
  await Promise.all(traffic);
}

describe('peers’ defects', () => {
  test('a blocked key is refused by the gateway that did not block it, too', async () => {
    await underTraffic(() => admin('POST', `/keys/${keyName}/block`));
    for (const gateway of [one, two]) await becomes(gateway, 403);
    await admin('POST', `/keys/${keyName}/unblock`);
    for (const gateway of [one, two]) await becomes(gateway, 200);
  });

  test('accounting for traffic never brings an older state of a key back', async () => {
    await underTraffic(() => admin('PATCH', `/keys/${keyName}`, { policy: { models: ['beta'] } }));
    for (const gateway of [one, two]) await becomes(gateway, 403, 'alpha');
    for (const gateway of [one, two]) {
      await gateway.flush();
      expect([await ask(gateway, 'alpha'), await ask(gateway, 'beta')]).toEqual([403, 200]);
    }
    expect((await admin('GET', `/keys/${keyName}`)).policy.models).toEqual(['beta']);
  });

  test('a narrower list of models of a team holds for its keys at once', async () => {
    await underTraffic(() => admin('PATCH', `/teams/${web.name}`, { policy: { models: ['beta'] } }));
    for (const gateway of [one, two]) await becomes(gateway, 403, 'alpha');
    for (const gateway of [one, two]) await becomes(gateway, 200, 'beta');
  });

  test('a blocked team takes its keys along', async () => {
    await underTraffic(() => admin('PATCH', `/teams/${web.name}`, { isBlocked: true }));
    for (const gateway of [one, two]) await becomes(gateway, 403);
  });

  test('no team is deleted from under keys that go on working', async () => {
    await expect(admin('DELETE', `/teams/${web.name}`)).rejects.toThrow('409');
    await admin('DELETE', `/keys/${keyName}`);
    await admin('DELETE', `/teams/${web.name}`);
    for (const gateway of [one, two]) await becomes(gateway, 401);
  });

  test('a rotated key is replaced everywhere; the old one ends with its grace', async () => {
    const old = secret;
    const { key } = await admin('POST', `/keys/${keyName}/rotate`, { graceMs: 600 });
    for (secret of [key, old]) for (const gateway of [one, two]) await becomes(gateway, 200);
    await Bun.sleep(700);
    for (const gateway of [one, two]) await becomes(gateway, 401);
    secret = key;
    for (const gateway of [one, two]) await becomes(gateway, 200);
  });
});
