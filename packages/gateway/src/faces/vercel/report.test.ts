import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { ledgerEntry } from '../../ledger/entry.test-support.ts';
import { type FaceTestHouse, startFaceTestHouse } from '../face-house.test-support.ts';
import { vercelFace } from './vercel-face.ts';

const HOUR = 3_600_000;
const noon = Date.UTC(2026, 4, 17, 12);
const usage = { inputTokens: 10, outputTokens: 5, reasoningTokens: 2, cacheReadTokens: 3, cacheWriteTokens: 1 };

let house: FaceTestHouse;
const keys: Record<string, string> = {};
beforeAll(async () => {
  house = await startFaceTestHouse();
  await house.call('POST', '/teams', { name: 'search' });
  keys.web = await house.newKey({ name: 'web', teamId: 'search' });
  keys.lead = await house.newKey({ name: 'lead', teamId: 'search', adminScopes: ['ledger:read'] });
  const entry = (id: string, changes: Parameters<typeof ledgerEntry>[0] extends infer T ? Partial<T> : never) =>
    ledgerEntry({ usage, costNanoUsd: 1n, atMs: noon, ...changes, id });
  await house.house.gateway.store.writeLedger([
    entry('a.1', { scopes: ['key:web', 'team:search', 'tag:x', 'tag:y'], costNanoUsd: 9_007_199_254_740_993n }),
    entry('b.1', { scopes: ['key:web', 'team:search', 'tag:x', 'end-user:ada'], atMs: noon + HOUR }),
    entry('c.1', { scopes: ['key:ops', 'team:search'], provider: 'anthropic', model: 'claude', modelServed: 'c-1' }),
    entry('d.1', { scopes: ['key:far'], atMs: noon + 24 * HOUR }),
    entry('e.1', { scopes: ['key:far'], atMs: noon - 24 * HOUR, costNanoUsd: 1_000n }),
  ]);
});
afterAll(() => house.house.stop());

const days = 'start_date=2026-05-17&end_date=2026-05-18';
const rows = async (query: string, key?: string) => {
  const { status, body, text } = await house.ask('GET', `/v1/report?${days}&${query}`, undefined, key);
  if (status !== 200) throw new Error(text);
  return (body.results as readonly Record<string, unknown>[]).map(({ total_cost, market_cost, ...row }) => {
    expect(market_cost).toEqual(total_cost);
    const [name] = Object.values(row);
    return [name, row.request_count];
  });
};

describe('a report', () => {
  test('tells all figures of a day, money to the last decimal', async () => {
    const { text } = await house.ask('GET', '/v1/report?start_date=2026-05-17&end_date=2026-05-17');
    expect(text).toBe(
      '{"results":[{"day":"2026-05-17","total_cost":9007199.254740995,"market_cost":9007199.254740995,"input_tokens":30,' +
        '"output_tokens":15,"cached_input_tokens":9,"cache_creation_input_tokens":3,"reasoning_tokens":6,"request_count":3}]}',
    );
  });

  test.each([
    [
      'group_by=day',
      [
        ['2026-05-17', 3],
        ['2026-05-18', 1],
      ],
    ],
    [
      'date_part=hour',
      [
        ['2026-05-17T12:00:00.000Z', 2],
        ['2026-05-17T13:00:00.000Z', 1],
        ['2026-05-18T12:00:00.000Z', 1],
      ],
    ],
    ['group_by=hour&provider=anthropic', [['2026-05-17T12:00:00.000Z', 1]]],
    [
      'group_by=tag',
      [
        ['x', 2],
        ['y', 1],
      ],
    ],
    ['group_by=user', [['ada', 1]]],
    ['group_by=credential_type', [['system', 4]]],
    ['group_by=credential_type&credential_type=byok', []],
    ['user_id=ada', [['2026-05-17', 1]]],
    ['model=claude', [['2026-05-17', 1]]],
    ['model=anthropic/c-1', [['2026-05-17', 1]]],
    ['tags=y,z', [['2026-05-17', 1]]],
    ['tags=x,y&tags_match=all', [['2026-05-17', 1]]],
    ['tags=x&group_by=api_key_name', [['web', 2]]],
  ])('%s', async (query, expected) => {
    expect(await rows(query)).toEqual(expected);
  });

  test('by name puts the dearest first', async () => {
    expect((await rows('group_by=api_key_name')).map(([name]) => name).slice(0, 1)).toEqual(['web']);
    expect((await rows('group_by=provider')).toSorted()).toEqual([
      ['anthropic', 1],
      ['openai', 3],
    ]);
  });

  test('shows a key its own, a manager what it manages, whatever they ask', async () => {
    expect(await rows('', keys.web)).toEqual([['2026-05-17', 2]]);
    expect(await rows('group_by=api_key_name', keys.web)).toEqual([['web', 2]]);
    expect(await rows('group_by=api_key_name', keys.lead)).toEqual([
      ['web', 2],
      ['ops', 1],
    ]);
    expect(await rows('provider=anthropic', keys.web)).toEqual([]);
    expect(await rows('', keys.lead)).toEqual([['2026-05-17', 3]]);
  });

  test.each([
    ['start_date=2026-05-18&end_date=2026-05-17', 'end_date'],
    ['start_date=2020-05-18&end_date=2026-05-17', 'end_date'],
    ['end_date=2026-05-17', 'start_date'],
    [`${days}&group_by=model&date_part=hour`, 'date_part'],
    [`${days}&group_by=zero_data_retention`, 'group_by'],
    [`${days}&region=eu`, 'region'],
  ])('%s is refused by name', async (query, field) => {
    const { status, body } = await house.ask('GET', `/v1/report?${query}`);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'invalid_request_error', code: 'body_invalid', param: { field } });
  });
});

test('no operation answers without a key that is in force', async () => {
  for (const { method, path, access } of vercelFace.operations) {
    expect(access).toBe('caller');
    for (const key of ['', 'sk-nobody-knows-this-key']) {
      const { status, body } = await house.ask(method, path, undefined, key);
      expect([path, status, body.error.type]).toEqual([path, 401, 'authentication_error']);
    }
  }
});
