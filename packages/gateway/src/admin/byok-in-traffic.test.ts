import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const price = { input: 1_000, output: 2_000 };
const yaml = (more: object = {}) =>
  JSON.stringify({
    server: { shutdownGraceMs: 1_000 },
    defaults: { retries: 0 },
    providers: [
      { id: 'emu', baseUrl: '{{upstream}}/v1', apiKey: 'sk-shared-000001' },
      { id: 'claude', baseUrl: '{{upstream}}/v1', dialect: 'anthropic-messages', apiKey: 'sk-shared-000002' },
      { id: 'bare', baseUrl: '{{upstream}}/v1' },
      { id: 'open', baseUrl: '{{upstream}}/v1', auth: 'none', keyOptional: true },
    ],
    keys: [
      { name: 'filed', key: 'sk-key-of-the-file-01', team: 'web', allowRequestCredentials: true },
      { name: 'filed-plain', key: 'sk-key-of-the-file-02' },
    ],
    models: [
      {
        name: 'chat',
        endpoints: [
          {
            provider: 'emu',
            model: 'm',
            price,
            headers: { 'x-account': 'of-ours' },
            limits: [{ requests: 1_000, per: 'hour' }],
          },
        ],
      },
      { name: 'claude', endpoints: [{ provider: 'claude', model: 'c', price }] },
      { name: 'bare', endpoints: [{ provider: 'bare', model: 'b', price }] },
      { name: 'open', endpoints: [{ provider: 'open', model: 'o', price }] },
      {
        name: 'elsewhere',
        endpoints: [{ provider: 'emu', model: 'm', price, baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'sk-x-000001' }],
      },
      {
        name: 'either',
        endpoints: [
          { provider: 'emu', model: 'm', price, order: 0 },
          { provider: 'claude', model: 'c', price, order: 1 },
        ],
      },
    ],
    ...more,
  });

let admin: AdminTestHouse;
const keys: Record<string, string> = {};
beforeAll(async () => {
  admin = await startAdminTestHouse({ yaml: yaml() });
  await admin.call('POST', '/organisations', { name: 'acme' });
  await admin.call('POST', '/teams', { name: 'web', organisationId: 'acme' });
  await admin.call('POST', '/teams', { name: 'ops', organisationId: 'acme' });
  await admin.call('POST', '/users', { name: 'ann', organisationId: 'acme' });
  await admin.call('POST', '/projects', { name: 'site', teamId: 'web' });
  keys.web = await admin.newKey({ name: 'web-1', teamId: 'web' });
  keys.ops = await admin.newKey({ name: 'ops-1', teamId: 'ops' });
  keys.ann = await admin.newKey({ name: 'ann-web', teamId: 'web', userId: 'ann' });
  keys.annOps = await admin.newKey({ name: 'ann-ops', teamId: 'ops', userId: 'ann' });
  keys.site = await admin.newKey({ name: 'site-1', projectId: 'site', userId: 'ann' });
  keys.loose = await admin.newKey({ name: 'loose' });
});
beforeEach(() => admin.house.emulator.reset());
afterAll(() => admin.house.stop());

interface Sent {
  readonly status: number;
  readonly text: string;
  readonly code: unknown;
  /** What arrived at the provider. */
  readonly headers: Record<string, string>;
  readonly credential: string | undefined;
  readonly paidBy: string | null;
}

