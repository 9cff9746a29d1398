import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../compose.ts';
import type { Gateway } from '../gateway.ts';
import { Log } from '../telemetry/log.ts';
import { ADMIN_KEY } from '../testing/gateway.test-support.ts';
import { callAdmin } from './admin-house.test-support.ts';

let dataDir: string;
let gateway: Gateway;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'turnpike-audit-'));
  gateway = await startGateway({
    port: 0,
    environment: { TURNPIKE_DATA_DIR: dataDir, TURNPIKE_ADMIN_KEY: ADMIN_KEY },
    log: new Log({ write: () => undefined }),
  });
  for (const name of ['a', 'b', 'c', 'd']) await call('POST', '/teams', { name });
  await call('PATCH', '/teams/b', { isBlocked: true });
});
afterEach(async () => {
  await gateway.stop();
  rmSync(dataDir, { recursive: true });
});

const call = (method: string, path: string, body?: unknown) => callAdmin(gateway.url, method, path, body);

function tamper(sql: string): void {
  const database = new Database(join(dataDir, 'turnpike.db'));
  for (const statement of sql.split(';')) database.run(statement);
  database.close();
}

test('every change is there: who, what, from where, before and after', async () => {
  const { data } = (await call('GET', '/audit')).body;
  expect(data.map(({ seq, action }) => [seq, action])).toEqual([
    [5, 'teams.update'],
    [4, 'teams.create'],
    [3, 'teams.create'],
    [2, 'teams.create'],
    [1, 'teams.create'],
  ]);
  expect(data[0]).toMatchObject({
    actorName: 'admin',
    origin: '127.0.0.1',
    kind: 'team',
    before: { name: 'b', isBlocked: false, version: 1 },
    after: { name: 'b', isBlocked: true, version: 2 },
  });
  const { id } = (await call('GET', '/teams/b')).body;
  expect((await call('GET', `/audit?entityId=${id}&action=teams.create`)).body.data).toHaveLength(1);
  const page = await call('GET', '/audit?limit=2&cursor=4');
  expect([page.body.data.map(({ seq }) => seq), page.body.nextCursor]).toEqual([[3, 2], '2']);
});

test('reading and what is refused leave no entry', async () => {
  await call('GET', '/teams');
  await call('POST', '/teams', { name: 'a' });
  await call('DELETE', '/teams/nothing');
  expect((await call('GET', '/audit?limit=1')).body.data[0]?.seq).toBe(5);
});

test('the export has every entry, the earliest first', async () => {
  const lines = (await call('GET', '/audit/export')).text.trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([1, 2, 3, 4, 5]);
});

describe('tampering is found:', () => {
  const verdict = async () => (await call('GET', '/audit/verify')).body;

  test('none, when there was none', async () =>
    expect(await verdict()).toEqual({ isIntact: true, entries: 5 } as never));

  test.each([
    ['an entry changed', "UPDATE audit_log SET actor_name = 'someone' WHERE seq = 3", 3],
    ['a state changed', "UPDATE audit_log SET after_state = replace(after_state, 'true', 'false') WHERE seq = 5", 5],
    ['a time changed', 'UPDATE audit_log SET at_ms = at_ms - 1 WHERE seq = 2', 2],
    ['an entry taken out', 'DELETE FROM audit_log WHERE seq = 2', 2],
    ['the first taken away', 'DELETE FROM audit_log WHERE seq = 1', 1],
    ['the end cut off', 'DELETE FROM audit_log WHERE seq = 5', 5],
    ['everything gone', 'DELETE FROM audit_log', 1],
    ['a gap closed', 'DELETE FROM audit_log WHERE seq = 2; UPDATE audit_log SET seq = seq - 1 WHERE seq > 2', 2],
    [
      'two changed places',
      'UPDATE audit_log SET seq = 99 WHERE seq = 2; UPDATE audit_log SET seq = 2 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 99',
      2,
    ],
    [
      'one put in',
      "INSERT INTO audit_log SELECT 6, at_ms, actor_id, actor_name, origin, action, kind, entity_id, NULL, NULL, hash, 'ab' FROM audit_log WHERE seq = 5",
      6,
    ],
  ])('%s', async (_, sql, seq) => {
    tamper(sql);
    expect(await verdict()).toMatchObject({ isIntact: false, seq } as never);
  });
});
