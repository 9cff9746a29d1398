import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { readFile, writeFile } from 'node:fs/promises';
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from 'jose';
import { type AdminTestHouse, startAdminTestHouse } from '../admin/admin-house.test-support.ts';
import { KeyDirectory } from './key-directory.ts';
import { digestKeysOf, SecretDigest } from './secret-digest.ts';
import { TokenVerifier } from './token-verifier.ts';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;

let admin: AdminTestHouse;
let pair: Pair;
let other: Pair;
/** What the issuer publishes; undefined: it is down. */
let published: object[] | undefined;
let fetches = 0;
const server = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: (request): Response => {
    if (new URL(request.url).pathname === '/.well-known/openid-configuration') {
      return Response.json({ issuer: issuerUrl, jwks_uri: `${issuerUrl}/jwks` });
    }
    fetches++;
    return published === undefined ? new Response('down', { status: 500 }) : Response.json({ keys: published });
  },
});
const issuerUrl: string = `http://127.0.0.1:${server.port}`;
const nowSec = () => Math.floor(Date.now() / 1000);
const published1 = async (key: Pair, kid: string) => ({ ...(await exportJWK(key.publicKey)), kid, alg: 'ES256' });

interface Signing {
  kid?: string | null;
  key?: CryptoKey | Uint8Array;
  alg?: string;
}