async function send(key: string | undefined, model = 'chat', headers: Record<string, string> = {}): Promise<Sent> {
  const { house } = admin;
  const before = house.emulator.requests.length;
  const body = { model, messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await house.post('/v1/chat/completions', body, {
    headers: { authorization: `Bearer ${key}`, ...headers },
  });
  const text = await response.text();
  const request = house.emulator.requests[before];
  const arrived = Object.fromEntries(request?.headers ?? []);
  return {
    status: response.status,
    text,
    code: (JSON.parse(text) as { error?: { code?: unknown } }).error?.code,
    headers: arrived,
    credential: arrived['x-api-key'] ?? arrived.authorization?.replace('Bearer ', ''),
    paidBy: response.headers.get('x-turnpike-paid-by'),
  };
}

async function withCredential(fields: object, run: (name: string) => Promise<void>): Promise<void> {
  const made = await admin.call('POST', '/credentials', { provider: 'emu', ...fields });
  expect([made.status, made.text]).toEqual([201, expect.anything()]);
  try {
    await run(made.body.id);
  } finally {
    await admin.call('DELETE', `/credentials/${made.body.id}`);
  }
}

const SHARED = 'sk-shared-000001';
const own = (name: string, fields: object) => ({ name, secret: `sk-own-of-${name}-01`, ...fields });

describe('a credential that belongs', () => {
  test.each<[string, object, string[]]>([
    ['a team', { teamId: 'web' }, ['web', 'ann', 'site']],
    ['an organisation', { organisationId: 'acme' }, ['web', 'ops', 'ann', 'annOps', 'site']],
    ['a user', { userId: 'ann' }, ['ann', 'annOps', 'site']],
    ['a user in a team', { userId: 'ann', teamId: 'web' }, ['ann', 'site']],
    ['a project', { projectId: 'site' }, ['site']],
    ['a key', { keyId: 'web-1' }, ['web']],
  ])('to %s pays for its calls, and for no others', async (_, owner, payers) => {
    await withCredential(own('it', owner), async () => {
      for (const [who, key] of Object.entries(keys)) {
        const { credential, status } = await send(key);
        const isPaid = payers.includes(who);
        expect([who, status, credential]).toEqual([who, 200, isPaid ? 'sk-own-of-it-01' : SHARED]);
      }
      expect((await send('sk-key-of-the-file-01')).credential).toBe(SHARED);
      expect((await send(keys.web, 'claude')).credential).toBe('sk-shared-000002');
    });
    expect((await send(keys.web)).credential).toBe(SHARED);
  });

  test('to the innermost goes first, and one that is blocked is as if it were not there', async () => {
    await withCredential(own('team', { teamId: 'web' }), () =>
      withCredential(own('user', { userId: 'ann' }), () =>
        withCredential(own('key', { keyId: 'ann-web' }), async (id) => {
          const paid = async () => {
            const { credential, paidBy } = await send(keys.ann);
            return [credential, paidBy];
          };
          expect(await paid()).toEqual(['sk-own-of-key-01', 'key:ann-web']);
          await admin.call('PATCH', `/credentials/${id}`, { isBlocked: true });
          expect(await paid()).toEqual(['sk-own-of-user-01', 'user:ann']);
          await admin.call('PATCH', '/credentials/user', { isBlocked: true });
          expect(await paid()).toEqual(['sk-own-of-team-01', 'team:web']);
          await admin.call('PATCH', '/credentials/team', { isBlocked: true });
          expect(await paid()).toEqual([SHARED, null]);
          await admin.call('PATCH', '/credentials/team', { isBlocked: null, secret: 'sk-own-rotated-01' });
          expect(await paid()).toEqual(['sk-own-rotated-01', 'team:web']);
        }),
      ),
    );
  });

  test("goes without the headers of the shared account, and to no address but its provider's", async () => {
    await withCredential(own('team', { teamId: 'web', headers: { 'x-of-team': 'yes' } }), async () => {
      const { headers } = await send(keys.web);
      expect(headers['x-of-team']).toBe('yes');
      expect(headers['x-account']).toBeUndefined();
      expect((await send(keys.ops)).headers['x-account']).toBe('of-ours');
      // Nothing listens there: had the own one been meant for it, it would have been sent.
      const elsewhere = await send(keys.web, 'elsewhere');
      expect([elsewhere.status, elsewhere.paidBy]).toEqual([502, null]);
    });
  });

  test('makes models usable that have no shared one, and names of providers that are not available', async () => {
    const without = await send(keys.web, 'bare');
    expect([without.status, without.text]).toEqual([503, expect.stringContaining('bare has no credential')]);
    await withCredential(own('bare', { provider: 'bare', teamId: 'web' }), async () => {
      expect(await send(keys.web, 'bare')).toMatchObject({ status: 200, credential: 'sk-own-of-bare-01' });
      expect(await send(keys.web, 'bare/any')).toMatchObject({ status: 200, credential: 'sk-own-of-bare-01' });
      expect(await send(keys.ops, 'bare')).toMatchObject({ status: 503, code: 'model_unavailable' });
      expect(await send(keys.ops, 'bare/any')).toMatchObject({ status: 404, code: 'model_unknown' });
    });
  });

  test('is not named by endpoints, nor seen and changed by others', async () => {
    const team = await admin.newKey({ name: 'web-admin', teamId: 'web', adminScopes: ['credentials:write'] });
    const other = await admin.newKey({ name: 'ops-admin', teamId: 'ops', adminScopes: ['credentials:write'] });
    const made = await admin.call('POST', '/credentials', own('mine', { provider: 'emu' }), { key: team });
    expect(made).toMatchObject({ status: 201, body: { teamId: expect.stringMatching(/^team_/) } });
    expect((await send(keys.web)).credential).toBe('sk-own-of-mine-01');
    const named = { name: 'named', endpoints: [{ provider: 'emu', model: 'm', credential: 'mine' }] };
    expect((await admin.call('POST', '/models', named)).body.error.field).toBe('endpoints[0].credential');
    expect((await admin.call('GET', '/credentials/mine', undefined, { key: other })).status).toBe(404);
    expect((await admin.call('PATCH', '/credentials/mine', { isBlocked: true }, { key: other })).status).toBe(404);
    for (const fields of [{ baseUrl: 'http://127.0.0.1:9/v1' }, { headers: { a: 'b' } }]) {
      const more = { secret: 'sk-own-other-0001', ...fields };
      const refused = await admin.call('PATCH', '/credentials/mine', more, { key: team });
      expect([refused.status, refused.body.error.code]).toEqual([403, 'scope_missing']);
      const creating = await admin.call(
        'POST',
        '/credentials',
        { ...own('far', { provider: 'emu' }), ...fields },
        { key: team },
      );
      expect([creating.status, creating.body.error.code]).toEqual([403, 'scope_missing']);
    }
    expect((await admin.call('DELETE', '/credentials/mine', undefined, { key: team })).status).toBe(204);
  });

  test('keeps its owner from being deleted', async () => {
    await admin.newKey({ name: 'brief' });
    await withCredential(own('of-brief', { keyId: 'brief' }), async (id) => {
      await admin.call('PATCH', `/credentials/${id}`, { isBlocked: true });
      expect((await admin.call('DELETE', '/keys/brief')).body.error).toMatchObject({ code: 'record_conflict' });
      expect((await admin.call('GET', `/credentials/${id}`)).body.keyId).toMatch(/^key_/);
    });
    expect((await admin.call('DELETE', '/keys/brief')).status).toBe(204);
  });
});

describe('who pays', () => {
  const page = readFileSync(join(import.meta.dir, '../../../../docs/credentials.md'), 'utf8');
  const rows = page
    .slice(page.indexOf('| organisation | team |'))
    .split('\n\n')[0]
    ?.split('\n')
    .slice(2)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    );

  test('the table in docs/credentials.md has rows', () => expect(rows?.length).toBeGreaterThan(6));

  test.each(rows ?? [])(
    'organisation %s, team %s: %s with a credential of its own, %s when that fails, %s without',
    async (org = '', team = '', withOwn = '', failed = '', without = '') => {
      const policy = (byok: string) => ({ policy: byok === '–' ? null : { byok } });
      await admin.call('PATCH', '/organisations/acme', policy(org));
      await admin.call('PATCH', '/teams/web', policy(team));
      const { emulator } = admin.house;
      const payer = async () => {
        const { status } = await send(keys.web);
        const paid = emulator.requests.at(-1)?.headers.get('authorization');
        return status >= 500 ? 'nobody' : paid === `Bearer ${SHARED}` ? 'shared' : 'own';
      };
      try {
        expect(await payer()).toBe(without);
        await withCredential(own('team', { teamId: 'web' }), async () => {
          expect(await payer()).toBe(withOwn);
          emulator.fault('status,500', { times: 1 });
          expect(await payer()).toBe(failed);
          emulator.reset();
        });
        expect((await send(keys.web, 'open')).status).toBe(200);
      } finally {
        await admin.call('PATCH', '/organisations/acme', policy('–'));
        await admin.call('PATCH', '/teams/web', policy('–'));
      }
    },
  );
});

