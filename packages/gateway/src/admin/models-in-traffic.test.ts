import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { type AdminTestHouse, startAdminTestHouse } from './admin-house.test-support.ts';

const configured = (upstream: string, models: string[]) => ({
  server: { shutdownGraceMs: 1_000 },
  defaults: { retries: 0 },
  providers: [{ id: 'emu', baseUrl: `${upstream}/v1`, apiKey: 'sk-of-the-file-000001' }],
  models: models.map((name) => ({ name, endpoints: ['emu/of-the-file'] })),
});
let admin: AdminTestHouse;
beforeAll(async () => {
  admin = await startAdminTestHouse({ yaml: JSON.stringify(configured('{{upstream}}', ['filed'])) });
  await admin.call('POST', '/credentials', { name: 'main', provider: 'emu', secret: 'sk-of-the-store-000001' });
});
beforeEach(() => admin.house.emulator.reset());
afterAll(() => admin.house.stop());

interface Asked {
  readonly status: number;
  readonly code: unknown;
  readonly message: string;
  /** The model the provider was asked for, and the key it was shown. */
  readonly model: unknown;
  readonly key: string | undefined;
}

async function ask(model: string, key?: string): Promise<Asked> {
  const { house } = admin;
  house.emulator.reset();
  const headers = key === undefined ? undefined : { authorization: `Bearer ${key}` };
  const body = { model, messages: [{ role: 'user', content: 'Hello.' }] };
  const response = await house.post('/v1/chat/completions', body, headers && { headers });
  const { error } = (await response.json()) as { error?: { code?: unknown; message?: string } };
  const [request] = house.emulator.requests;
  const sent = request?.json as { model?: unknown } | undefined;
  return {
    status: response.status,
    code: error?.code,
    message: error?.message ?? '',
    model: sent?.model,
    key: request?.headers.get('authorization'),
  };
}

const listed = async () => {
  const response = await fetch(`${admin.house.gateway.url}/v1/models`, {
    headers: { authorization: `Bearer ${await admin.newKey({ name: `lists-${++count}` })}` },
  });
  return ((await response.json()) as { data: { id: string }[] }).data.map(({ id }) => id);
};
let count = 0;
const hello = [{ role: 'user', content: 'Hello.' }];

describe('a stored model', () => {
  test('serves when its making is answered, otherwise when it is changed, and not once it is deleted', async () => {
    expect(await ask('made')).toMatchObject({ status: 404, code: 'model_unknown' });
    const endpoint = { provider: 'emu', model: 'one', credential: 'main' };
    const made = await admin.call('POST', '/models', { name: 'made', endpoints: [endpoint], retries: 1 });
    expect(made).toMatchObject({ status: 201, body: { name: 'made', endpoints: [endpoint], retries: 1, version: 1 } });
    expect(await ask('made')).toMatchObject({ status: 200, model: 'one', key: 'Bearer sk-of-the-store-000001' });
    expect(await listed()).toContain('made');
    await admin.call('PATCH', '/models/made', { endpoints: ['emu/two'] });
    expect(await ask('made')).toMatchObject({ status: 200, model: 'two', key: 'Bearer sk-of-the-file-000001' });
    await admin.call('PATCH', '/models/made', { isBlocked: true });
    expect(await ask('made')).toMatchObject({ status: 404, code: 'model_unknown' });
    expect(await listed()).not.toContain('made');
    await admin.call('PATCH', '/models/made', { isBlocked: null });
    expect((await ask('made')).status).toBe(200);
    expect((await admin.call('DELETE', '/models/made')).status).toBe(204);
    expect(await ask('made')).toMatchObject({ status: 404, code: 'model_unknown' });
    expect(await listed()).not.toContain('made');
  });

  test('has order, weight, price, deadlines, limits and fallbacks as in the file', async () => {
    const endpoints = [
      {
        id: 'first',
        provider: 'emu',
        model: 'one',
        order: 0,
        price: { input: '1.5', output: 3 },
        limits: [{ requests: 1, per: 'hour' }],
      },
      { id: 'second', provider: 'emu', model: 'two', order: 1, weight: 2, deadlines: { totalMs: 5_000 } },
    ];
    const made = await admin.call('POST', '/models', { name: 'rich', endpoints, fallbacks: ['filed'] });
    expect(made.body.endpoints).toEqual(endpoints);
    expect((await ask('rich')).model).toBe('one');
    const row = await admin.house.lastRow();
    const usage = row.usage;
    const nanoUsd = BigInt(usage?.inputTokens ?? 0) * 1_500n + BigInt(usage?.outputTokens ?? 0) * 3_000n;
    expect([row.endpoint, row.costNanoUsd]).toEqual(['first', nanoUsd]);
    expect((await ask('rich')).model).toBe('two');
    const { emulator } = admin.house;
    emulator.fault('status,500', { times: 1 });
    const response = await admin.house.post('/v1/chat/completions', { model: 'rich', messages: hello });
    await response.text();
    expect((await admin.house.lastRow()).modelServed).toBe('of-the-file');
    await admin.call('DELETE', '/models/rich');
  });

  test('may be a pattern, and have a name with a slash', async () => {
    await admin.call('POST', '/models', { name: 'acme/*', endpoints: [{ provider: 'emu', model: 'x-*' }] });
    expect(await ask('acme/large')).toMatchObject({ status: 200, model: 'x-large' });
    const shown = await admin.call('GET', `/models/${encodeURIComponent('acme/*')}`);
    expect(shown.body).toMatchObject({ name: 'acme/*', isBlocked: false });
    await admin.call('DELETE', `/models/${encodeURIComponent('acme/*')}`);
    expect((await ask('acme/large')).status).toBe(404);
  });

  test('is for keys what any model is: groups and patterns hold for it', async () => {
    await admin.call('POST', '/models', { name: 'premium-1', endpoints: ['emu/one'] });
    await admin.call('POST', '/model-groups', { name: 'premium', models: ['premium-*'] });
    const inside = await admin.newKey({ name: 'inside', policy: { modelGroups: ['premium'] } });
    const outside = await admin.newKey({ name: 'outside', policy: { models: ['filed'] } });
    expect((await ask('premium-1', inside)).status).toBe(200);
    expect((await ask('filed', inside)).status).toBe(403);
    expect((await ask('premium-1', outside)).status).toBe(403);
    await admin.call('DELETE', '/models/premium-1');
  });

  test('keeps those under way going when it is deleted', async () => {
    await admin.call('POST', '/models', { name: 'brief', endpoints: ['emu/one'] });
    const { emulator } = admin.house;
    emulator.fault('slow-first-byte,150');
    const running = admin.house.post('/v1/chat/completions', { model: 'brief', stream: true, messages: hello });
    while (emulator.requests.length === 0) await Bun.sleep(5);
    await admin.call('DELETE', '/models/brief');
    const answer = await running;
    expect([answer.status, (await answer.text()).includes('[DONE]')]).toEqual([200, true]);
    expect((await ask('brief')).status).toBe(404);
  });

  test('of which no endpoint can serve says why', async () => {
    await admin.call('POST', '/credentials', { name: 'brief', provider: 'emu', secret: 'sk-brief-0000000001' });
    await admin.call('POST', '/models', {
      name: 'lacking',
      endpoints: [{ id: 'l', provider: 'emu', model: 'one', credential: 'brief' }],
    });
    await admin.call('DELETE', '/credentials/brief');
    const { status, message } = await ask('lacking');
    expect([status, message]).toEqual([503, expect.stringContaining('l: there is no shared credential "brief"')]);
    const { body } = await admin.call('GET', '/endpoints');
    expect(body.data.find(({ id }) => id === 'l')).toMatchObject({
      hasCredential: false,
      lack: 'there is no shared credential "brief"',
    });
    await admin.call('DELETE', '/models/lacking');
  });
});

