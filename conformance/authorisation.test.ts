/**
 * Who may do what: every operation of every management API, asked by every kind of caller, over a running gateway on
 * either database. What is expected follows from the table of operations and from what callers hold, and from nothing else.
 */
import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { BASE_PATH } from '@turnpike/gateway/admin/operation.ts';
import { methodsOf, type Route, routeOf } from '@turnpike/gateway/http/routes.ts';
import { type AdminScope, adminScopes, roleScopes, roles } from '@turnpike/gateway/identity/admin-scope.ts';
import { type Guarded, guarded, table } from './guarded-operations.ts';
import { onEachStore } from './named/house.ts';

/** All that is told without a key. */
const PUBLIC = new Set(['/', '/healthz', '/readyz', '/health/liveliness', '/health/liveness', '/health/readiness']);

/** To write includes to read. */
const grants = (held: readonly AdminScope[], demanded: Guarded['scope']) =>
  demanded === 'any' ||
  held.some(
    (scope) => scope === demanded || (demanded.endsWith(':read') && scope === demanded.replace(/:read$/, ':write')),
  );

interface Holder {
  readonly scopes: readonly AdminScope[];
  /** Bound to an organisation or a team. */
  readonly isBound: boolean;
}

/** What follows from the table: may this holder do it? */
function isAllowed({ scopes, isBound }: Holder, { scope, isOwnAllowed, isGlobal }: Guarded): boolean {
  const isGranted = scopes.length > 0 && grants(scopes, scope);
  if (isGranted && (!isGlobal || !isBound)) return true;
  return isOwnAllowed && !(isGranted && isGlobal);
}

const issuer = 'https://issuer.example';
const ES256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const signing = (await crypto.subtle.generateKey(ES256, true, ['sign', 'verify'])) as CryptoKeyPair;
const published = [
  { ...(await crypto.subtle.exportKey('jwk', signing.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' },
];

async function token(claims: object): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 600;
  const said = [
    { alg: 'ES256', kid: 'one' },
    { iss: issuer, aud: 'turnpike', sub: 'ann', exp, ...claims },
  ];
  const text = said.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = await crypto.subtle.sign(ES256, signing.privateKey, Buffer.from(text));
  return `${text}.${Buffer.from(signature).toString('base64url')}`;
}

const jwks = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ keys: published }) });
afterAll(() => jwks.stop(true));

const roleMapping = Object.fromEntries(roles.map((role) => [`llm-${role}`, role]));
const config = {
  auth: {
    jwt: {
      issuers: [
        {
          name: 'corp',
          issuer,
          audience: ['turnpike'],
          jwksUrl: `http://127.0.0.1:${jwks.port}/jwks`,
          claims: { team: 'team', roles: 'roles' },
          roleMapping,
        },
      ],
    },
  },
};

const teamsRead: Guarded = {
  face: 'admin',
  method: 'GET',
  path: `${BASE_PATH}/teams`,
  scope: 'teams:read',
  isOwnAllowed: false,
  isGlobal: false,
};

