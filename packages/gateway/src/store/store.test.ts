import { describe, expect, test } from 'bun:test';
import { JsonNumber } from '@turnpike/wire/json/value.ts';
import { attemptRow, exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { onEachDatabase } from './each-database.test-support.ts';

onEachDatabase((here) => {
  describe('rows', () => {
    test('come back as they were written, after a restart too', async () => {
      const usage = {
        inputTokens: 12,
        serverToolCalls: { web_search_requests: 2 },
        raw: { dialect: 'openai-chat' as const, value: { total_tokens: 12, cost: new JsonNumber('0.10') } },
      };
      const row = exchangeRow({
        id: 'tp_1',
        usage,
        isEstimated: true,
        losses: [{ path: 'messages[0].parts[1]', kind: 'dropped', reason: 'no "audio" there' }],
        attempts: [
          attemptRow({ number: 1, status: 429, fault: 'upstream_rate_limited', usage: undefined }),
          attemptRow({ number: 2, lane: 'translate', usage, costNanoUsd: 5n, isEstimated: true }),
        ],
        plan: ['a: first', 'b: fallback'],
      });
      await (await here.open()).writeExchanges([row]);
      expect(await (await here.reopen()).exchange('tp_1')).toEqual(row);
    });

    test('keep what is not known apart from zero', async () => {
      const row = exchangeRow({
        id: 'tp_2',
        firstByteMs: undefined,
        keyName: undefined,
        fault: 'key_missing',
        faultMessage: 'No API key was sent.',
        provider: undefined,
        endpoint: undefined,
        modelServed: undefined,
        lane: undefined,
        finish: undefined,
        usage: undefined,
        costNanoUsd: undefined,
        attempts: [],
        plan: [],
      });
      const store = await here.open();
      await store.writeExchanges([row, exchangeRow({ id: 'tp_3', costNanoUsd: 0n })]);
      expect(await store.exchange('tp_2')).toStrictEqual(row);
      expect((await store.exchange('tp_3'))?.costNanoUsd).toBe(0n);
    });

    test.each([2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 53n) - 1n])('keep money exact: %p', async (costNanoUsd) => {
      const store = await here.open();
      await store.writeExchanges([exchangeRow({ id: 'tp_m', costNanoUsd, attempts: [attemptRow({ costNanoUsd })] })]);
      const read = await store.exchange('tp_m');
      expect(read?.costNanoUsd).toBe(costNanoUsd);
      expect(read?.attempts[0]?.costNanoUsd).toBe(costNanoUsd);
    });

    test('written twice are there once, as first written', async () => {
      const store = await here.open();
      await store.writeExchanges([exchangeRow({ id: 'tp_4' })]);
      await store.writeExchanges([exchangeRow({ id: 'tp_4', status: 500 }), exchangeRow({ id: 'tp_5' })]);
      const rows = await store.recentExchanges({ limit: 10 });
      expect(rows.map((row) => [row.id, row.status, row.attempts.length])).toEqual([
        ['tp_5', 200, 1],
        ['tp_4', 200, 1],
      ]);
    });

    test('are written all or none', async () => {
      const store = await here.open();
      const bad = exchangeRow({ id: 'tp_7', face: undefined as unknown as string });
      await expect(store.writeExchanges([exchangeRow({ id: 'tp_6' }), bad])).rejects.toMatchObject({
        code: 'unusable',
      });
      expect(await store.exchange('tp_6')).toBeUndefined();
    });

    test('that are not there are undefined', async () => {
      expect(await (await here.open()).exchange('tp_none')).toBeUndefined();
    });
  });

  describe('pages', () => {
    test('go from the latest to the oldest without gap or repetition, also within one millisecond', async () => {
      const store = await here.open();
      const rows = Array.from({ length: 57 }, (_, at) =>
        exchangeRow({ id: `tp_${String(at).padStart(3, '0')}`, startedAtMs: 1_000 + Math.floor(at / 10) }),
      );
      await store.writeExchanges(rows);
      const seen: string[] = [];
      for (let page = await store.recentExchanges({ limit: 7 }); page.length > 0; ) {
        seen.push(...page.map((row) => row.id));
        const before = page.at(-1)?.id;
        page = before === undefined ? [] : await store.recentExchanges({ limit: 7, before });
      }
      expect(seen).toEqual(rows.map((row) => row.id).reverse());
    });

    test('are found by an index', async () => {
      const store = await here.open();
      await store.writeExchanges(Array.from({ length: 1_000 }, (_, at) => exchangeRow({ id: `tp_${at}` })));
      const query = "SELECT * FROM exchange_log WHERE id < 'tp_5' ORDER BY id DESC LIMIT 7";
      const explain = here.kind === 'sqlite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN';
      const plan = Bun.inspect(await here.ask(`${explain} ${query}`));
      expect(plan).toMatch(/SEARCH exchange_log USING INDEX|Index Scan Backward using exchange_log_pkey/);
      expect(plan).not.toMatch(/TEMP B-TREE|Sort/);
    });

    test('sort ids by their bytes, whatever language the server speaks', async () => {
      const ids = ['tp_Z', 'tp_a', 'tp_B', 'tp_é', 'tp_', 'tp_0', 'tp_-1', 'tp_01'];
      const store = await here.open();
      await store.writeExchanges(ids.map((id) => exchangeRow({ id })));
      const bytewise = ids.sort((a, b) => Buffer.compare(Buffer.from(b), Buffer.from(a)));
      expect((await store.recentExchanges({ limit: 10 })).map(({ id }) => id)).toEqual(bytewise);
      const older = await store.recentExchanges({ limit: 10, before: 'tp_a' });
      expect(older.map(({ id }) => id)).toEqual(bytewise.slice(bytewise.indexOf('tp_a') + 1));
    });

    test('hold one to a thousand rows', async () => {
      const store = await here.open();
      await store.writeExchanges(Array.from({ length: 1_005 }, (_, at) => exchangeRow({ id: `tp_${at}` })));
      expect(await store.recentExchanges({ limit: 0 })).toHaveLength(1);
      expect(await store.recentExchanges({ limit: 100_000 })).toHaveLength(1_000);
    });
  });

  test('meta is remembered and overwritten', async () => {
    const store = await here.open();
    expect(await store.readMeta('installation')).toBeUndefined();
    await store.writeMeta('installation', 'a');
    await store.writeMeta('installation', 'b');
    expect(await (await here.reopen()).readMeta('installation')).toBe('b');
  });

  test('of several that claim a name at once, one wins and all hear who', async () => {
    const stores = await Promise.all([here.open(), here.open(), here.open(), here.open()]);
    const heard = await Promise.all(stores.map((store, at) => store.claimMeta('first', `value ${at}`)));
    expect(new Set(heard)).toEqual(new Set([(await stores[0]?.readMeta('first')) ?? 'nobody']));
    expect(await stores[0]?.claimMeta('first', 'late')).toBe(heard[0] ?? '');
  });

  test('what is to be done once is claimed by one, until its time is over', async () => {
    const stores = await Promise.all([here.open(), here.open(), here.open()]);
    await stores[0]?.writeMeta('word', 'no number');
    const claim = (nowMs: number) => Promise.all(stores.map((store) => store.claimOnce('told', 500, nowMs)));
    expect((await claim(100)).filter(Boolean)).toHaveLength(1);
    expect((await claim(499)).filter(Boolean)).toHaveLength(0);
    expect(await stores[0]?.claimOnce('told', 900, 500)).toBe(true);
    expect(await stores[1]?.claimOnce('for ever', Number.POSITIVE_INFINITY, 500)).toBe(true);
    expect(await stores[2]?.claimOnce('for ever', Number.POSITIVE_INFINITY, 9e12)).toBe(false);
    expect(await stores[0]?.readMeta('word')).toBe('no number');
  });

  describe('text', () => {
    test('of any kind comes back', async () => {
      const store = await here.open();
      const texts = ['it\'s ? $1 \\ "quoted"', '', '{"a":[1]}', '\u{1F600} \u0001\n', '%_', 'x'.repeat(200_000)];
      await store.writeExchanges(texts.map((modelAsked, at) => exchangeRow({ id: `tp_${at}`, modelAsked })));
      const rows = await store.recentExchanges({ limit: 10 });
      expect(rows.map((row) => row.modelAsked).reverse()).toEqual(texts);
    });

    test('with a NUL, which only one database can keep, is no reason to lose the row', async () => {
      const store = await here.open();
      await store.writeExchanges([exchangeRow({ id: 'tp_1', modelAsked: 'gpt\0x' })]);
      expect((await store.exchange('tp_1'))?.modelAsked).toBe(here.kind === 'sqlite' ? 'gpt\0x' : 'gpt\uFFFDx');
    });
  });

  describe('batches', () => {
    test.each([1, 2, 3, 63, 64, 65, 127, 300])('of %p rows are written whole', async (length) => {
      const store = await here.open();
      const rows = Array.from({ length }, (_, at) => exchangeRow({ id: `tp_${at}`, costNanoUsd: BigInt(at) }));
      await store.writeExchanges(rows);
      const [sum] = await here.ask<{ n: bigint; total: bigint }>(
        'SELECT count(*) AS n, CAST(sum(cost_nano_usd) AS bigint) AS total FROM exchange_log',
      );
      expect(sum).toEqual({ n: BigInt(length), total: BigInt((length * (length - 1)) / 2) });
    });

    test('written at once by several that share rows leave each row once', async () => {
      const stores = await Promise.all([here.open(), here.open(), here.open()]);
      const ids = Array.from({ length: 200 }, (_, at) => `tp_${at}`);
      await Promise.all(
        stores.map((store, at) =>
          store.writeExchanges((at === 1 ? ids.toReversed() : ids).map((id) => exchangeRow({ id }))),
        ),
      );
      expect(await here.ask<{ n: bigint }>('SELECT count(*) AS n FROM exchange_log')).toEqual([{ n: 200n }]);
    });
  });
});
