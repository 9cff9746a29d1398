import { afterAll, beforeAll, expect, test } from 'bun:test';
import { adminScopes } from '../../identity/admin-scope.ts';
import { type FaceTestHouse, startFaceTestHouse } from '../face-house.test-support.ts';
import type { FaceOperation } from '../face-operation.ts';
import { openrouterFace } from './openrouter-face.ts';

let house: FaceTestHouse;
beforeAll(async () => {
  house = await startFaceTestHouse();
});
afterAll(() => house.house.stop());

const { operations } = openrouterFace;

/** Refused by its content when it is not refused before: it changes nothing. */
const attempt = ({ method, path }: FaceOperation, key: string) =>
  house.ask(
    method,
    path.replace('{id}', 'nothing-there'),
    method === 'GET' || method === 'DELETE' ? undefined : { '': 0 },
    key,
  );

test('no operation answers without a key that is in force', async () => {
  for (const operation of operations) {
    for (const key of ['', 'sk-nobody-knows-this-key']) {
      const { status, body } = await attempt(operation, key);
      expect([operation.path, status, body.error.code]).toEqual([operation.path, 401, 401]);
    }
  }
  expect(operations.length).toBeGreaterThan(7);
});

test('a virtual key sees what is its own, and manages nothing', async () => {
  const key = await house.newKey({ name: 'plain' });
  for (const operation of operations) {
    const { status } = await attempt(operation, key);
    expect([operation.path, status === 403]).toEqual([operation.path, operation.access !== 'caller']);
  }
});

test.each([...adminScopes])('a key with just the scope %s may do what demands it', async (scope) => {
  const key = await house.newKey({ name: `only-${scope.replace(':', '-')}`, adminScopes: [scope] });
  for (const operation of operations) {
    const { access } = operation;
    const isGranted = access === 'caller' || scope === access || scope === access.replace(/:read$/, ':write');
    expect([operation.path, (await attempt(operation, key)).status !== 403]).toEqual([operation.path, isGranted]);
  }
});

test('a key of a team sees and changes keys of its team only', async () => {
  for (const name of ['web', 'ops']) await house.call('POST', '/teams', { name });
  const key = await house.newKey({ name: 'lead', teamId: 'web', adminScopes: ['keys:write'] });
  const far = await house.call('POST', '/keys', { name: 'of-ops', teamId: 'ops' });
  const near = await house.ask('POST', '/api/v1/keys', { name: 'of-web' }, key);
  expect(near.status).toBe(201);
  const { text } = await house.ask('GET', '/api/v1/keys', undefined, key);
  expect([text.includes(String(near.body.data.hash)), text.includes(far.body.id)]).toEqual([true, false]);
  for (const [method, body] of [['GET'], ['DELETE'], ['PATCH', { disabled: true }]] as const) {
    expect((await house.ask(method, `/api/v1/keys/${far.body.id}`, body, key)).status).toBe(404);
  }
  const lead = (await house.call('GET', '/keys/lead')).body.id;
  expect((await house.ask('PATCH', `/api/v1/keys/${lead}`, { limit: null }, key)).status).toBe(403);
});

test('a blocked key learns nothing', async () => {
  const key = await house.newKey({ name: 'blocked', isBlocked: true });
  expect((await house.ask('GET', '/api/v1/key', undefined, key)).status).toBe(403);
});
