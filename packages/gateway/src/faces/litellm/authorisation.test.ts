import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { adminScopes, roleScopes, roles } from '../../identity/admin-scope.ts';
import { type LitellmTestHouse, startLitellmTestHouse } from './litellm-house.test-support.ts';
import { litellmOperations } from './litellm-operations.ts';
import type { LitellmOperation } from './operation.ts';

let house: LitellmTestHouse;
beforeAll(async () => {
  house = await startLitellmTestHouse();
  await house.call('POST', '/organisations', { name: 'acme' });
  for (const name of ['web', 'ops']) await house.call('POST', '/teams', { name, organisationId: 'acme' });
});
afterAll(() => house.house.stop());

const guarded = litellmOperations.filter(({ scope }) => scope !== 'public');
const label = ({ method, path }: LitellmOperation) => `${method} ${path}`;

/** A request that is refused by its content when it is not refused before: it changes nothing. */
const attempt = async (operation: LitellmOperation, key: string) => {
  const { method, path, body } = operation;
  const asked = `${method} ${path.replace('{id}', 'nothing-there')}`;
  return house.ask(asked, method === 'GET' ? undefined : body === undefined ? {} : { '': 1 }, key);
};

/** To write includes to read. */
const grants = (held: string, demanded: string) => demanded === held || held === demanded.replace(/:read$/, ':write');

test('there are operations, each with a check', () => {
  expect(guarded.length).toBeGreaterThan(10);
  expect(new Set(litellmOperations.map(label)).size).toBe(litellmOperations.length);
  for (const operation of litellmOperations.filter(({ scope }) => scope === 'public')) {
    expect(operation.path).toMatch(/^\/(health|routes)/);
  }
});

test.each(['', 'sk-nobody-knows-this-key'])('nothing is told to the key "%s"', async (key) => {
  for (const operation of guarded) {
    const { status, body } = await attempt(operation, key);
    expect([label(operation), status, body.error.type]).toEqual([label(operation), 401, 'auth_error']);
  }
  expect((await house.ask('/key/nothing', undefined, key)).status).toBe(401);
});

test('a virtual key may ask about itself, and do nothing', async () => {
  const { key } = await house.generate({ team_id: 'web' });
  for (const operation of guarded) {
    const { status } = await attempt(operation, key);
    expect([label(operation), status === 403]).toEqual([label(operation), operation.isOwnAllowed !== true]);
  }
});

test.each([...adminScopes])('a key with the scope %s may do what demands it', async (scope) => {
  const key = await house.newKey({ name: `only-${scope.replace(':', '-')}`, adminScopes: [scope] });
  for (const operation of guarded) {
    const { status } = await attempt(operation, key);
    const isGranted = operation.isOwnAllowed === true || grants(scope, operation.scope);
    expect([label(operation), status !== 403]).toEqual([label(operation), isGranted]);
  }
});

test('a key of a team is kept from what is about the whole gateway, whatever its scopes', async () => {
  const key = await house.newKey({ name: 'bound', teamId: 'web', adminScopes: [...adminScopes] });
  for (const operation of guarded.filter(({ isGlobal }) => isGlobal)) {
    expect([label(operation), (await attempt(operation, key)).status]).toEqual([label(operation), 403]);
  }
});

describe('a role', () => {
  test.each([...roles])('%s: bounds what the key of a user may do', async (role) => {
    const user = `user-${role}`;
    await house.call('POST', '/users', { name: user, organisationId: 'acme' });
    const key = await house.newKey({ name: `of-${role}`, userId: user, teamId: 'web', adminScopes: [...adminScopes] });
    await house.call('POST', '/memberships', { userId: user, teamId: 'web', role });
    for (const operation of guarded.filter(({ isGlobal }) => !isGlobal)) {
      const { status } = await attempt(operation, key);
      const isGranted =
        operation.isOwnAllowed === true || roleScopes[role].some((held) => grants(held, operation.scope));
      expect([label(operation), status !== 403]).toEqual([label(operation), isGranted]);
    }
  });
});

describe('reach', () => {
  test("a team's key makes, sees and changes keys of its team, and no others", async () => {
    const lead = await house.newKey({ name: 'lead', teamId: 'web', adminScopes: ['keys:write'] });
    const far = await house.generate({ team_id: 'ops' });
    const made = await house.ask('/key/generate', { key_alias: 'of web' }, lead);
    expect(made.body).toMatchObject({ team_id: 'web', organization_id: 'acme' });
    const { keys } = (await house.ask('/key/list?size=500', undefined, lead)).body;
    expect(keys).toContain(made.body.token);
    expect(keys).not.toContain(far.token);
    expect((await house.ask(`/key/info?key=${far.token}`, undefined, lead)).status).toBe(404);
    for (const [path, body] of [
      ['/key/update', { key: far.key, max_budget: 9 }],
      ['/key/regenerate', { key: far.token }],
      ['/key/block', { key: far.token }],
      ['/key/delete', { keys: [far.key] }],
    ] as const) {
      expect([path, (await house.ask(path, body, lead)).status]).toEqual([path, 404]);
    }
    // Nor does a key get into another team, or a team come into being.
    expect((await house.ask('/key/generate', { team_id: 'ops' }, lead)).status).toBe(400);
    expect((await house.ask('/key/generate', { team_id: 'new' }, lead)).status).toBe(400);
    expect((await house.ask('/key/update', { key: made.body.token, team_id: 'ops' }, lead)).status).toBe(400);
  });

  test('no way up: no scope that is not held, no change of itself, no key that may do more', async () => {
    const climber = await house.newKey({ name: 'climber', adminScopes: ['keys:write'] });
    const more = { permissions: { get_spend_routes: true } };
    expect((await house.ask('/key/generate', more, climber)).body.error.code).toBe('403');
    expect((await house.ask('/key/update', { key: climber, models: [] }, climber)).body.error.code).toBe('403');
    const mighty = await house.generate(more);
    expect((await house.ask('/key/regenerate', { key: mighty.key }, climber)).body.error.code).toBe('403');
    expect((await house.ask('/key/delete', { keys: [mighty.key] }, climber)).body.error.code).toBe('403');
  });
});

test('each change is in the audit log, which stays whole', async () => {
  const { token } = await house.generate({ user_id: 'audited', team_id: 'audited' });
  await house.ask('/key/update', { key: token, max_budget: 1 });
  await house.ask('/key/delete', { keys: [token] });
  const { data } = (await house.call('GET', '/audit?limit=5')).body;
  expect(data.map(({ action }) => action)).toEqual([
    'keys.delete',
    'keys.update',
    'keys.create',
    'teams.create',
    'users.create',
  ]);
  expect((await house.call('GET', '/audit/verify')).body.isIntact).toBe(true);
});