test('where the shared one steps in, each pays for its own try, and all others come before', async () => {
  await admin.call('PATCH', '/teams/web', { policy: { byok: 'fallback' } });
  await withCredential(own('team', { teamId: 'web' }), async () => {
    const { emulator } = admin.house;
    emulator.fault('status,401', { times: 1 });
    expect((await send(keys.web)).status).toBe(200);
    const row = await admin.house.lastRow();
    expect(row.attempts).toMatchObject([
      { status: 401, paidBy: 'team:web', costNanoUsd: 0n },
      { status: 200, costNanoUsd: expect.any(BigInt) },
    ]);
    expect([row.attempts[1]?.paidBy, row.costNanoUsd === 0n]).toEqual([undefined, false]);
    emulator.fault('status,500', { times: 2 });
    const before = emulator.requests.length;
    expect((await send(keys.web, 'either')).status).toBe(200);
    const paid = emulator.requests
      .slice(before)
      .map(({ headers }) => headers.get('x-api-key') ?? headers.get('authorization'));
    expect(paid).toEqual(['Bearer sk-own-of-team-01', 'sk-shared-000002', `Bearer ${SHARED}`]);
  });
  await admin.call('PATCH', '/teams/web', { policy: null });
});

describe('a credential that comes with the request', () => {
  const bring = (text: string) => ({ 'x-turnpike-provider-key': text });

  test('is for keys that may bring one: somebody says so, and nobody denies it', async () => {
    const header = bring('emu=sk-brought-000001');
    expect(await send(keys.web, 'chat', header)).toMatchObject({ status: 403, code: 'credential_forbidden' });
    expect(await send('sk-key-of-the-file-02', 'chat', header)).toMatchObject({ status: 403 });
    expect(await send('sk-key-of-the-file-01', 'chat', header)).toMatchObject({ credential: 'sk-brought-000001' });
    await admin.call('PATCH', '/teams/web', { policy: { allowRequestCredentials: true } });
    const paid = await send(keys.web, 'chat', header);
    expect(paid).toMatchObject({ status: 200, credential: 'sk-brought-000001', paidBy: 'request' });
    expect(paid.headers['x-turnpike-provider-key']).toBeUndefined();
    await admin.call('PATCH', '/organisations/acme', { policy: { allowRequestCredentials: false } });
    expect(await send(keys.web, 'chat', header)).toMatchObject({ status: 403, code: 'credential_forbidden' });
    await admin.call('PATCH', '/organisations/acme', { policy: { byok: 'never' } });
    expect(await send(keys.web, 'chat', header)).toMatchObject({ status: 403, code: 'credential_forbidden' });
    await admin.call('PATCH', '/organisations/acme', { policy: null });
  });

  test('goes to its provider and to no other, before one that is stored', async () => {
    await withCredential(own('team', { teamId: 'web' }), async () => {
      const both = bring(' emu=sk-brought-000001 , claude=sk-brought-000002');
      expect((await send(keys.web, 'chat', both)).credential).toBe('sk-brought-000001');
      expect((await send(keys.web, 'claude', both)).credential).toBe('sk-brought-000002');
      const one = bring('claude=sk-brought-000002');
      const paid = await send(keys.web, 'chat', one);
      expect(paid.credential).toBe('sk-own-of-team-01');
      expect(JSON.stringify(paid.headers)).not.toContain('sk-brought');
    });
    admin.house.emulator.fault('status,500', { times: 1 });
    const { emulator } = admin.house;
    const before = emulator.requests.length;
    expect((await send(keys.web, 'either', bring('emu=sk-brought-000001'))).status).toBe(200);
    const [first, second] = emulator.requests.slice(before);
    expect(first?.headers.get('authorization')).toBe('Bearer sk-brought-000001');
    expect([...(second?.headers.values() ?? [])].join(' ')).not.toContain('sk-brought');
    expect(second?.headers.get('x-api-key')).toBe('sk-shared-000002');
  });

  test.each<[string, string]>([
    ['nothing', ''],
    ['a key without its provider', 'sk-brought-000001'],
    ['a short key', 'emu=short'],
    ['an unknown provider', 'emux=sk-brought-000001'],
    ['a provider that takes none', 'open=sk-brought-000001'],
    ['a provider twice', 'emu=sk-brought-000001,emu=sk-brought-000002'],
    ['a key with spaces', 'emu=sk-brought 000001'],
    ['a key in place of the provider', 'sk-brought-000001=emu-emu-emu'],
  ])('is refused when it is %s', async (_, text) => {
    const { status, code, text: body } = await send(keys.web, 'chat', bring(text));
    expect([status, code]).toEqual([400, 'credential_invalid']);
    expect(body).not.toContain('sk-brought');
  });

  test('makes names of a provider usable that is not available', async () => {
    expect(await send(keys.web, 'bare/any', bring('bare=sk-brought-000003'))).toMatchObject({
      status: 200,
      credential: 'sk-brought-000003',
    });
  });

  describe("in the body, as Vercel's AI Gateway takes it", () => {
    const ask = async (providerOptions: unknown, path = '/v1/chat/completions', more: object = {}) => {
      const { house } = admin;
      const before = house.emulator.requests.length;
      const body = { model: 'chat', messages: [{ role: 'user', content: 'Hello.' }], providerOptions, ...more };
      const response = await house.post(path, body, { headers: { authorization: 'Bearer sk-key-of-the-file-01' } });
      const text = await response.text();
      const request = house.emulator.requests[before];
      const sent = new TextDecoder().decode(request?.body);
      return { status: response.status, text, paidBy: response.headers.get('x-turnpike-paid-by'), request, sent };
    };
    const key = 'sk-brought-000009';

    test('pays, and is not passed on', async () => {
      const paid = await ask({ gateway: { byok: { emu: [{ apiKey: key }] } } });
      expect([paid.status, paid.paidBy]).toEqual([200, 'request']);
      expect(paid.request?.headers.get('authorization')).toBe(`Bearer ${key}`);
      expect(paid.sent).not.toContain('providerOptions');
      const kept = await ask({ gateway: { byok: { claude: [{ apiKey: key }] }, user: 'ann' }, other: { a: 1 } });
      expect(kept.request?.headers.get('authorization')).toBe(`Bearer ${SHARED}`);
      expect(kept.sent).not.toContain(key);
      expect(JSON.parse(kept.sent).providerOptions).toEqual({ gateway: { user: 'ann' }, other: { a: 1 } });
      const untouched = await ask({ gateway: { user: 'ann' } });
      expect(JSON.parse(untouched.sent).providerOptions).toEqual({ gateway: { user: 'ann' } });
    });

    test('in the other dialect too', async () => {
      const options = { gateway: { byok: { claude: [{ apiKey: key }] } } };
      const paid = await ask(options, '/v1/messages', { model: 'claude', max_tokens: 9 });
      expect([paid.status, paid.request?.headers.get('x-api-key')]).toEqual([200, key]);
      expect(paid.sent).not.toContain('byok');
    });

    test('is for keys that may bring one', async () => {
      const { house } = admin;
      const providerOptions = { gateway: { byok: { emu: [{ apiKey: key }] } } };
      const body = { model: 'chat', messages: [{ role: 'user', content: 'Hello.' }], providerOptions };
      const before = house.emulator.requests.length;
      const headers = { authorization: 'Bearer sk-key-of-the-file-02' };
      const refused = await house.post('/v1/chat/completions', body, { headers });
      expect([refused.status, house.emulator.requests.length]).toEqual([403, before]);
      expect(await refused.text()).not.toContain(key);
    });

    test.each<[string, unknown, string]>([
      ['no object', key, 'providerOptions.gateway.byok must be'],
      ['no list', { emu: { apiKey: key } }, 'must have a list of one credential'],
      ['a list of two', { emu: [{ apiKey: key }, { apiKey: key }] }, 'must have a list of one credential'],
      ['without a key', { emu: [{}] }, 'without an apiKey'],
      ['more than a key', { emu: [{ apiKey: key, region: key }] }, 'a field beside apiKey'],
      ['for an unknown provider', { emux: [{ apiKey: key }] }, 'not known here'],
      ['a short key', { emu: [{ apiKey: 'short' }] }, '8 to 4096'],
    ])('is refused when it is %s', async (_, byok, says) => {
      const refused = await ask({ gateway: { byok } });
      expect([refused.status, refused.request]).toEqual([400, undefined]);
      expect(refused.text).toContain('credential_invalid');
      expect(refused.text).toContain(says);
      expect(refused.text).not.toContain(key);
    });
  });

  test('is in no log, error or file', async () => {
    const secret = 'of.no.known.shape.0000001';
    const parrot = Bun.serve({
      port: 0,
      fetch: ({ headers }) => Response.json({ error: { message: headers.get('authorization') } }, { status: 401 }),
    });
    const parroted = await startAdminTestHouse({
      yaml: JSON.stringify({
        defaults: { retries: 0 },
        providers: [{ id: 'parrot', baseUrl: `http://127.0.0.1:${parrot.port}/v1` }],
        models: [{ name: 'chat', endpoints: ['parrot/m'] }],
      }),
    });
    try {
      const { house } = parroted;
      const body = { model: 'chat', messages: [{ role: 'user', content: 'Hello.' }] };
      const inHeader = await house.post('/v1/chat/completions', body, { headers: bring(`parrot=${secret}`) });
      const providerOptions = { gateway: { byok: { parrot: [{ apiKey: secret }] } } };
      const inBody = await house.post('/v1/chat/completions', { ...body, providerOptions });
      const text = (await inHeader.text()) + (await inBody.text());
      expect(text.match(/Bearer \[redacted\]/g)).toHaveLength(2);
      const row = JSON.stringify(await house.lastRow(), (_, value) => (typeof value === 'bigint' ? `${value}` : value));
      expect(row).toContain('"paidBy":"request"');
      const entries = await parroted.call('GET', '/ledger/entries');
      for (const each of [text, row, entries.text, house.lines.join('')]) expect(each).not.toContain(secret);
    } finally {
      await parroted.house.stop();
      await parrot.stop(true);
    }
  });
});

