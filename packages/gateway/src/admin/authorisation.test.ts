import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { type AdminScope, adminScopes, roleScopes, roles } from '../identity/admin-scope.ts';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';
import { openApi } from './openapi.ts';

let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse();
  for (const name of ['acme', 'other']) await admin.call('POST', '/organisations', { name });
  for (const [name, organisationId] of [
    ['web', 'acme'],
    ['ops', 'acme'],
    ['far', 'other'],
  ]) {
    await admin.call('POST', '/teams', { name, organisationId });
  }
});
afterAll(() => admin.house.stop());

interface Described {
  readonly 'x-scope': string;
  readonly 'x-global'?: boolean;
}

/** Every route that the published document has, with what it says it demands. */
const routes = Object.entries(openApi().paths as Record<string, Record<string, Described>>).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    method: method.toUpperCase(),
    path: path.replace('/admin/api/v1', '').replace('{id}', 'nothing-there'),
    scope: operation['x-scope'],
    isGlobal: operation['x-global'] === true,
  })),
);

/** A request that is refused by its content when it is not refused before: it changes nothing. */
const attempt = (route: (typeof routes)[number], key: string) =>
  admin.call(route.method, route.path, route.method === 'GET' || route.method === 'DELETE' ? undefined : { '': 0 }, {
    key,
  });

/** To write includes to read. */
const grants = (held: AdminScope, demanded: string) =>
  demanded === 'any' || held === demanded || held === demanded.replace(/:read$/, ':write');

test('there are routes', () => expect(routes.length).toBeGreaterThan(45));

describe('no route answers', () => {
  test.each(['', 'sk-nobody-knows-this-key'])('to the key "%s"', async (key) => {
    for (const route of routes) expect([route, (await attempt(route, key)).status]).toEqual([route, 401]);
  });

  test('to a key without scopes', async () => {
    const key = await admin.newKey({ name: 'plain' });
    expect(await admin.chat(key)).toBe(200);
    for (const route of routes) {
      const { status, body } = await attempt(route, key);
      expect([route, status, body.error.code]).toEqual([route, 403, 'scope_missing']);
    }
  });

  test('nor tells whether there is such a path', async () => {
    expect((await admin.call('GET', '/nothing', undefined, { key: '' })).status).toBe(401);
    expect((await admin.call('BREW', '/keys', undefined, { key: 'sk-nobody-knows-this-key' })).status).toBe(401);
  });
});

test('a preflight says which methods there are, and nothing else', async () => {
  const response = await fetch(`${admin.house.gateway.url}/admin/api/v1/keys`, { method: 'OPTIONS' });
  expect([response.status, response.headers.get('allow'), await response.text()]).toEqual([
    204,
    'GET, POST, PATCH, DELETE, OPTIONS',
    '',
  ]);
});

describe('a key with one scope', () => {
  test.each([...adminScopes])('%s: may do what demands it, and nothing else', async (scope) => {
    const key = await admin.newKey({ name: `only-${scope.replace(':', '-')}`, adminScopes: [scope] });
    let allowed = 0;
    for (const route of routes) {
      const { status, body } = await attempt(route, key);
      const isAllowed = status !== 403 && status !== 401;
      expect([route, isAllowed]).toEqual([route, grants(scope, route.scope)]);
      if (isAllowed && route.scope !== 'any') allowed++;
      if (!isAllowed) expect(body.error.code).toBe('scope_missing');
    }
    expect(allowed).toBeGreaterThan(0);
  });
});

test("a key of a team or an organisation is kept from the gateway's own affairs, whatever its scopes", async () => {
  const keys = [
    await admin.newKey({ name: 'bound-team', teamId: 'web', adminScopes: [...adminScopes] }),
    await admin.newKey({ name: 'bound-organisation', organisationId: 'acme', adminScopes: [...adminScopes] }),
  ];
  for (const key of keys) {
    for (const route of routes.filter(({ isGlobal }) => isGlobal)) {
      expect([route, (await attempt(route, key)).status]).toEqual([route, 403]);
    }
  }
  expect(routes.filter(({ isGlobal }) => isGlobal).length).toBeGreaterThan(5);
});

describe('a role', () => {
  test.each([...roles])('%s: bounds what the key of a user may do', async (role) => {
    const user = `user-${role}`;
    await admin.call('POST', '/users', { name: user, organisationId: 'acme' });
    const key = await admin.newKey({ name: `of-${role}`, userId: user, teamId: 'web', adminScopes: [...adminScopes] });
    expect((await admin.call('GET', '/teams', undefined, { key })).status).toBe(403);
    const member = await admin.call('POST', '/memberships', { userId: user, teamId: 'web', role });
    for (const route of routes.filter(({ isGlobal }) => !isGlobal)) {
      const { status } = await attempt(route, key);
      const isGranted = roleScopes[role].some((held) => grants(held, route.scope));
      expect([route, status !== 403]).toEqual([route, isGranted]);
    }
    await admin.call('DELETE', `/memberships/${member.body.id}`);
    expect((await admin.call('GET', '/teams', undefined, { key })).status).toBe(403);
  });
});

