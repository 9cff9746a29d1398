import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { startTestHouse, type TestHouse } from '../testing/gateway.test-support.ts';
import { BoundedNames } from './bounded-names.ts';

const never = () => false;
const DAY_MS = 86_400_000;

describe('the bound', () => {
  test('tells so many apart in a day, of each kind, and says once when there are more', () => {
    const full: string[] = [];
    const names = new BoundedNames((kind) => full.push(kind));
    const apart = (name: string, atMs: number, isKnown = never) => names.tellsApart('model', name, atMs, 2, isKnown);
    expect([apart('a', 1), apart('b', 2), apart('c', 3), apart('d', 4), apart('a', 5)]).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
    expect(names.tellsApart('tag', 'c', 6, 2, never)).toBe(true);
    expect(full).toEqual(['model']);
    // The next day begins anew, and a clock that goes back does not.
    expect([apart('c', DAY_MS), apart('d', DAY_MS), apart('e', DAY_MS), apart('e', 7)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(full).toEqual(['model', 'model']);
  });

  test('is not for what is known', () => {
    const names = new BoundedNames(() => undefined);
    const apart = (name: string) => names.tellsApart('model', name, 1, 1, () => name === 'configured');
    expect([apart('x'), apart('configured'), apart('y')]).toEqual([true, true, false]);
  });

  test('is higher for what a budget counts by', () => {
    const names = new BoundedNames(() => undefined);
    for (let n = 0; n < 100_000; n++) expect(names.tellsCounted('end-user', `u${n}`, 1)).toBe(true);
    expect(names.tellsCounted('end-user', 'more', 1)).toBe(false);
    expect(names.tellsApart('end-user', 'u7', 1, 1, never)).toBe(true);
    expect(names.tellsApart('end-user', 'other', 1, 1, never)).toBe(false);
  });
});

describe('in traffic', () => {
  const MAX = 3;
  let house: TestHouse;
  beforeAll(async () => {
    const price = { input: 1, output: 2 };
    const endpoint = { provider: 'openai', baseUrl: '{{upstream}}/v1', apiKey: 'sk-upstream-openai', price };
    house = await startTestHouse({
      yaml: JSON.stringify({
        ledger: { namesPerDayMax: MAX },
        keys: [{ name: 'web', key: 'sk-web-0123456789' }],
        models: [
          { name: 'chat', endpoints: [{ ...endpoint, model: 'gpt-test' }] },
          { name: 'any-*', endpoints: [{ ...endpoint, model: 'gpt-*' }] },
        ],
        // So that end users and tags are looked at.
        limits: [
          { requests: 1_000, per: 'hour', scope: { endUser: '*' } },
          { requests: 1_000, per: 'hour', scope: { tag: 'loud' } },
        ],
        budgets: [{ amount: 1, per: 'day', scope: { endUser: 'counted-*' } }],
      }),
    });
  });
  afterAll(() => house.stop());

  async function ask(model: string, user: string): Promise<void> {
    const body = { model, user, messages: [{ role: 'user', content: 'Hello.' }], max_tokens: 10 };
    const headers = { authorization: 'Bearer sk-web-0123456789', 'x-turnpike-tags': `tag-${user}` };
    const response = await house.post('/v1/chat/completions', body, { headers });
    expect(response.status).toBe(200);
    await response.text();
  }

  async function scopes(by: string): Promise<string[]> {
    const { store } = house.gateway;
    const rollups = await store.ledgerRollups({
      by,
      period: 'day',
      fromMs: 0,
      toMs: Number.MAX_SAFE_INTEGER,
      limit: 1_000,
    });
    return rollups.map(({ scope }) => scope.slice(by.length + 1));
  }

  test('names that callers make up do not make sums grow, and nothing is missing in them', async () => {
    for (let n = 0; n < 12; n++) await ask(`any-x${n}`, `user-${n}`);
    await ask('chat', 'user-0');
    for (let n = 0; n < 5; n++) await ask('chat', `counted-${n}`);
    await house.gateway.flush();
    expect(await scopes('model')).toEqual(['(other)', 'any-x0', 'any-x1', 'any-x2', 'chat']);
    const endpoints = (await scopes('endpoint')).map((id) => id.replace(/#.*/, ''));
    expect(endpoints).toEqual(['openai/(other)', 'openai/gpt-test', 'openai/gpt-x0', 'openai/gpt-x1', 'openai/gpt-x2']);
    expect(await scopes('end-user')).toEqual([
      '(other)',
      ...[0, 1, 2, 3, 4].map((n) => `counted-${n}`),
      ...[0, 1, 2].map((n) => `user-${n}`),
    ]);
    expect(await scopes('tag')).toEqual(['(other)', 'tag-user-0', 'tag-user-1', 'tag-user-2']);
    const { store } = house.gateway;
    const whole = { period: 'day', fromMs: 0, toMs: Number.MAX_SAFE_INTEGER } as const;
    const all = await store.ledgerChargeTotal({ ...whole, by: 'all' });
    expect(all.entries).toBe(18);
    for (const by of ['model', 'endpoint', 'end-user', 'tag']) {
      expect(await store.ledgerChargeTotal({ ...whole, by })).toEqual(all);
    }
    // What was served is in the entry in full.
    const entries = await store.ledgerEntries({ limit: 20, scope: 'model:(other)' });
    expect(entries.map(({ modelServed }) => modelServed)).toContain('gpt-x11');
    // And what is summed of a name is what its entries say, at any moment.
    const half = Date.now() + 1;
    const between = await store.spendBetween('end-user:(other)', 1, half);
    expect(between).toBe(
      (await store.ledgerEntries({ limit: 20, scope: 'end-user:(other)' })).reduce(
        (sum, { costNanoUsd = 0n }) => sum + costNanoUsd,
        0n,
      ),
    );
    const warned = house.lines.filter((line) => line.includes('tells apart'));
    for (const kind of ['end-user', 'endpoint', 'model', 'tag']) {
      expect(warned.filter((line) => line.includes(kind))).toHaveLength(1);
    }
  });
});
