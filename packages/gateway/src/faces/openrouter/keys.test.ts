import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { sha256Hex } from '../../policy/identify.ts';
import { type FaceTestHouse, startFaceTestHouse } from '../face-house.test-support.ts';

let house: FaceTestHouse;
beforeAll(async () => {
  house = await startFaceTestHouse();
});
afterAll(() => house.house.stop());

const made = async (fields: Record<string, unknown>) => {
  const { status, body, text } = await house.ask('POST', '/api/v1/keys', fields);
  if (status !== 201) throw new Error(text);
  return { key: String(body.key), hash: String(body.data.hash), data: body.data };
};

describe('a key made as at OpenRouter', () => {
  test('is shown whole, its secret once, and answers', async () => {
    const { key, hash, data } = await made({
      name: 'Night shift',
      limit: 2.5,
      limit_reset: 'monthly',
      include_byok_in_limit: false,
      expires_at: '2099-12-31T23:59:59Z',
    });
    expect(data).toEqual({
      hash,
      name: 'Night shift',
      label: `${key.slice(0, 6)}…${key.slice(-4)}`,
      disabled: false,
      limit: 2.5,
      limit_remaining: 2.5,
      limit_reset: 'monthly',
      include_byok_in_limit: false,
      usage: 0,
      usage_daily: 0,
      usage_weekly: 0,
      usage_monthly: 0,
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      created_at: expect.any(String),
      updated_at: null,
      expires_at: '2099-12-31T23:59:59.000Z',
      creator_user_id: null,
      workspace_id: '00000000-0000-0000-0000-000000000000',
    });
    expect(await house.chat(key)).toBe(200);
    const shown = await house.ask('GET', `/api/v1/keys/${hash}`);
    expect(shown.status).toBe(200);
    expect(shown.text).not.toContain(key);
    const bySha256 = await house.ask('GET', `/api/v1/keys/${sha256Hex(key)}`);
    expect(bySha256.body).toEqual(shown.body);
  });

  test('is the same key in the admin API, with its budget', async () => {
    const { hash } = await made({ name: 'both-sides', limit: 0.000000001, limit_reset: 'weekly' });
    const { body } = await house.call('GET', '/keys/both-sides');
    expect([body.id, body.budgets]).toEqual([hash, [{ amount: 1e-9, per: 'week' }]]);
    const { body: audit } = await house.call('GET', `/audit?entityId=${hash}`);
    expect(audit.data.map(({ action, actorName }) => [action, actorName])).toEqual([['keys.create', 'admin']]);
  });

  test('may have the name of another', async () => {
    const [first, second] = [await made({ name: 'Twin' }), await made({ name: 'Twin' })];
    expect([first.data.name, second.data.name]).toEqual(['Twin', 'Twin']);
    expect(first.hash).not.toBe(second.hash);
  });

  test('belongs to a workspace, which is an organisation', async () => {
    const { body } = await house.call('POST', '/organisations', { name: 'acme' });
    const { hash, data } = await made({ name: 'of-acme', workspace_id: body.id });
    expect(data.workspace_id).toBe(body.id);
    const hashes = async (query: string) =>
      ((await house.ask('GET', `/api/v1/keys?${query}`)).body.data as unknown as { hash: string }[]).map(
        (row) => row.hash,
      );
    expect(await hashes(`workspace_id=${body.id}`)).toEqual([hash]);
    expect(await hashes('workspace_id=00000000-0000-0000-0000-000000000000')).not.toContain(hash);
    expect(await hashes('')).toContain(hash);
  });
});

describe('what is spent', () => {
  test('is told to the nano-dollar, by the key itself and to its manager', async () => {
    const { key, hash } = await made({ name: 'spender', limit: 1, limit_reset: 'daily' });
    expect(await house.chat(key)).toBe(200);
    const { costNanoUsd } = await house.house.lastRow();
    const cost = (costNanoUsd ?? 0n) * 1n;
    expect(cost > 0n).toBe(true);
    const usage = `0.${cost.toString().padStart(9, '0')}`.replace(/0+$/, '');
    const left = `0.${(1_000_000_000n - cost).toString().padStart(9, '0')}`.replace(/0+$/, '');
    for (const { status, text } of [
      await house.ask('GET', '/api/v1/key', undefined, key),
      await house.ask('GET', '/api/v1/auth/key', undefined, key),
      await house.ask('GET', `/api/v1/keys/${hash}`),
    ]) {
      expect(status).toBe(200);
      for (const field of ['usage', 'usage_daily', 'usage_weekly', 'usage_monthly']) {
        expect(text).toContain(`"${field}":${usage},`);
      }
      expect(text).toContain(`"limit":1,"limit_remaining":${left},"limit_reset":"daily"`);
    }
    const { text } = await house.ask('GET', '/api/v1/credits', undefined, key);
    expect(text).toBe(`{"data":{"total_credits":1,"total_usage":${usage}}}`);
  });

  test('of a key is not another key’s business', async () => {
    const { key } = await made({ name: 'thrifty' });
    const { body } = await house.ask('GET', '/api/v1/key', undefined, key);
    expect([body.data.usage, body.data.limit, body.data.is_management_key]).toEqual([0, null, false]);
    const { text } = await house.ask('GET', '/api/v1/credits', undefined, key);
    expect(text).toBe('{"data":{"total_credits":0,"total_usage":0}}');
  });

  test('by a key without a limit of its own counts against its organisation', async () => {
    await house.call('POST', '/organisations', { name: 'payer', budgets: [{ amount: 7, per: 'month' }] });
    const { key } = await made({ name: 'paid-for', workspace_id: 'payer' });
    const { body } = await house.ask('GET', '/api/v1/credits', undefined, key);
    expect(body.data.total_credits).toBe(7);
  });

  test('by a key of a prepaid team counts against what was paid in', async () => {
    await house.call('POST', '/organisations', { name: 'saver', budgets: [{ amount: 7, per: 'month' }] });
    await house.call('POST', '/organisations/saver/credits/top-ups', { amount: 25 });
    const { key } = await made({ name: 'prepaid', workspace_id: 'saver' });
    const { text } = await house.ask('GET', '/api/v1/credits', undefined, key);
    expect(text).toBe('{"data":{"total_credits":25,"total_usage":0}}');
  });

  test('beyond the limit is refused', async () => {
    const { key, hash } = await made({ name: 'broke', limit: 0 });
    expect(await house.chat(key)).toBe(402);
    await house.ask('PATCH', `/api/v1/keys/${hash}`, { limit: 5 });
    expect(await house.chat(key)).toBe(200);
  });
});

