import { afterAll, beforeAll, expect, test } from 'bun:test';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

/** Secrets the provider takes, and what was shown to it. */
let taken: string[] = [];
let shown: string[] = [];
let provider: ReturnType<typeof Bun.serve>;
let admin: AdminTestHouse;
beforeAll(async () => {
  provider = Bun.serve({
    port: 0,
    fetch: ({ headers }) => {
      const secret = headers.get('authorization')?.replace('Bearer ', '') ?? '';
      shown.push(secret);
      if (!taken.includes(secret)) return Response.json({ error: { message: `No ${secret} here.` } }, { status: 401 });
      const message = { role: 'assistant', content: 'Hello.' };
      const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      return Response.json({ id: 'c-1', object: 'chat.completion', created: 1, model: 'm', choices, usage });
    },
  });
  admin = await startAdminTestHouse({
    yaml: JSON.stringify({
      defaults: { retries: 0 },
      providers: [{ id: 'own', baseUrl: `http://127.0.0.1:${provider.port}/v1` }],
      models: [
        {
          name: 'chat',
          endpoints: [{ provider: 'own', model: 'm', credential: 'main', price: { input: 1_000, output: 2_000 } }],
        },
        { name: 'team', endpoints: [{ provider: 'own', model: 'm' }] },
      ],
    }),
  });
});
afterAll(async () => {
  await admin.house.stop();
  await provider.stop(true);
});

const secrets = ['of.no.known.shape.one', 'of.no.known.shape.two', 'of.no.known.shape.three'] as const;
const [one, two, three] = secrets;

async function chat(model = 'chat', key?: string) {
  shown = [];
  const body = { model, messages: [{ role: 'user', content: 'Hello.' }] };
  const headers: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const response = await admin.house.post('/v1/chat/completions', body, { headers });
  const text = await response.text();
  for (const secret of secrets) expect(text).not.toContain(secret);
  return { status: response.status, shown };
}

const rotate = (name: string, body: object) => admin.call('POST', `/credentials/${name}/rotate`, body);

test('a rotated credential is in force at once, and what it was before steps in while the provider does not take it', async () => {
  taken = [one];
  await admin.call('POST', '/credentials', { name: 'main', provider: 'own', secret: one });
  expect(await chat()).toEqual({ status: 200, shown: [one] });
  const rotated = await rotate('main', { secret: two, graceMs: 60_000 });
  expect(rotated).toMatchObject({ status: 200, body: { secretVersion: 2, previousUntilMs: expect.any(Number) } });
  expect(rotated.text).not.toContain(one);
  expect(await chat()).toEqual({ status: 200, shown: [two, one] });
  taken = [one, two];
  expect(await chat()).toEqual({ status: 200, shown: [two] });
  taken = [];
  expect(await chat()).toEqual({ status: 401, shown: [two, one] });
});

test('what was refused costs nothing, and the log says what was done', async () => {
  taken = [one];
  await chat();
  const row = await admin.house.lastRow();
  expect(row.attempts).toMatchObject([{ status: 401, costNanoUsd: 0n }, { status: 200 }]);
  expect(row.plan.join()).toMatch(/own.m#\w+: its credential was refused, the previous one is tried/);
});

test('other changes leave the previous one as it is; a secret given by PATCH has it forgotten', async () => {
  taken = [one];
  await admin.call('PATCH', '/credentials/main', { headers: { 'x-account': 'ours' } });
  expect(await chat()).toEqual({ status: 200, shown: [two, one] });
  const patched = await admin.call('PATCH', '/credentials/main', { secret: three });
  expect(patched.body).not.toHaveProperty('previousUntilMs');
  expect(await chat()).toEqual({ status: 401, shown: [three] });
});

test('without grace, or after it, only the new one is tried', async () => {
  taken = [three];
  await rotate('main', { secret: two });
  expect(await chat()).toEqual({ status: 401, shown: [two] });
  await rotate('main', { secret: three });
  await rotate('main', { secret: two, graceMs: 1 });
  await Bun.sleep(5);
  expect(await chat()).toEqual({ status: 401, shown: [two] });
});

test("a team's own is rotated by a key of the team, and by no other", async () => {
  await admin.call('POST', '/teams', { name: 'web' });
  const key = await admin.newKey({ name: 'web-1', teamId: 'web', adminScopes: ['credentials:write'] });
  await admin.call('POST', '/credentials', { name: 'of-web', provider: 'own', secret: one, teamId: 'web' });
  const rotateAs = (name: string) =>
    admin.call('POST', `/credentials/${name}/rotate`, { secret: two, graceMs: 60_000 }, { key });
  expect((await rotateAs('of-web')).status).toBe(200);
  expect((await rotateAs('main')).status).toBe(404);
  taken = [one];
  expect(await chat('team', key)).toEqual({ status: 200, shown: [two, one] });
});

test.each([
  { secret: two, graceMs: -1 },
  { secret: two, graceMs: 91 * 86_400_000 },
  { secret: 'short' },
  { graceMs: 1 },
  { secret: two, baseUrl: 'http://127.0.0.1:9' },
])('%o is refused', async (body) => {
  expect(await rotate('main', body)).toMatchObject({ status: 400, body: { error: { code: 'body_invalid' } } });
});

test('no secret is in the log, the audit log or what is stored', async () => {
  const audit = await admin.call('GET', '/audit');
  const entries = await admin.call('GET', '/ledger/entries');
  expect(audit.text).toContain('credentials.rotate');
  const entities = JSON.stringify(await admin.house.gateway.store.records.entities());
  expect(entities).toContain('sealed');
  for (const text of [audit.text, entries.text, entities, admin.house.lines.join('')]) {
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});