function token(claims: Record<string, unknown> = {}, { kid = 'one', key, alg = 'ES256' }: Signing = {}) {
  const all = { iss: issuerUrl, aud: 'turnpike', sub: 'alice', exp: nowSec() + 300, ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(present).setProtectedHeader({ alg, ...(kid !== null && { kid }) }).sign(key ?? pair.privateKey);
}

async function refusal(key: string, path = '/v1/chat/completions', model = 'chat') {
  const body = { model, max_tokens: 9, messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await admin.house.post(path, body, { headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  expect(text).not.toContain(key.slice(-20));
  return { status: response.status, text };
}

beforeAll(async () => {
  pair = await generateKeyPair('ES256', { extractable: true });
  other = await generateKeyPair('ES256');
  published = [await published1(pair, 'one')];
  const endpoint = { provider: 'openai', baseUrl: '{{upstream}}/v1', apiKey: 'sk-upstream-openai' };
  admin = await startAdminTestHouse({
    yaml: JSON.stringify({
      auth: {
        jwt: {
          issuers: [
            {
              name: 'corp',
              issuer: issuerUrl,
              audience: ['turnpike', 'llm'],
              claims: { team: 'corp.groups', roles: 'scope', tags: 'https://corp.example/tags' },
              teamMapping: { 'g-web': 'web', 'g-gone': 'gone', 'g-lead': 'lead' },
              roleMapping: { 'llm-admin': 'admin' },
              policy: { models: ['cha*'], modelGroups: ['of-tokens'], allowRequestCredentials: true },
            },
          ],
        },
      },
      models: [
        { name: 'chat', endpoints: [{ ...endpoint, model: 'gpt-test' }] },
        { name: 'chapter', endpoints: [{ ...endpoint, model: 'gpt-test' }] },
        { name: 'else', endpoints: [{ ...endpoint, model: 'gpt-test' }] },
      ],
    }),
  });
  await admin.call('POST', '/users', { name: 'alice' });
  await admin.call('POST', '/teams', { name: 'web', policy: { models: ['chat', 'else'] } });
});
afterAll(async () => {
  await admin.house.stop();
  await server.stop(true);
});

describe('a token in place of a key', () => {
  test('stands for its user and team, under the policies of all', async () => {
    const plain = await token();
    expect([await admin.chat(plain), await admin.chat(plain, 'chapter'), await admin.chat(plain, 'else')]).toEqual([
      200, 200, 403,
    ]);
    const inTeam = await token({ corp: { groups: ['g-other', 'g-web'] }, 'https://corp.example/tags': ['blue'] });
    expect([await admin.chat(inTeam), await admin.chat(inTeam, 'chapter')]).toEqual([200, 403]);
    const listed = await fetch(`${admin.house.gateway.url}/v1/models`, {
      headers: { authorization: `Bearer ${await token({ jti: 'list' })}` },
    });
    expect(listed.status).toBe(200);
  });

  test('uses what is in the groups of its issuer at the time, and pays with the credential of its team', async () => {
    const plain = await token({ jti: 'groups' });
    expect(await admin.chat(plain, 'else')).toBe(403);
    await admin.call('POST', '/model-groups', { name: 'of-tokens', models: ['els*'] });
    expect(await admin.chat(plain, 'else')).toBe(200);
    await admin.call('PATCH', '/model-groups/of-tokens', { models: ['nothing'] });
    expect(await admin.chat(plain, 'else')).toBe(403);
    const { emulator } = admin.house;
    const baseUrl = `${emulator.url}/v1`;
    const made = { name: 'of-web', provider: 'openai', secret: 'sk-own-of-web-01', teamId: 'web', baseUrl };
    await admin.call('POST', '/credentials', made);
    const inTeam = await token({ corp: { groups: 'g-web' }, jti: 'paying' });
    const paid = async (key: string) => {
      expect(await admin.chat(key)).toBe(200);
      return emulator.requests.at(-1)?.headers.get('authorization');
    };
    expect([await paid(inTeam), await paid(plain)]).toEqual(['Bearer sk-own-of-web-01', 'Bearer sk-upstream-openai']);
    await admin.call('DELETE', '/credentials/of-web');
    expect(await paid(inTeam)).toBe('Bearer sk-upstream-openai');
  });

  test('is refused from the request after its user or team was blocked', async () => {
    const inTeam = await token({ corp: { groups: 'g-web' }, jti: 'block' });
    for (const place of ['/users/alice', '/teams/web']) {
      expect(await admin.chat(inTeam)).toBe(200);
      await admin.call('PATCH', place, { isBlocked: true });
      expect(await admin.chat(inTeam)).toBe(403);
      await admin.call('PATCH', place, { isBlocked: false });
    }
    expect(await admin.chat(inTeam)).toBe(200);
  });

  test('administers what its role allows where its team is, and nothing without one', async () => {
    const asRole = async (claims: Record<string, unknown>, method: string, path: string, body?: unknown) =>
      (await admin.call(method, path, body, { key: await token(claims) })).status;
    const inTeam = { corp: { groups: ['g-web'] }, scope: 'openid llm-admin' };
    expect(await asRole(inTeam, 'GET', '/keys')).toBe(200);
    expect(await asRole(inTeam, 'POST', '/teams', { name: 'more' })).toBe(403);
    expect(await asRole({ scope: 'llm-admin' }, 'GET', '/keys')).toBe(403);
    expect(await asRole({ corp: { groups: ['g-web'] }, scope: 'constructor owner' }, 'GET', '/keys')).toBe(403);
  });
});

describe('a key made with a token', () => {
  const inTeam = { corp: { groups: ['g-lead'] }, scope: 'llm-admin' };
  let alices: string;
  beforeAll(async () => {
    await admin.call('POST', '/teams', { name: 'lead', policy: { models: ['*'] } });
    alices = await token({ ...inTeam, jti: 'maker' });
  });

  test("is under the issuer's policy, and so are keys made with that key, whatever they say themselves", async () => {
    const policy = { models: ['*'] };
    const scopes = ['keys:read', 'keys:write'];
    const made = await admin.call('POST', '/keys', { name: 'made', policy, adminScopes: scopes }, { key: alices });
    expect(made).toMatchObject({ status: 201, body: { issuer: 'corp', policy } });
    const second = await admin.call('POST', '/keys', { name: 'second', policy }, { key: made.body.key });
    expect(second).toMatchObject({ status: 201, body: { issuer: 'corp' } });
    for (const { key } of [made.body, second.body]) {
      expect([await admin.chat(key), await admin.chat(key, 'chapter'), await admin.chat(key, 'else')]).toEqual([
        200, 200, 403,
      ]);
    }
    await admin.call('PATCH', '/keys/made', { policy: { models: ['else'] } }, { key: alices });
    expect(await admin.chat(made.body.key, 'else')).toBe(403);
    expect((await admin.call('PATCH', '/keys/made', { issuer: null })).status).toBe(400);
    const renewed = await admin.call('POST', '/keys/second/rotate', {}, { key: alices });
    expect([renewed.status, await admin.chat(renewed.body.key, 'else')]).toEqual([200, 403]);
  });

  test('is the only kind of key that a token gets hold of', async () => {
    const wide = await admin.newKey({ name: 'wide', teamId: 'lead' });
    expect(await admin.chat(wide, 'else')).toBe(200);
    expect((await admin.call('POST', '/keys/wide/rotate', {}, { key: alices })).body.error.code).toBe('scope_missing');
    expect(await admin.chat(wide, 'else')).toBe(200);
    expect((await admin.call('POST', '/keys/wide/rotate')).status).toBe(200);
  });

  test("follows its issuer's policy, and is of no use without it", async () => {
    const made = await admin.call('POST', '/keys', { name: 'follower' }, { key: alices });
    const { configFile, gateway } = admin.house;
    const before = await readFile(configFile, 'utf8');
    const reload = async (text: string) => {
      await writeFile(configFile, text);
      await gateway.reload();
    };
    await reload(before.replace('"cha*"', '"else"'));
    expect([await admin.chat(made.body.key), await admin.chat(made.body.key, 'else')]).toEqual([403, 200]);
    await reload(before.replace('"corp"', '"renamed"'));
    expect([await admin.chat(made.body.key), await admin.chat(made.body.key, 'else')]).toEqual([403, 403]);
    await reload(before);
    expect(await admin.chat(made.body.key)).toBe(200);
  });
});

describe('a token that is not accepted', () => {
  test('is told why, in the dialect of the caller', async () => {
    const spki = new TextEncoder().encode(await exportSPKI(pair.publicKey));
    const [header = '', body = '', signature = ''] = (await token()).split('.');
    const unsigned = (alg: string) => `${btoa(JSON.stringify({ alg, kid: 'one' })).replace(/=+$/, '')}.${body}.`;
    const cases: [string, string][] = [
      [await token({ aud: 'another' }), '(\\"aud\\")'],
      [await token({ aud: undefined }), '\\"aud\\" is missing'],
      [await token({ iss: 'https://evil.example' }), '(\\"iss\\")'],
      [await token({ exp: nowSec() - 61 }), 'expired'],
      [await token({ exp: undefined }), '\\"exp\\" is missing'],
      [await token({ nbf: nowSec() + 100 }), 'not valid yet'],
      [await token({ sub: undefined }), '\\"sub\\" is missing'],
      [await token({ sub: 'bob' }), 'names no user'],
      [await token({ corp: { groups: ['g-gone'] } }), 'names no team'],
      [await token({ corp: { groups: ['web'] } }), 'names no team'],
      [await token({ corp: { groups: [{}] } }), 'must be a text or a list'],
      [await token({}, { key: other.privateKey }), 'signature is wrong'],
      [await token({}, { kid: null }), '(\\"kid\\")'],
      [await token({}, { kid: 'made-up' }), 'no such key'],
      [await token({}, { key: spki, alg: 'HS256' }), '(\\"alg\\")'],
      [unsigned('none'), '(\\"alg\\")'],
      [`${header}.${body.slice(0, -3)}AAA.${signature}`, ''],
    ];
    for (const [bad, words] of cases) {
      for (const path of ['/v1/chat/completions', '/v1/messages']) {
        const { status, text } = await refusal(bad, path);
        expect([status, text]).toEqual([401, expect.stringContaining(words)]);
        expect(text.startsWith('{"type":"error"')).toBe(path === '/v1/messages');
      }
    }
  });

  test('clocks may differ by a minute', async () => {
    expect(await admin.chat(await token({ exp: nowSec() - 30 }))).toBe(200);
  });
});

describe('keys of an issuer', () => {
  const verifier = (coolDownMs: number) => {
    const policy = {};
    const issuer = {
      ...{ name: 'corp', issuer: issuerUrl, audience: ['turnpike'], jwksUrl: `${issuerUrl}/jwks`, policy },
      ...{ algorithms: ['ES256' as const], claims: {}, teamMapping: undefined, roleMapping: {}, clockSkewSec: 60 },
      unknownUsers: 'allow' as const,
    };
    return new TokenVerifier([issuer], new KeyDirectory(new SecretDigest(digestKeysOf('x'.repeat(32)))), coolDownMs);
  };

  test('are fetched once for many tokens, and again for an unknown one after the cool-down only', async () => {
    const tokens = verifier(60_000);
    const before = fetches;
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => tokens.verify(await token({ jti: String(at) }), String(at))),
    );
    expect(fetches - before).toBe(1);
    const stranger = await token({}, { kid: 'two', key: other.privateKey });
    for (const at of [1, 2]) await expect(tokens.verify(stranger, `s${at}`)).rejects.toThrow('no such key');
    expect(fetches - before).toBe(1);
  });

  test('are found when new, and stay in use when the issuer is down', async () => {
    const tokens = verifier(0);
    const known = published;
    try {
      published = undefined;
      await expect(tokens.verify(await token(), 'a')).rejects.toMatchObject({ code: 'token_unverified', status: 503 });
      published = known;
      await tokens.verify(await token(), 'b');
      published = [...(known ?? []), await published1(other, 'two')];
      await tokens.verify(await token({}, { kid: 'two', key: other.privateKey }), 'c');
      published = undefined;
      await expect(tokens.verify(await token({}, { kid: 'three' }), 'd')).rejects.toThrow('no such key');
      await tokens.verify(await token(), 'e');
      expect(tokens.find('e')?.name).toBe('corp:alice');
    } finally {
      published = known;
    }
  });

  test('a token is found until it expires', async () => {
    const tokens = verifier(0);
    await tokens.verify(await token({ exp: nowSec() - 59 }), 'short');
    await Bun.sleep(2_000);
    expect(tokens.find('short')).toBeUndefined();
  });
});
