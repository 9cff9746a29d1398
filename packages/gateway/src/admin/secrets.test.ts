import { afterAll, beforeAll, expect, test } from 'bun:test';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Gateway, startGateway } from '../compose.ts';
import { sha256Hex } from '../policy/identify.ts';
import { Log } from '../telemetry/log.ts';
import { callAdmin } from './admin-house.test-support.ts';

const ADMIN = 'sk-admin-key-of-this-test-0123456789';
const OWN = 'own-key-of-this-test-0123456789';
let dataDir: string;
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
  gateway = await startGateway({
    port: 0,
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
  for (const path of [
    '/keys',
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
});
afterAll(async () => {
  await gateway.stop();
  rmSync(dataDir, { recursive: true });
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

test("the server's secret is in its file only", () => {
  const secret = readFileSync(join(dataDir, 'secret.key'), 'utf8').trim();
  const found = [...everything()].filter(([, text]) => text.includes(secret)).map(([path]) => path);
  expect(found).toEqual([join(dataDir, 'secret.key')]);
});

test('digests by which keys are found leave the database neither by answers nor by the log', () => {
  const texts = everything();
  expect(`${texts.get('answers')}${texts.get('log')}`).not.toMatch(/igest/);
});
