import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { sha256Hex } from '../policy/identify.ts';
import { backUp } from '../store/upkeep/backup.ts';
import { Log } from '../telemetry/log.ts';
import { callAdmin } from './admin-house.test-support.ts';

const ADMIN = 'sk-admin-key-of-this-test-0123456789';
const OWN = 'own-key-of-this-test-0123456789';
/** Of no shape that is known, so that only its value gives it away. */
const UPSTREAM = ['upstream.secret.one.0123456789', 'upstream.secret.two.0123456789', 'account.header.of.ours.01'];
/** A provider that repeats what it was sent. */
const parrot = Bun.serve({
  port: 0,
  fetch: ({ headers }) =>
    Response.json({ error: { message: JSON.stringify(Object.fromEntries(headers)) } }, { status: 401 }),
});
let dataDir: string;
let configFile: string;
let gateway: Gateway;
const lines: string[] = [];
const answers: string[] = [];
const keys: string[] = [];

const call = async (
  method: string,
  path: string,
  body?: unknown,
  more: { key?: string; headers?: Record<string, string> } = {},
) => {
  const answer = await callAdmin(gateway.url, method, path, body, { key: ADMIN, ...more });
  const { key } = answer.body;
  if (typeof key === 'string') keys.push(key);
  // The one answer that shows a key is meant to.
  answers.push(typeof key === 'string' ? answer.text.replace(key, '') : answer.text);
  return answer;
};

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'turnpike-secrets-'));
  configFile = join(mkdtempSync(join(tmpdir(), 'turnpike-secrets-')), 'turnpike.yaml');
  const endpoints = [{ provider: 'parrot', model: 'm', credential: 'main' }];
  const providers = [{ id: 'parrot', baseUrl: `http://127.0.0.1:${parrot.port}/v1` }];
  writeFileSync(configFile, JSON.stringify({ sandbox: true, providers, models: [{ name: 'parrot', endpoints }] }));
  gateway = await startGateway({
    port: 0,
    configFile,
    environment: { TURNPIKE_DATA_DIR: dataDir, TURNPIKE_ADMIN_KEY: ADMIN },
    log: new Log({ level: 'debug', write: (line) => void lines.push(line) }),
  });
  const headers = { 'idempotency-key': 'once' };
  await call('POST', '/keys', { name: 'made' }, { headers });
  await call('POST', '/keys', { name: 'made' }, { headers });
  await call('POST', '/keys', { name: 'own', key: OWN }, { headers: { 'idempotency-key': 'own' } });
  await call('POST', '/keys', { name: 'own-again', key: OWN });
  await call('POST', '/keys', { name: 'wrong', key: OWN, sha256: sha256Hex(OWN) });
  await call('POST', '/keys', `{"name": "broken", "key": "${OWN}"`);
  await call('POST', '/keys', { name: 'x', colour: OWN });
  await call('POST', '/keys/made/rotate', { graceMs: 60_000 });
  await call('GET', '/teams', undefined, { key: OWN });
  await call('GET', '/teams', undefined, { key: `${OWN}-mistyped` });
  await useCredentials();
  for (const path of [
    '/keys',
    '/credentials',
    '/credentials/main',
    '/keys/made',
    '/keys/made/policy',
    '/audit',
    '/audit/export',
    '/info',
    '/endpoints',
    '/logs',
  ]) {
    await call('GET', path);
  }
  for (const key of [...keys, OWN]) {
    await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ model: 'sandbox/echo', messages: [{ role: 'user', content: 'Hello.' }] }),
    });
  }
  await gateway.flush();
  await backUp({ dataDir }, join(dataDir, 'copy.backup'));
});

async function useCredentials(): Promise<void> {
  const [one = '', two = '', header = ''] = UPSTREAM;
  const made = { name: 'main', provider: 'parrot', secret: one };
  const ask = async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN}` },
      body: JSON.stringify({ model: 'parrot', messages: [{ role: 'user', content: 'Hello.' }] }),
    });
    const text = await response.text();
    expect(text).toContain('[redacted]');
    answers.push(text);
  };
  const headers = { 'idempotency-key': 'credential' };
  await call('POST', '/credentials', made, { headers });
  await call('POST', '/credentials', made, { headers });
  await call('POST', '/credentials', { ...made, secret: two }, { headers });
  await call('POST', '/credentials', { ...made, headers: { 'x a': header } });
  await call('POST', '/credentials', made);
  await ask();
  await call('PATCH', '/credentials/main', { headers: { 'x-account': header } });
  await ask();
  await call('PATCH', '/credentials/main', { secret: two });
  await ask();
  await call('PATCH', '/credentials/main', { secret: one, colour: two });
  await call('PATCH', '/credentials/main', `{"secret": "${one}"`);
}

afterAll(async () => {
  await gateway.stop();
  await parrot.stop(true);
  for (const folder of [dataDir, dirname(configFile)]) rmSync(folder, { recursive: true });
});

function files(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? files(path) : [path];
  });
}

/** Texts by where they stand; the file of the secret is where the secret belongs. */
function everything(): Map<string, string> {
  const texts = new Map(files(dataDir).map((path) => [path, readFileSync(path, 'latin1')]));
  return texts.set('log', lines.join('')).set('answers', answers.join('\n'));
}

test('keys are nowhere in clear: not in the database, not in the log, not in answers, not as plain digests', () => {
  expect(keys).toHaveLength(2);
  const secrets = [...keys, OWN, ADMIN].flatMap((key) => [key, key.slice(8), sha256Hex(key)]);
  const texts = everything();
  expect([...texts.keys()].some((path) => path.endsWith('turnpike.db'))).toBe(true);
  expect([...texts.values()].join('')).toContain('"name":"made"');
  for (const secret of secrets) {
    const found = [...texts].filter(([, text]) => text.includes(secret)).map(([path]) => path);
    expect([secret, found]).toEqual([secret, []]);
  }
});

test('credentials of providers are nowhere in clear: not in the database or its backup, the log, answers or the audit', () => {
  const texts = everything();
  expect([...texts.keys()].some((path) => path.endsWith('copy.backup'))).toBe(true);
  expect(texts.get('answers')).toContain('credentials.update');
  for (const secret of UPSTREAM) {
    for (const form of [secret, btoa(secret), encodeURIComponent(secret), sha256Hex(secret)]) {
      const found = [...texts].filter(([, text]) => text.includes(form)).map(([path]) => path);
      expect([form, found]).toEqual([form, []]);
    }
  }
});

test("the server's secret is in its file only", () => {
  const secret = readFileSync(join(dataDir, 'secret.key'), 'utf8').trim();
  const found = [...everything()].filter(([, text]) => text.includes(secret)).map(([path]) => path);
  expect(found).toEqual([join(dataDir, 'secret.key')]);
});

test('digests by which keys are found leave the database neither by answers nor by the log', () => {
  const texts = everything();
  expect(`${texts.get('answers')}${texts.get('log')}`).not.toMatch(/igest/);
});