describe('beside the configuration file', () => {
  test("a name of the file is taken; one that the file takes later is the file's until it lets go", async () => {
    const taken = await admin.call('POST', '/models', { name: 'filed', endpoints: ['emu/one'] });
    expect(taken).toMatchObject({ status: 409, body: { error: { code: 'record_conflict', field: 'name' } } });
    await admin.call('POST', '/models', { name: 'both', endpoints: ['emu/of-the-store'] });
    const { house } = admin;
    const write = async (models: string[]) => {
      writeFileSync(house.configFile, JSON.stringify(configured(house.emulator.url, models)));
      await house.gateway.reload();
    };
    const until = async (model: string) => {
      for (let tries = 0; tries < 100 && (await ask('both')).model !== model; tries++) await Bun.sleep(10);
      return (await ask('both')).model;
    };
    expect(await until('of-the-store')).toBe('of-the-store');
    await write(['filed', 'both']);
    expect(await until('of-the-file')).toBe('of-the-file');
    expect(house.lines.join('')).toContain('both is in the configuration as well, which holds');
    await write(['filed']);
    expect(await until('of-the-store')).toBe('of-the-store');
    await admin.call('DELETE', '/models/both');
    expect((await ask('both')).status).toBe(404);
  });
});

describe('is refused', () => {
  const endpoint = { provider: 'emu', model: 'one' };
  test.each<[string, object, string]>([
    ['no endpoint', { endpoints: [] }, 'endpoints'],
    ['an unknown provider', { endpoints: [{ ...endpoint, provider: 'emux' }] }, 'endpoints[0].provider'],
    ['an unknown provider before a slash', { endpoints: ['emu/one', 'emux/one'] }, 'endpoints[1]'],
    ['an unknown credential', { endpoints: [{ ...endpoint, credential: 'absent' }] }, 'endpoints[0].credential'],
    [
      'a secret, which belongs in a credential',
      { endpoints: [{ ...endpoint, apiKey: 'sk-x' }] },
      'endpoints[0].apiKey',
    ],
    ['headers, which belong in a credential', { endpoints: [{ ...endpoint, headers: {} }] }, 'endpoints[0].headers'],
    ['a weight of nothing', { endpoints: [{ ...endpoint, weight: 0 }] }, 'endpoints[0].weight'],
    [
      'a limit without an amount',
      { endpoints: [{ ...endpoint, limits: [{ per: 'hour' }] }] },
      'endpoints[0].limits[0]',
    ],
    [
      'a price too fine',
      { endpoints: [{ ...endpoint, price: { input: '1e-99', output: 1 } }] },
      'endpoints[0].price.input',
    ],
    ['a field that means nothing', { endpoints: ['emu/one'], colour: 'red' }, 'colour'],
    ['a name of too many wildcards', { name: '*a*b*c*d*', endpoints: ['emu/one'] }, 'name'],
  ])('%s', async (_, fields, field) => {
    const answer = await admin.call('POST', '/models', { name: 'wrong', ...fields });
    expect([answer.status, answer.body.error.field]).toEqual([400, field]);
    expect(answer.text).not.toContain('sk-x');
  });
});
