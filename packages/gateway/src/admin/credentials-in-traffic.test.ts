import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { startEmulator } from '@turnpike/emulator/emulator.ts';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const endpoint = (fields: object) => ({ provider: 'emu', model: 'm', price: { input: 1, output: 2 }, ...fields });
let admin: AdminTestHouse;
beforeAll(async () => {
  const yaml = JSON.stringify({
    server: { shutdownGraceMs: 1_000 },
    defaults: { retries: 0 },
    providers: [
      { id: 'emu', baseUrl: '{{upstream}}/v1' },
      { id: 'claude', baseUrl: '{{upstream}}/v1', dialect: 'anthropic-messages' },
    ],
    models: [
      { name: 'chat', endpoints: [endpoint({ credential: 'main' })] },
      { name: 'claude', endpoints: [endpoint({ provider: 'claude', credential: 'for-claude' })] },
      {
        name: 'mixed',
        endpoints: [endpoint({ credential: 'absent', order: 0 }), endpoint({ credential: 'main', order: 1 })],
      },
      { name: 'wrong', endpoints: [endpoint({ credential: 'for-claude' })] },
      { name: 'elsewhere', endpoints: [endpoint({ credential: 'main', baseUrl: 'http://127.0.0.1:9/v1' })] },
      { name: 'any-*', endpoints: [endpoint({ model: '*', credential: 'main' })] },
    ],
  });
  admin = await startAdminTestHouse({ yaml });
  await admin.call('POST', '/credentials', { name: 'main', provider: 'emu', secret: 'sk-first-secret-0001' });
  await admin.call('POST', '/credentials', { name: 'for-claude', provider: 'claude', secret: 'sk-claude-secret-0001' });
});
beforeEach(() => admin.house.emulator.reset());
afterAll(() => admin.house.stop());

/** What arrived at the provider, or what was answered instead. */
async function sent(model: string, body: object = {}): Promise<Record<string, string> | string> {
  const { house } = admin;
  const before = house.emulator.requests.length;
  const response = await house.post('/v1/chat/completions', {
    model,
    messages: [{ role: 'user', content: 'Hello.' }],
    ...body,
  });
  const text = await response.text();
  const request = house.emulator.requests[before];
  return request === undefined ? text : Object.fromEntries(request.headers);
}

