import { describe, expect, test } from 'bun:test';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { query } from './database.ts';
import { onEachDatabase } from './each-database.test-support.ts';
import { migrate, schemaState } from './migrate.ts';
import { breakingMigrations, migrations } from './migrations.ts';
import { openDatabase } from './open-database.ts';
import { openStore } from './open-store.ts';

onEachDatabase((here) => {
  const meta = async () =>
    Object.fromEntries(
      (await here.ask<{ name: string; value: string }>('SELECT * FROM meta')).map((row) => [row.name, row.value]),
    );

  describe('the schema', () => {
    test('is set up once by several that start at once', async () => {
      // Within one process SQLite's waiting would hold up the one waited for: processes of their own start there.
      const script = `const { openStore } = await import(${JSON.stringify(`${import.meta.dir}/open-store.ts`)});
        await (await openStore(JSON.parse(process.argv.at(-1)))).close();`;
      const starts = Array.from({ length: 4 }, () =>
        Bun.spawn([process.execPath, '-e', script, JSON.stringify(here.place)], { stderr: 'inherit' }),
      );
      expect(await Promise.all(starts.map((start) => start.exited))).toEqual([0, 0, 0, 0]);
      expect((await meta()).schema_version).toBe(String(migrations.length));
    }, 30_000);

    test('goes forward from every earlier version, keeping the rows', async () => {
      const database = await openDatabase(here.place);
      await migrate(database, 1);
      expect(await schemaState(database)).toEqual({ version: 1, known: migrations.length });
      await database.close();
      await (await here.open()).writeExchanges([exchangeRow({ id: 'tp_1' })]);
      expect((await (await here.reopen()).exchange('tp_1'))?.id).toBe('tp_1');
      expect((await meta()).schema_version).toBe(String(migrations.length));
    });

    test('is as before when a step fails in its middle', async () => {
      const database = await openDatabase(here.place);
      const failing = database.transact(function* () {
        yield* query('CREATE TABLE half (id text PRIMARY KEY NOT NULL)');
        yield* query('INSERT INTO nowhere (id) VALUES (?)', ['a']);
      });
      await expect(failing).rejects.toMatchObject({ code: 'unusable' });
      expect(await database.transact(() => database.schema.tables())).toEqual([]);
      await database.close();
    });

    test('may be newer, as long as what came later only adds', async () => {
      const running = await here.open();
      await running.writeExchanges([exchangeRow({ id: 'tp_1' })]);
      expect((await running.exchange('tp_1'))?.id).toBe('tp_1');
      await running.recentExchanges({ limit: 5 });

      const newer = await openDatabase(here.place);
      await newer.transact(function* () {
        yield* query(newer.schema.statement('ALTER TABLE exchange_log ADD COLUMN region text'));
        yield* query(newer.schema.statement('ALTER TABLE exchange_log ADD COLUMN hops integer NOT NULL DEFAULT 0'));
        yield* query(newer.schema.statement('CREATE TABLE later (id text PRIMARY KEY NOT NULL)'));
        yield* query("UPDATE meta SET value = '999' WHERE name = 'schema_version'");
      });
      await newer.close();

      // The one that was running all the while, with statements it had prepared; then one that starts now.
      for (const store of [running, await here.open()]) {
        const id = store === running ? 'tp_2' : 'tp_3';
        await store.writeExchanges([exchangeRow({ id })]);
        expect(await store.exchange(id)).toEqual(exchangeRow({ id }));
        expect((await store.recentExchanges({ limit: 1 }))[0]?.id).toBe(id);
        await store.writeMeta('x', id);
        expect(await store.readMeta('x')).toBe(id);
        expect(await store.records.entities()).toEqual([]);
      }
      expect((await meta()).schema_version).toBe('999');
    });

    test('of a newer version that breaks with this one is refused', async () => {
      const store = await here.open();
      await store.writeMeta('schema_version', '999');
      await store.writeMeta('schema_needs', '998');
      await here.close();
      await expect(here.open()).rejects.toMatchObject({
        code: 'newer',
        message: expect.stringMatching(/schema 999.*knows 998/),
      });
    });

    test('of another program is refused and left alone', async () => {
      const other = await openDatabase(here.place);
      await other.rows('CREATE TABLE recipes (name text)');
      await other.close();
      await expect(openStore(here.place)).rejects.toMatchObject({
        code: 'foreign',
        message: expect.stringContaining('another program'),
      });
      const again = await openDatabase(here.place);
      expect(await again.transact(() => again.schema.tables())).toEqual(['recipes']);
      await again.close();
    });

    test('has a primary key for every table, and types both databases share', async () => {
      await here.open();
      const database = await openDatabase(here.place);
      const tables = await database.transact(() => database.schema.tables());
      expect(tables).toContain('exchange_log');
      for (const table of tables) {
        const columns = await database.transact(() => database.schema.columns(table));
        expect([table, columns.some(({ keyPlace }) => keyPlace === 1)]).toEqual([table, true]);
      }
      await database.close();
    });
  });
});

/** What takes nothing away from a gateway that does not know of it; unique indexes do, but on a table of the same step. */
function onlyAdds(statement: string, step: readonly string[]): boolean {
  const unique = /^CREATE UNIQUE INDEX \w+ ON (\w+) /.exec(statement)?.[1];
  if (unique !== undefined) return step.some((other) => other.startsWith(`CREATE TABLE ${unique} `));
  const column = /^ALTER TABLE \w+ ADD COLUMN \w+ (.*)$/.exec(statement)?.[1];
  if (column !== undefined) return !/\b(NOT NULL(?! DEFAULT )|UNIQUE|PRIMARY|CHECK|REFERENCES)\b/.test(column);
  return /^CREATE (TABLE|INDEX) /.test(statement);
}

test('a gateway of the version before goes on beside every step that is not marked as breaking', () => {
  const breaking = migrations.flatMap((step, at) =>
    breakingMigrations.has(at + 1) ? [] : step.filter((statement) => !onlyAdds(statement, step)),
  );
  expect(breaking).toEqual([]);
});

test.each([
  'ALTER TABLE ledger_entry DROP COLUMN note',
  'ALTER TABLE ledger_entry ADD COLUMN must text NOT NULL',
  'CREATE UNIQUE INDEX one ON ledger_entry (exchange_id)',
  'DROP INDEX ledger_by_time',
  "UPDATE ledger_entry SET kind = 'x'",
])('%s would be seen', (statement) => expect(onlyAdds(statement, [statement])).toBe(false));