onEachStore({ config }, (house, database) => {
  /** A request that its content stops when nothing else did: it changes nothing. */
  const attempt = async ({ method, path }: Guarded, key: string) => {
    const response = await fetch(house().gateway.url + path.replaceAll('{id}', 'nothing-there'), {
      method,
      headers: key === '' ? {} : { authorization: `Bearer ${key}` },
      ...(method !== 'GET' && method !== 'DELETE' && { body: JSON.stringify({ '': 0 }) }),
    });
    await response.body?.cancel();
    return response.status;
  };
  const shown = ({ method, path }: Guarded) => `${method} ${path}`;

  /** Holds what all operations answer to a key against what it should be. */
  async function holdTo(key: string, expected: (operation: Guarded) => 'allowed' | 401 | 403): Promise<number> {
    let allowed = 0;
    const wrong: string[] = [];
    const statuses = await Promise.all(guarded.map((operation) => attempt(operation, key)));
    for (const [at, operation] of guarded.entries()) {
      const status = statuses[at] ?? 0;
      const found = status === 401 || status === 403 ? status : 'allowed';
      const wanted = expected(operation);
      if (found === 'allowed') allowed++;
      if (found !== wanted) wrong.push(`${shown(operation)}: ${status}, should be ${wanted}`);
    }
    expect(wrong).toEqual([]);
    return allowed;
  }
  const holder = (scopes: readonly AdminScope[], isBound: boolean) => (operation: Guarded) =>
    isAllowed({ scopes, isBound }, operation) ? 'allowed' : 403;

  beforeAll(async () => {
    await house().admin('POST', '/organisations', { name: 'acme' });
    await house().admin('POST', '/teams', { name: 'web', organisationId: 'acme' });
    await house().admin('POST', '/users', { name: 'ann', organisationId: 'acme' });
  });
  const keyOf = async (fields: object) => (await house().newKey(fields)).key;

  test.each(['', 'sk-nobody-knows-this-key', 'eyJhbGciOiJub25lIn0.e30.'])('nobody: "%s"', async (key) => {
    expect(await holdTo(key, () => 401)).toBe(0);
  });

  test('a key whose time is over, or that is blocked', async () => {
    const scopes = [...adminScopes];
    const over = await keyOf({ adminScopes: scopes, policy: { expiresAtMs: 1 } });
    expect(await holdTo(over, () => 401)).toBe(0);
    expect(await holdTo(await keyOf({ adminScopes: scopes, isBlocked: true }), () => 403)).toBe(0);
  });

  test('a virtual key', async () => {
    await holdTo(await keyOf({}), holder([], false));
    await holdTo(await keyOf({ teamId: 'web' }), holder([], true));
  });

  test('the admin key, and one with every scope', async () => {
    expect(await holdTo(await keyOf({ adminScopes: [...adminScopes] }), () => 'allowed')).toBe(guarded.length);
  });

  // What one scope opens has nothing to do with where it is kept.
  const each = adminScopes.filter((scope) => database === 'SQLite' || scope.endsWith('s:write'));
  test.each(each)('a key with just %s', async (scope) => {
    const allowed = await holdTo(await keyOf({ adminScopes: [scope] }), holder([scope], false));
    expect(allowed).toBeGreaterThan(0);
  });

  test.each(['teamId', 'organisationId'])('a key with every scope that is bound by its %s', async (field) => {
    const fields = { adminScopes: [...adminScopes], [field]: field === 'teamId' ? 'web' : 'acme' };
    await holdTo(await keyOf(fields), holder(adminScopes, true));
  });

  describe('a user whose role is', () => {
    test.each([...roles])('%s', async (role) => {
      const key = await keyOf({ userId: 'ann', teamId: 'web', adminScopes: [...adminScopes] });
      await holdTo(key, holder([], true));
      const { id } = await house().admin('POST', '/memberships', { userId: 'ann', teamId: 'web', role });
      await holdTo(key, holder(roleScopes[role], true));
      await house().admin('DELETE', `/memberships/${id}`);
      expect(await attempt({ ...teamsRead }, key)).toBe(403);
    });

    test.each([...roles])('%s, by a token', async (role) => {
      await holdTo(await token({ roles: [`llm-${role}`], team: 'web' }), holder(roleScopes[role], true));
    });

    test('none that is known, by a token', async () => {
      await holdTo(await token({ team: 'web', roles: ['owner', 'admin'] }), holder([], true));
    });
  });
});
describe('the scan', () => {
  test('has every face, and as many operations as one would think', () => {
    for (const face of ['admin', 'openrouter', 'vercel', 'litellm'] as const) {
      expect([face, table.filter((each) => each.face === face).length > 2]).toEqual([face, true]);
    }
    expect(guarded.length).toBeGreaterThan(120);
    for (const { path } of table.filter(({ scope }) => scope === 'public'))
      expect([path, PUBLIC.has(path)]).toEqual([path, true]);
  });
});

/** What answers a route: a key's holder, or anybody. A new kind of route has to be entered here to compile. */
const guards = {
  operation: 'key',
  models: 'key',
  model: 'key',
  admin: 'key',
  management: 'key',
  root: 'anybody',
  health: 'anybody',
  ready: 'anybody',
} as const satisfies Record<Route['type'], 'key' | 'anybody'>;

/** Paths that the router knows: every operation's, and whatever can be put together from the words of its source. */
function everyPath(): string[] {
  const source = readFileSync(new URL('../packages/gateway/src/http/routes.ts', import.meta.url), 'utf8');
  const literals = [...source.matchAll(/['"`](\/[^'"`\s]*)['"`]/g)].map(([, path = '']) => path);
  const words = [...new Set(source.match(/[a-z][a-z_]+/g))];
  const prefixes = ['', '/v1', '/v2', '/api/v1', '/openai/v1', '/admin/api/v1', '/admin/api', '/admin'];
  const made = [...literals, ...words.flatMap((word) => [`/${word}`, `/${word}/x`, `/${word}/info`])];
  const all = [...prefixes.flatMap((prefix) => made.map((path) => prefix + path)), ...table.map(({ path }) => path)];
  return [...new Set(all)].map((path) => path.replaceAll('{id}', 'x')).filter((path) => routeOf(path) !== undefined);
}

onEachStore({ config: {} }, (house) => {
  test('no path that is routed anywhere answers anything without a key, but for what is public', async () => {
    const paths = everyPath();
    expect(paths.length).toBeGreaterThan(150);
    expect(paths).toContain('/v1/chat/completions');
    const open: string[] = [];
    for (const path of paths) {
      const route = routeOf(path);
      if (route === undefined) continue;
      for (const method of methodsOf(route).filter((each) => each !== 'OPTIONS')) {
        const response = await fetch(house().gateway.url + path, { method, ...(method === 'POST' && { body: '{}' }) });
        await response.body?.cancel();
        if (response.status === 401) continue;
        if (PUBLIC.has(path) && (guards[route.type] === 'anybody' || route.type === 'management')) continue;
        open.push(`${method} ${path}: ${response.status}`);
      }
    }
    expect(open).toEqual([]);
  });
});