describe('reach', () => {
  const place = { team: { teamId: 'web' }, organisation: { organisationId: 'acme' } } as const;

  test.each(['team', 'organisation'] as const)('of a key of a %s ends there', async (kind) => {
    const key = await admin.newKey({ name: `reach-${kind}`, ...place[kind], adminScopes: [...adminScopes] });
    const by = { key };
    // Others cannot be told from what is not there.
    for (const path of ['/teams/far', '/organisations/other']) {
      expect((await admin.call('GET', path, undefined, by)).status).toBe(404);
      expect((await admin.call('PATCH', path, { isBlocked: true }, by)).status).toBe(404);
      expect((await admin.call('DELETE', path, undefined, by)).status).toBe(404);
    }
    expect((await admin.call('GET', '/teams?organisationId=other', undefined, by)).body.data).toEqual([]);
    const teams = (await admin.call('GET', '/teams', undefined, by)).body.data.map(({ name }) => name);
    expect(teams).not.toContain('far');
    // What it makes belongs where it does.
    const made = await admin.call('POST', '/keys', { name: `made-by-${kind}` }, by);
    expect(made.status).toBe(201);
    expect(Object.keys(made.body)).toContain(`${kind}Id`);
    expect((await admin.call('POST', '/keys', { name: 'x', teamId: 'far' }, by)).body.error.field).toBe('teamId');
    expect((await admin.call('POST', '/organisations', { name: `new-by-${kind}` }, by)).status).toBe(404);
    // The level that binds it stays as it is.
    const level = kind === 'team' ? '/teams/web' : '/organisations/acme';
    expect((await admin.call('PATCH', level, { policy: {} }, by)).status).toBe(kind === 'team' ? 403 : 403);
    expect((await admin.call('DELETE', level, undefined, by)).status).toBe(403);
  });

  test('of an organisation covers its teams, that of a team not the one beside', async () => {
    const acme = await admin.newKey({ name: 'covers', organisationId: 'acme', adminScopes: ['teams:write'] });
    expect((await admin.call('PATCH', '/teams/ops', { description: 'x' }, { key: acme })).status).toBe(200);
    const web = await admin.newKey({ name: 'covers-not', teamId: 'web', adminScopes: ['teams:write'] });
    expect((await admin.call('GET', '/teams/ops', undefined, { key: web })).status).toBe(404);
  });
});

describe('no way up', () => {
  test('a key gives no scope that it lacks, and no key changes itself', async () => {
    const key = await admin.newKey({ name: 'climber', adminScopes: ['keys:write'] });
    const by = { key };
    const more = { adminScopes: ['audit:read'] };
    expect((await admin.call('POST', '/keys', { name: 'y', ...more }, by)).body.error.field).toBe('adminScopes');
    expect((await admin.call('POST', '/keys', { name: 'equal', adminScopes: ['keys:write'] }, by)).status).toBe(201);
    expect((await admin.call('PATCH', '/keys/equal', more, by)).status).toBe(403);
    expect((await admin.call('PATCH', '/keys/climber', { policy: {} }, by)).status).toBe(403);
    expect((await admin.call('POST', '/keys/climber/rotate', {}, by)).status).toBe(403);
  });

  test('nor does it get hold of a key that may do more', async () => {
    const by = { key: await admin.newKey({ name: 'thief', adminScopes: ['keys:write'] }) };
    await admin.newKey({ name: 'mighty', adminScopes: ['keys:write', 'audit:read'] });
    for (const action of ['rotate', 'block', 'unblock']) {
      expect(
        (await admin.call('POST', `/keys/mighty/${action}`, action === 'rotate' ? {} : undefined, by)).status,
      ).toBe(403);
    }
    expect((await admin.call('DELETE', '/keys/mighty', undefined, by)).status).toBe(403);
    expect((await admin.call('GET', '/keys/mighty', undefined, by)).status).toBe(200);
  });

  test('a key that is blocked or expired administers nothing', async () => {
    const key = await admin.newKey({ name: 'fallen', adminScopes: ['teams:read'] });
    expect((await admin.call('GET', '/teams', undefined, { key })).status).toBe(200);
    await admin.call('POST', '/keys/fallen/block');
    expect((await admin.call('GET', '/teams', undefined, { key })).body.error.code).toBe('key_blocked');
    await admin.call('PATCH', '/keys/fallen', { isBlocked: null, policy: { expiresAtMs: 1 } });
    expect((await admin.call('GET', '/teams', undefined, { key })).body.error.code).toBe('key_expired');
  });
});