describe('a change', () => {
  test('sets, moves and lifts the limit, and leaves the rest', async () => {
    const { hash } = await made({ name: 'changing' });
    const patch = async (fields: Record<string, unknown>) => {
      const { status, body } = await house.ask('PATCH', `/api/v1/keys/${hash}`, fields);
      expect(status).toBe(200);
      return [body.data.name, body.data.limit, body.data.limit_reset, body.data.disabled];
    };
    expect(await patch({ limit: 3 })).toEqual(['changing', 3, null, false]);
    expect(await patch({ limit_reset: 'daily' })).toEqual(['changing', 3, 'daily', false]);
    expect(await patch({ name: 'Renamed', disabled: true })).toEqual(['Renamed', 3, 'daily', true]);
    expect(await patch({ limit_reset: null })).toEqual(['Renamed', 3, null, true]);
    expect(await patch({ limit: null, disabled: false })).toEqual(['Renamed', null, null, false]);
    const { body } = await house.ask('GET', `/api/v1/keys/${hash}`);
    expect(body.data.updated_at).not.toBeNull();
  });

  test('to a disabled key is refused at once, and the key is left out of the list', async () => {
    const { key, hash } = await made({ name: 'switched' });
    await house.ask('PATCH', `/api/v1/keys/${hash}`, { disabled: true });
    expect(await house.chat(key)).toBe(403);
    const listed = async (query: string) => (await house.ask('GET', `/api/v1/keys${query}`)).text.includes(hash);
    expect([await listed(''), await listed('?include_disabled=true')]).toEqual([false, true]);
  });

  test('of budgets that a limit cannot tell is refused, and nothing is lost', async () => {
    const budgets = [
      { amount: 1, per: 'day' },
      { amount: 9, per: 'month' },
    ];
    const { body } = await house.call('POST', '/keys', { name: 'two-budgets', budgets });
    const { status, body: refused } = await house.ask('PATCH', `/api/v1/keys/${body.id}`, { limit: 4 });
    expect([status, refused.error.metadata]).toEqual([409, { code: 'record_conflict', field: 'limit' }]);
    expect((await house.call('GET', '/keys/two-budgets')).body.budgets).toEqual(budgets);
    // The one with less left is told.
    const { body: shown } = await house.ask('GET', `/api/v1/keys/${body.id}`);
    expect([shown.data.limit, shown.data.limit_reset]).toEqual([1, 'daily']);
  });

  test('that deletes is final', async () => {
    const { key, hash } = await made({ name: 'short-lived' });
    expect((await house.ask('DELETE', `/api/v1/keys/${hash}`)).body as unknown).toEqual({ deleted: true });
    expect(await house.chat(key)).toBe(401);
    expect((await house.ask('GET', `/api/v1/keys/${hash}`)).status).toBe(404);
  });
});

describe('refused by name, in OpenRouter’s shape', () => {
  test.each([
    [{}, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'x', guardrail: 'y' }, 'guardrail'],
    [{ name: 'x', limit: -1 }, 'limit'],
    [{ name: 'x', limit: 0.1234567891 }, 'limit'],
    [{ name: 'x', limit: '5' }, 'limit'],
    [{ name: 'x', limit_reset: 'daily' }, 'limit_reset'],
    [{ name: 'x', limit: 1, limit_reset: 'yearly' }, 'limit_reset'],
    [{ name: 'x', expires_at: '2030-01-01T00:00:00+02:00' }, 'expires_at'],
    [{ name: 'x', include_byok_in_limit: true }, 'include_byok_in_limit'],
    [{ name: 'x', creator_user_id: 'nobody' }, 'creator_user_id'],
  ])('%j', async (fields, field) => {
    const { status, body } = await house.ask('POST', '/api/v1/keys', fields);
    expect(status).toBe(400);
    expect(body.error).toEqual({
      code: 400,
      message: expect.any(String),
      metadata: { code: 'body_invalid', field },
    });
  });
});
