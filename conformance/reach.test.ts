/**
 * A key that is bound to an organisation or a team, whatever its scopes, neither sees nor touches what belongs to others:
 * every operation that names one thing, and every list and report, of every management API, on either database.
 */
import { beforeAll, expect, test } from 'bun:test';
import { adminScopes } from '@turnpike/gateway/identity/admin-scope.ts';
import { type Guarded, guarded } from './guarded-operations.ts';
import { type House, onEachStore } from './named/house.ts';

/** What belongs to another organisation, by the path of its kind. */
async function foreigners(house: House): Promise<ReadonlyMap<string, string>> {
  const organisationId = 'foreign-org';
  const ids = new Map<string, string>();
  const make = async (path: string, fields: object) => {
    ids.set(path, (await house.admin('POST', `/${path}`, fields)).id);
  };
  const budgets = [{ amount: 5, per: 'day' }];
  await make('organisations', { name: organisationId, budgets });
  await make('teams', { name: 'foreign-team', organisationId, budgets });
  await make('users', { name: 'foreign-user', organisationId, budgets });
  await make('service-accounts', { name: 'foreign-account', organisationId, budgets });
  await make('projects', { name: 'foreign-project', organisationId, budgets });
  await make('memberships', { userId: 'foreign-user', teamId: 'foreign-team', role: 'member', budgets });
  await make('keys', { name: 'foreign-key', teamId: 'foreign-team', budgets });
  await make('model-groups', { name: 'foreign-group', organisationId, models: ['chat'] });
  await make('credentials', {
    name: 'foreign-credential',
    provider: 'openai',
    organisationId,
    secret: 'sk-foreign-0123',
  });
  await make('budgets', { name: 'foreign-budget', organisationId, budgets });
  return ids;
}

/** By the end of the path. */
const BODIES: Readonly<Record<string, object>> = {
  rotate: { secret: 'sk-foreign-4567' },
  'top-ups': { amount: '1', reference: 'x' },
  reset_spend: { reset_to: 0 },
};

/** What would change something if the thing were the caller's own. */
function bodyOf({ face, method, path }: Guarded, kind: string): object | undefined {
  if ((method !== 'POST' && method !== 'PATCH') || /(block|reset-budgets)$/.test(path)) return undefined;
  const last = path.slice(path.lastIndexOf('/') + 1);
  if (kind === 'keys' && last === 'rotate') return {};
  if (kind === 'memberships') return { role: 'viewer' };
  return BODIES[last] ?? (face === 'admin' ? { description: 'x' } : {});
}

onEachStore({}, (house) => {
  let ids: ReadonlyMap<string, string>;
  const before = new Map<string, string>();
  const bound: Record<string, string> = {};
  const show = async (path: string, id: string) => JSON.stringify(await house().admin('GET', `/${path}/${id}`));

  beforeAll(async () => {
    ids = await foreigners(house());
    for (const [path, id] of ids) before.set(path, await show(path, id));
    await house().admin('POST', '/organisations', { name: 'acme' });
    await house().admin('POST', '/teams', { name: 'web', organisationId: 'acme' });
    for (const [field, name] of [
      ['teamId', 'web'],
      ['organisationId', 'acme'],
    ] as const) {
      bound[field] = (await house().newKey({ [field]: name, adminScopes: [...adminScopes] })).key;
    }
  });

  const ask = async (key: string, method: string, path: string, body?: object) => {
    const response = await fetch(house().gateway.url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  };

  test.each(['teamId', 'organisationId'])(
    'a key bound by its %s, with every scope, reaches nothing of others',
    async (field) => {
      const key = bound[field] ?? '';
      const wrong: string[] = [];
      let tried = 0;
      for (const operation of guarded) {
        const { face, method, path, scope } = operation;
        const kind = face === 'admin' ? (path.split('/')[4] ?? '') : 'keys';
        const id = ids.get(kind);
        if (!path.includes('{id}') || (id === undefined && face === 'admin')) continue;
        tried++;
        const body = bodyOf(operation, kind);
        const { status, text } = await ask(key, method, path.replace('{id}', id ?? ''), body);
        if ((status !== 403 && status !== 404) || text.includes('foreign-'))
          wrong.push(`${method} ${path} (${scope}): ${status} ${text}`);
      }
      expect(wrong).toEqual([]);
      expect(tried).toBeGreaterThan(40);
      for (const [path, id] of ids) expect([path, await show(path, id)]).toEqual([path, before.get(path) ?? '']);
    },
  );

  test.each(['teamId', 'organisationId'])(
    'no list or report that a key bound by its %s may read tells of others',
    async (field) => {
      await house().ask((await house().newKey({ teamId: 'foreign-team' })).key);
      await house().gateway.flush();
      let answered = 0;
      for (const { method, path } of guarded) {
        if (method !== 'GET' || path.includes('{id}')) continue;
        const { status, text } = await ask(bound[field] ?? '', method, path);
        if (status === 200) answered++;
        expect([path, text.includes('foreign-')]).toEqual([path, false]);
      }
      expect(answered).toBeGreaterThan(10);
    },
  );

  test.each([
    `/key/info?key={keys}`,
    '/key/info?key=foreign-key',
    '/team/info?team_id=foreign-team',
    '/user/info?user_id=foreign-user',
    '/v2/user/info?user_id=foreign-user',
    '/budget/settings?budget_id=foreign-budget',
    '/organization/info?organization_id=foreign-org',
    '/v1/report?start_date=2020-01-01&end_date=2020-01-02&group_by=foreign',
  ])('nor does what names them: %s', async (path) => {
    for (const field of ['teamId', 'organisationId']) {
      const { status } = await ask(bound[field] ?? '', 'GET', path.replace('{keys}', ids.get('keys') ?? ''));
      expect([400, 403, 404]).toContain(status);
    }
  });
});
