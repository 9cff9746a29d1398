import { describe, expect, test } from 'bun:test';
import { ExchangeLog } from '../telemetry/exchange-log.ts';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { query } from './database.ts';
import { DatabaseStore } from './database-store.ts';
import { onPostgres } from './each-database.test-support.ts';
import { openDatabase } from './open-database.ts';
import { openStore } from './open-store.ts';
import { postgresAddress } from './postgres-address.ts';
import { PostgresDatabase } from './postgres-database.ts';

const silent = { info() {}, warn() {} };

onPostgres((here) => {
  const address = () => postgresAddress(here.place.url ?? '');

  describe('a server', () => {
    test('that goes away costs no row: they wait until it is back', async () => {
      const store = await here.open();
      const log = new ExchangeLog(store, { log: silent, flushMs: 1 });
      log.add(exchangeRow({ id: 'tp_1' }));
      await log.flush();
      await here.server.pause();
      await expect(store.writeExchanges([exchangeRow({ id: 'tp_2' })])).rejects.toMatchObject({ code: 'busy' });
      await expect(store.recentExchanges({ limit: 1 })).rejects.toMatchObject({ code: 'busy' });
      for (const id of ['tp_3', 'tp_4']) log.add(exchangeRow({ id }));
      await log.flush();
      expect(log.dropped).toBe(0);
      await here.server.resume();
      await log.close();
      const rows = await store.recentExchanges({ limit: 10 });
      expect(rows.map(({ id }) => id)).toEqual(['tp_4', 'tp_3', 'tp_1']);
    }, 30_000);

    test('that dies in the middle of a transaction has nothing of it', async () => {
      const database = await openDatabase(here.place);
      await database.rows('CREATE TABLE t (id integer PRIMARY KEY)');
      const dying = database.transact(function* () {
        yield* query('INSERT INTO t (id) VALUES (?)', [1]);
        yield* query('SELECT pg_sleep(20)');
      });
      const paused = Bun.sleep(200).then(() => here.server.pause());
      await expect(dying).rejects.toMatchObject({ code: 'busy' });
      await paused;
      await here.server.resume();
      expect(await database.rows('SELECT id FROM t')).toHaveLength(0);
      await database.close();
    }, 30_000);

    test('that no longer answers is given up, and connected to anew', async () => {
      const database = new PostgresDatabase(address(), { silenceMs: 400 });
      const [row] = await database.rows<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const pid = row?.pid ?? 0;
      process.kill(pid, 'SIGSTOP');
      try {
        const startedAt = performance.now();
        const answers = await Promise.allSettled(Array.from({ length: 12 }, () => database.rows('SELECT 1 AS one')));
        expect(performance.now() - startedAt).toBeLessThan(3_000);
        for (const answer of answers) {
          if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'busy' });
        }
        expect(answers.some(({ status }) => status === 'rejected')).toBe(true);
        expect(await database.rows('SELECT 2 AS two')).toMatchObject([{ two: 2 }]);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
      await database.close();
    }, 30_000);

    test('with every connection at work makes others wait, and then try again, without cutting the work off', async () => {
      const database = new PostgresDatabase(address(), { silenceMs: 300 });
      const working = Array.from({ length: 5 }, () =>
        database.transact(() => query<{ one: number }>('SELECT 1 AS one, pg_sleep(1)'), { isPatient: true }),
      );
      await Bun.sleep(100);
      await expect(database.transact(() => query('SELECT 1 AS one'))).rejects.toMatchObject({ code: 'busy' });
      expect((await Promise.all(working)).map(([row]) => row?.one)).toEqual([1, 1, 1, 1, 1]);
      expect(await database.transact(() => query('SELECT 1 AS one'))).toMatchObject([{ one: 1 }]);
      await database.close();
    });

    test('that is starting is waited for', async () => {
      await here.server.pause();
      const opening = openStore(here.place);
      await Bun.sleep(300);
      await here.server.resume();
      const store = await opening;
      expect(await store.recentExchanges({ limit: 1 })).toEqual([]);
      await store.close();
    }, 30_000);

    test('sees no more connections than five, however much is asked at once', async () => {
      const database = await openDatabase(here.place);
      const asked = Array.from({ length: 60 }, () => database.rows('SELECT pg_sleep(0.02)'));
      const reserved = Array.from({ length: 20 }, () => database.transact(() => query('SELECT pg_sleep(0.02)')));
      const [count] = await here.server.run<{ n: bigint }>(
        `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${address().url.split('/').at(-1)}'`,
      );
      await Promise.all([...asked, ...reserved]);
      expect(Number(count?.n)).toBeGreaterThan(0);
      expect(Number(count?.n)).toBeLessThanOrEqual(5);
      await database.close();
    }, 30_000);
  });

  describe('what is refused', () => {
    test('leaves the connection as good as before', async () => {
      const database = await openDatabase(here.place);
      for (let at = 0; at < 12; at++) {
        await expect(database.transact(() => query('SELECT * FROM nowhere'))).rejects.toMatchObject({
          code: 'unusable',
        });
        await expect(database.rows('SELECT * FROM nowhere')).rejects.toMatchObject({ code: 'unusable' });
      }
      expect(await database.transact(() => query('SELECT 1 AS one'))).toMatchObject([{ one: 1 }]);
      await database.close();
    });

    test('says whether it is worth another try', async () => {
      const store = await here.open();
      const database = await openDatabase(here.place);
      await store.writeMeta('a', '1');
      await expect(database.rows('INSERT INTO meta (name, value) VALUES (?, ?)', ['a', '2'])).rejects.toMatchObject({
        code: 'taken',
      });
      const cut = database.transact(function* () {
        yield* query('SET LOCAL statement_timeout = 50');
        yield* query('SELECT pg_sleep(5)');
      });
      await expect(cut).rejects.toMatchObject({ code: 'busy' });
      await database.close();
    });

    test('a place that does not exist, without repeating the password', async () => {
      const port = here.server.port;
      for (const url of [
        `postgres://turnpike:s3cret@127.0.0.1:${port}/nowhere`,
        `postgres://nobody:s3cret@127.0.0.1:${port}/postgres`,
        'mysql://turnpike:s3cret@127.0.0.1/x',
        's3cret',
      ]) {
        const error: unknown = await openStore({ ...here.place, url }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code: 'unusable' });
        expect(String(error)).not.toContain('s3cret');
      }
    });
  });

  test('an address of white space means the embedded database', async () => {
    const database = await openDatabase({ ...here.place, url: ' ' });
    expect(database.kind).toBe('sqlite');
    await database.close();
  });

  test('a place is a place wherever it stands, but not inside quotes', async () => {
    const database = await openDatabase(here.place);
    const rows = await database.rows("SELECT '?' AS mark, CAST(? AS text) AS value, 'it''s ?' AS more", ['a']);
    expect(rows).toMatchObject([{ mark: '?', value: 'a', more: "it's ?" }]);
    expect(await new DatabaseStore(database).close()).toBeUndefined();
  });
});