describe('in the ledger', () => {
  const lastEntry = async (house = admin) => {
    await house.house.gateway.flush();
    return (await house.call('GET', '/ledger/entries?limit=1')).body.data[0];
  };

  test('what an own credential pays for is marked, costs the gateway nothing, and leaves its price', async () => {
    await send(keys.web);
    const shared = await lastEntry();
    expect(shared).not.toHaveProperty('paidBy');
    expect(Number(shared?.costUsd)).toBeGreaterThan(0);
    await withCredential(own('team', { teamId: 'web' }), async () => {
      await send(keys.web);
      expect(await lastEntry()).toMatchObject({ paidBy: 'team:web', costUsd: '0', ownCostUsd: shared?.costUsd });
    });
  });

  test('budgets do not count it, also after they are restored, unless byok.counts says so', async () => {
    for (const counts of [false, true]) {
      const house = await startAdminTestHouse({ yaml: yaml({ byok: { counts } }) });
      try {
        await house.call('POST', '/teams', { name: 'web' });
        const key = await house.newKey({ name: 'web-1', teamId: 'web' });
        await house.call('POST', '/credentials', own('team', { provider: 'emu', teamId: 'web' }));
        const chat = () => house.chat(key);
        expect(await chat()).toBe(200);
        await house.house.gateway.flush();
        // Starts from what the ledger says.
        await house.call('PATCH', '/teams/web', { budgets: [{ amount: 1_000, per: 'month' }] });
        const spent = async () => {
          const { body } = await house.call('GET', '/teams/web/budgets');
          return (body.data[0]?.spent as { nanoUsd: string } | undefined)?.nanoUsd;
        };
        const entry = await lastEntry(house);
        const cost = String(entry?.costNanoUsd);
        expect([counts, cost === '0', entry?.paidBy, await spent()]).toEqual([counts, !counts, 'team:web', cost]);
        expect(await chat()).toBe(200);
        expect(await spent()).toBe(String(2n * BigInt(cost)));
        await house.call('PATCH', '/teams/web', { budgets: [{ amount: '0.000000001', per: 'month' }] });
        expect([counts, await chat()]).toEqual([counts, counts ? 402 : 200]);
      } finally {
        await house.house.stop();
      }
    }
  });
});
