/**
 * Every secret that a gateway is trusted with is put to work through every API there is, rightly and wrongly. Afterwards
 * none of them stands in clear anywhere: not in an answer, the log, the files, or any table of either database.
 */
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SQL } from 'bun';
import { ADMIN, type House, onEachStore } from './named/house.ts';

/** A provider that refuses with all it was sent. */
const parrot = Bun.serve({
  port: 0,
  hostname: '127.0.0.1',
  fetch: ({ headers }) =>
    Response.json({ error: { message: JSON.stringify(Object.fromEntries(headers)) } }, { status: 401 }),
});
afterAll(() => parrot.stop(true));

/** Of no shape that is known, so that only its value gives it away. */
const secretOf = (what: string) => `${what}.secret.of.this.test.0123456789`;
const CONFIGURED = secretOf('configured');

const options = {
  config: { keys: [{ name: 'of-the-file', key: secretOf('file-key'), budgets: [{ amount: 1, per: 'day' }] }] },
  providers: [
    { id: 'parrot', dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${parrot.port}/v1` },
    { id: 'own', dialect: 'openai-chat', baseUrl: `http://127.0.0.1:${parrot.port}/v1`, apiKey: CONFIGURED },
  ],
  models: [
    { name: 'parrot', retries: 0, endpoints: [{ provider: 'parrot', model: 'm', credential: 'main' }] },
    {
      name: 'own',
      retries: 0,
      endpoints: [{ provider: 'own', model: 'm', headers: { 'x-extra': secretOf('header') } }],
    },
  ],
};

onEachStore(options, (house, database) => {
  /** Those that must be nowhere. */
  const secrets = new Map<string, string>([
    ['admin key', ADMIN],
    ['key of the file', secretOf('file-key')],
    ['credential of the file', CONFIGURED],
    ['header of the file', secretOf('header')],
  ]);
  const answers: string[] = [];
  let makers = 0;

  interface CallOptions {
    readonly key?: string;
    readonly headers?: Record<string, string>;
    /** Field of the answer that shows a new key: the one place it is meant to be in. */
    readonly shows?: string;
    /** What the answer may repeat, once. */
    readonly repeats?: string;
  }

  /** Any request; what it answers is kept, but for the key that it is meant to show. @returns that key. */
  async function call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<string> {
    const { key = ADMIN, headers = {}, shows, repeats = '' } = options;
    const response = await fetch(house().gateway.url + path, {
      method,
      headers: {
        ...(key !== '' && { authorization: `Bearer ${key}` }),
        'content-type': 'application/json',
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const told = [...response.headers].map(([name, value]) => `${name}: ${value}`).join('\n');
    let shown = repeats;
    if (shows !== undefined) {
      shown = String(JSON.parse(text)[shows] ?? '');
      if (!response.ok || shown.length < 20) throw new Error(`${method} ${path} shows no key: ${text}`);
      secrets.set(`key ${++makers}, made by ${path}`, shown);
    }
    const occurrences = shown === '' ? 1 : text.split(shown).length - 1;
    expect([path, occurrences]).toEqual([path, 1]);
    answers.push(`${told}\n${shown === '' ? text : text.replace(shown, '')}`);
    return shown;
  }

  /** A secret of the test's making. */
  function brought(what: string): string {
    const secret = secretOf(what);
    secrets.set(what, secret);
    return secret;
  }

  const admin = (method: string, path: string, body?: unknown, options?: CallOptions) =>
    call(method, `/admin/api/v1${path}`, body, options);
  const chat = (key: string, model: string, headers?: Record<string, string>) =>
    call(
      'POST',
      '/v1/chat/completions',
      { model, max_tokens: 5, messages: [{ role: 'user', content: 'Hello.' }] },
      { key, ...(headers && { headers }) },
    );

  async function useAdminApi(): Promise<string[]> {
    const once = { headers: { 'idempotency-key': 'once' } };
    const made = await admin('POST', '/keys', { name: 'made' }, { ...once, shows: 'key' });
    await admin('POST', '/keys', { name: 'made' }, once);
    const own = brought('own key');
    await admin('POST', '/keys', { name: 'own', key: own });
    await admin('POST', '/keys', { name: 'own-again', key: own });
    await admin('POST', '/keys', { name: 'wrong', key: own, colour: own });
    await admin('POST', '/keys', `{"name": "broken", "key": "${own}"`);
    await admin('PATCH', '/keys/own', { key: own });
    const rotated = await admin('POST', '/keys/made/rotate', { graceMs: 60_000 }, { shows: 'key' });
    for (const path of [`/keys/${own}`, `/keys?name=${own}`, `/logs?key=${own}`, `/${own}`]) await admin('GET', path);
    return [made, own, rotated];
  }

  async function useCredentials(): Promise<void> {
    const secret = brought('credential');
    const next = brought('next credential');
    const header = brought('header of a credential');
    const once = { headers: { 'idempotency-key': 'credential' } };
    const fields = { name: 'main', provider: 'parrot', secret };
    await admin('POST', '/credentials', fields, once);
    await admin('POST', '/credentials', fields, once);
    await admin('POST', '/credentials', { ...fields, secret: next }, once);
    await admin('POST', '/credentials', { ...fields, name: 'odd', headers: { 'x a': header } });
    await chat(ADMIN, 'parrot');
    await admin('PATCH', '/credentials/main', { headers: { 'x-account': header } });
    await chat(ADMIN, 'parrot');
    await admin('POST', '/credentials/main/rotate', { secret: next });
    await chat(ADMIN, 'parrot');
    await admin('PATCH', '/credentials/main', { secret, colour: next });
    await admin('PATCH', '/credentials/main', `{"secret": "${secret}"`);
    await admin('GET', `/credentials/${secret}`);
    // Brought along with a request, which is all it is for.
    const along = brought('credential of a request');
    await chat(ADMIN, 'parrot', { 'x-turnpike-provider-key': `parrot=${along}` });
    await chat(ADMIN, 'parrot', { 'x-turnpike-provider-key': `${along}=${along}` });
    await chat(ADMIN, 'parrot', { 'x-turnpike-provider-key': along });
    // One of a team's own.
    await admin('POST', '/teams', { name: 'payers' });
    const ofTeam = brought('credential of a team');
    await admin('POST', '/credentials', { name: 'theirs', provider: 'parrot', secret: ofTeam, teamId: 'payers' });
    const key = await admin('POST', '/keys', { name: 'payer', teamId: 'payers' }, { shows: 'key' });
    await chat(key, 'parrot');
  }

  async function useFaces(): Promise<string[]> {
    const openrouter = await call('POST', '/api/v1/keys', { name: 'Of OpenRouter', limit: 5 }, { shows: 'key' });
    for (const path of ['/api/v1/key', '/api/v1/credits', '/v1/credits']) {
      await call('GET', path, undefined, { key: openrouter });
    }
    for (const path of ['/api/v1/keys', '/api/v1/activity', `/api/v1/keys/${openrouter}`]) await call('GET', path);
    await call('POST', '/api/v1/keys', { name: 'x', key: openrouter });
    const litellm = await call('POST', '/key/generate', { key_alias: 'of litellm', max_budget: 5 }, { shows: 'key' });
    const custom = `sk-${secretOf('chosen').replaceAll('.', '-')}`;
    await call('POST', '/key/generate', { key: custom, key_alias: 'chosen' }, { shows: 'key' });
    await call('POST', '/key/generate', { key: custom, key_alias: 'chosen again' });
    await call('POST', '/key/generate', { key_alias: 'wrong', colour: custom });
    for (const key of [litellm, custom]) {
      await call('GET', '/key/info', undefined, { key });
      // As LiteLLM does, it repeats to whoever sent a key the key that was sent.
      await call('GET', `/key/info?key=${key}`, undefined, { repeats: key });
      await call('POST', '/v2/key/info', { keys: [key, `${key}-mistyped`] });
      await call('POST', '/key/update', { key, max_budget: 7 }, { repeats: key });
      await call('POST', '/key/block', { key });
      await call('POST', '/key/unblock', { key });
    }
    const again = await call('POST', '/key/regenerate', { key: litellm }, { shows: 'key' });
    await call('POST', '/key/delete', { keys: [custom] }, { repeats: custom });
    await call('POST', '/key/delete', { keys: [custom] });
    for (const path of ['/key/list?return_full_object=true', '/key/aliases', '/team/list', '/user/list']) {
      await call('GET', path);
    }
    return [openrouter, litellm, again, custom];
  }

  beforeAll(async () => {
    house().answers(3);
    const keys = [...(await useAdminApi()), ...(await useFaces()), secretOf('file-key')];
    await useCredentials();
    const mistyped = brought('key that nobody knows');
    const token = `eyJhbGciOiJFUzI1NiJ9.${btoa(JSON.stringify({ sub: 'ann' }))}.${brought('token').replaceAll('.', '-')}`;
    secrets.set('token', token);
    for (const key of [...keys, mistyped, token]) {
      for (const model of ['chat', 'own', 'no-such-model']) await chat(key, model);
      await call('GET', '/v1/models', undefined, { key });
      await call('GET', '/admin/api/v1/keys', undefined, { key });
      await call('GET', `/v1/models?key=${key}`, undefined, { key: '' });
      await call('POST', '/v1/messages', '{', { key: '', headers: { 'x-api-key': key } });
    }
    for (const path of [
      'keys',
      'credentials',
      'audit',
      'audit/export',
      'info',
      'endpoints',
      'logs',
      'ledger/entries',
    ]) {
      await admin('GET', `/${path}`);
    }
    await house().gateway.flush();
  }, 30_000);

  test('there is something to be found, and where it is looked for there is something', async () => {
    expect(secrets.size).toBeGreaterThan(18);
    const texts = await everything(house());
    const all = [...texts.values()].join('\n');
    for (const trace of ['keys.create', 'of litellm', 'Of OpenRouter', 'credentials.rotate', '[redacted]']) {
      expect([trace, `${all}${answers.join('\n')}`.includes(trace)]).toEqual([trace, true]);
    }
    expect([...texts.keys()].some((place) => place.includes(database === 'SQLite' ? 'turnpike.db' : 'table '))).toBe(
      true,
    );
  });

  test('no secret is anywhere in clear, in base64, in an address or as a plain digest', async () => {
    const texts = (await everything(house())).set('log', house().lines.join('\n')).set('answers', answers.join('\n'));
    const found: string[] = [];
    for (const [name, secret] of secrets) {
      const digest = new Bun.CryptoHasher('sha256').update(secret).digest('hex');
      const hex = Buffer.from(secret).toString('hex');
      for (const form of [
        secret,
        secret.slice(8),
        btoa(secret).replace(/=+$/, ''),
        encodeURIComponent(secret),
        digest,
        hex,
      ]) {
        for (const [place, text] of texts) if (text.includes(form)) found.push(`${name} in ${place}`);
      }
    }
    expect([...new Set(found)]).toEqual([]);
  });
});

/** All that a house keeps, by where it stands. The file of the configuration and that of the server's secret are theirs. */
async function everything(house: House): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const path of filesIn(house.dataDir)) texts.set(path, readFileSync(path, 'latin1'));
  if (house.databaseUrl === undefined) return texts;
  const sql = new SQL(house.databaseUrl, { max: 1 });
  try {
    const tables = await sql<{ name: string }[]>`
      SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'`;
    for (const { name } of tables) {
      const rows = await sql.unsafe<{ text: string }[]>(`SELECT t::text AS text FROM "${name}" AS t`);
      texts.set(`table ${name}`, rows.map(({ text }) => text).join('\n'));
    }
  } finally {
    await sql.close();
  }
  return texts;
}

function filesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesIn(path) : [path];
  });
}