describe('a stored credential', () => {
  test('is what arrives at the provider, in the way of its provider', async () => {
    expect(await sent('chat')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
    expect(await sent('claude')).toMatchObject({ 'x-api-key': 'sk-claude-secret-0001' });
    expect(await sent('any-thing')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
  });

  test('brings its headers', async () => {
    const headers = { 'x-account': 'account-of-ours', 'OpenAI-Organization': 'org-ours' };
    const changed = await admin.call('PATCH', '/credentials/main', { headers });
    expect(changed.body).toMatchObject({ headerNames: ['x-account', 'OpenAI-Organization'], hint: '…0001' });
    expect(changed.text).not.toContain('account-of-ours');
    expect(await sent('chat')).toMatchObject({
      authorization: 'Bearer sk-first-secret-0001',
      'x-account': 'account-of-ours',
      'openai-organization': 'org-ours',
    });
    await admin.call('PATCH', '/credentials/main', { headers: null });
    expect(await sent('chat')).not.toHaveProperty('x-account');
  });

  test('is shown by its last four characters, and never itself', async () => {
    const { text, body } = await admin.call('GET', '/credentials/main');
    expect(body).toMatchObject({ name: 'main', provider: 'emu', hint: '…0001', isBlocked: false, headerNames: [] });
    expect(text).not.toMatch(/sk-first|sealed/);
    const { body: short } = await admin.call('POST', '/credentials', {
      name: 's',
      provider: 'emu',
      secret: 'short-12345',
    });
    expect(short.hint).toBe('…');
  });

  test('of another name, owner or kind of provider is refused with its reason, and others serve', async () => {
    expect(await sent('wrong')).toContain('its credential \\"for-claude\\" is one of the provider claude');
    expect(await sent('elsewhere')).toContain('its credential \\"main\\" is for another address');
    expect(await sent('mixed')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
    const row = await admin.house.lastRow();
    expect(row.plan.join('\n')).toContain('left out, there is no shared credential "absent"');
  });

  test('that is blocked or deleted is a clear fault, until it is there again', async () => {
    await admin.call('PATCH', '/credentials/main', { isBlocked: true });
    const blocked = await admin.house.post('/v1/chat/completions', { model: 'chat', messages: [] });
    expect([blocked.status, await blocked.text()]).toEqual([503, expect.stringContaining('\\"main\\" is blocked')]);
    await admin.call('PATCH', '/credentials/main', { isBlocked: null });
    expect(await sent('chat')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
    await admin.call('DELETE', '/credentials/main');
    expect(await sent('chat')).toContain('there is no shared credential \\"main\\"');
    await admin.call('POST', '/credentials', { name: 'main', provider: 'emu', secret: 'sk-first-secret-0001' });
    expect(await sent('chat')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
  });

  test('a new value takes over when the change is answered; a stream under way ends with the old one', async () => {
    const { emulator } = admin.house;
    emulator.script([{ text: 'a long answer in many words that takes its time' }]);
    emulator.fault('slow-first-byte,150');
    const running = admin.house.post('/v1/chat/completions', { model: 'chat', stream: true, messages: [] });
    while (emulator.requests.length === 0) await Bun.sleep(5);
    const changed = await admin.call('PATCH', '/credentials/main', { secret: 'sk-second-secret-0002' });
    expect(changed.body).toMatchObject({ hint: '…0002' });
    expect(await sent('chat')).toMatchObject({ authorization: 'Bearer sk-second-secret-0002' });
    const answer = await running;
    expect([answer.status, (await answer.text()).includes('[DONE]')]).toEqual([200, true]);
    expect(emulator.requests[0]?.headers.get('authorization')).toBe('Bearer sk-first-secret-0001');
    await admin.call('PATCH', '/credentials/main', { secret: 'sk-first-secret-0001' });
  });

  test('is redacted where a provider repeats it', async () => {
    const parrot = Bun.serve({
      port: 0,
      fetch: ({ headers }) =>
        Response.json(
          { error: { message: `Incorrect: ${headers.get('authorization')}, ${headers.get('x-account')}` } },
          { status: 401 },
        ),
    });
    const secret = 'sk_of_no_known_shape!';
    const headers = { 'x-account': 'account-of-ours' };
    const baseUrl = `http://127.0.0.1:${parrot.port}/v1`;
    try {
      await admin.call('PATCH', '/credentials/main', { secret, headers, baseUrl });
      const response = await admin.house.post('/v1/chat/completions', { model: 'chat', messages: [] });
      const text = await response.text();
      expect(text).toContain('Incorrect: Bearer');
      const row = JSON.stringify((await admin.house.lastRow()).faultMessage);
      for (const each of [secret, 'account-of-ours']) expect(text + row + admin.house.lines).not.toContain(each);
    } finally {
      await parrot.stop(true);
      await admin.call('PATCH', '/credentials/main', { secret: 'sk-first-secret-0001', headers: null, baseUrl: null });
    }
  });
});

describe('its address', () => {
  test('is where it goes, and moves only with the secret', async () => {
    const other = await startEmulator();
    try {
      const refused = await admin.call('PATCH', '/credentials/main', { baseUrl: `${other.url}/v1` });
      expect(refused).toMatchObject({ status: 400, body: { error: { field: 'secret' } } });
      await admin.call('PATCH', '/credentials/main', { baseUrl: `${other.url}/v1/`, secret: 'sk-third-secret-0003' });
      expect(await sent('chat')).toContain('chat.completion');
      expect(other.requests[0]?.headers.get('authorization')).toBe('Bearer sk-third-secret-0003');
      expect(other.requests[0]?.path).toBe('/v1/chat/completions');
      await admin.call('PATCH', '/credentials/main', { baseUrl: null, secret: 'sk-first-secret-0001' });
      expect(await sent('chat')).toMatchObject({ authorization: 'Bearer sk-first-secret-0001' });
    } finally {
      await other.stop();
    }
  });
});

describe('is refused', () => {
  const right = { name: 'new', provider: 'emu', secret: 'sk-new-secret-0000001' };
  test.each<[string, object, number, string]>([
    ['an unknown provider', { ...right, provider: 'emux' }, 400, 'provider'],
    ['no provider', { ...right, provider: undefined }, 400, 'provider'],
    ['no secret', { ...right, secret: undefined }, 400, 'secret'],
    ['a short secret', { ...right, secret: 'short' }, 400, 'secret'],
    ['a secret that is no header', { ...right, secret: 'sk-with\nline-0123456789' }, 400, 'secret'],
    ['a field that means nothing', { ...right, apiKey: 'sk-x' }, 400, 'apiKey'],
    ['an address with a password', { ...right, baseUrl: 'http://user:pass@host/v1' }, 400, 'baseUrl'],
    ['a header that is none', { ...right, headers: { 'a b': 'x' } }, 400, 'headers.a b'],
    ['a header that breaks its line', { ...right, headers: { a: 'x\r\ny: z' } }, 400, 'headers.a'],
    ['a name that is taken', { ...right, name: 'main' }, 409, 'name'],
  ])('%s', async (_, body, status, field) => {
    const answer = await admin.call('POST', '/credentials', body);
    expect([answer.status, answer.body.error.field]).toEqual([status, field]);
    expect(answer.text).not.toContain('sk-');
  });

  test('a change of its provider or name', async () => {
    for (const change of [{ provider: 'claude' }, { name: 'other' }, { secret: null }]) {
      expect((await admin.call('PATCH', '/credentials/main', change)).status).toBe(400);
    }
  });
});
