import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attemptRow, exchangeRow } from '../../telemetry/exchange-row.test-support.ts';
import type { ExchangeRow } from '../../telemetry/exchange-row.ts';
import { type ColumnShape, insert, type SqlValue } from '../database.ts';
import { onEachDatabase, onPostgres } from '../each-database.test-support.ts';
import { migrate } from '../migrate.ts';
import { migrations } from '../migrations.ts';
import { openDatabase } from '../open-database.ts';
import { openStore } from '../open-store.ts';
import type { Store } from '../store.ts';
import type { StorePlace } from '../store-place.ts';
import { backUp } from './backup.ts';
import { migrateStore } from './migrate-store.ts';
import { move } from './move.ts';
import { restore } from './restore.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-upkeep-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Rows with all that could be lost on the way; more than one batch of them. */
function hardRows(count = 2_345): ExchangeRow[] {
  const texts = ["it's ?", '\u2028\u2029\r\n\t', '{"a":[1]}', '\u{1F600}\ud800', '', 'ÄÖ\u0000z'];
  return Array.from({ length: count }, (_, at) =>
    exchangeRow({
      id: `tp_${String((at * 7919) % 100_003).padStart(6, '0')}${'aBé-_'[at % 5]}`,
      modelAsked: texts[at % texts.length] ?? '',
      costNanoUsd: at % 9 === 0 ? undefined : BigInt(at) * 1_000_003n + (at % 50 === 1 ? 2n ** 60n / 1_000n : 0n),
      durationMs: at / 7,
      firstByteMs: at % 3 === 0 ? undefined : at * 1.1,
      attempts: [attemptRow({ costNanoUsd: BigInt(at) })],
    }),
  );
}

async function fill(place: StorePlace, rows: readonly ExchangeRow[]): Promise<void> {
  const store = await openStore(place);
  await store.writeExchanges(rows);
  await store.writeMeta('admin_key_sha256', 'ab'.repeat(32));
  await store.close();
}

async function allRows(store: Store): Promise<ExchangeRow[]> {
  const rows: ExchangeRow[] = [];
  for (let before: string | undefined; ; before = rows.at(-1)?.id) {
    const page = await store.recentExchanges({ limit: 1_000, ...(before !== undefined && { before }) });
    if (page.length === 0) return rows;
    rows.push(...page);
  }
}

async function contentsOf(place: StorePlace): Promise<{ rows: ExchangeRow[]; key: string | undefined }> {
  const store = await openStore(place);
  try {
    return { rows: await allRows(store), key: await store.readMeta('admin_key_sha256') };
  } finally {
    await store.close();
  }
}

/** Three rows in every table there is, whatever later migrations add. */
async function fillEveryTable(place: StorePlace): Promise<Map<string, number>> {
  await (await openStore(place)).close();
  const database = await openDatabase(place);
  const counts = await database.transact(function* () {
    const counts = new Map<string, number>();
    for (const table of yield* database.schema.tables()) {
      const columns = yield* database.schema.columns(table);
      const sampleOf = (kind: ColumnShape['kind'], at: number): SqlValue => {
        if (kind === 'text') return `${at}ß\u{1F600}`;
        if (kind === 'integer') return at;
        return kind === 'real' ? at / 3 : new Uint8Array([0, at, 255]);
      };
      const rows = [1, 2, 3].map((at) => columns.map(({ kind }) => sampleOf(kind, at)));
      yield* insert({ table, columns: columns.map(({ name }) => name), rows });
      counts.set(table, rows.length);
    }
    return counts;
  });
  await database.close();
  return counts;
}

/** What the other database can keep of a text: all but NUL. */
function withoutNul(contents: Awaited<ReturnType<typeof contentsOf>>) {
  const rows = contents.rows.map((row) => ({ ...row, modelAsked: row.modelAsked.replaceAll('\0', '\uFFFD') }));
  return { ...contents, rows };
}

const totalOf = (rows: readonly ExchangeRow[]) => rows.reduce((sum, row) => sum + (row.costNanoUsd ?? 0n), 0n);

onEachDatabase((here) => {
  const backup = async () => {
    const file = join(folder, 'backup');
    await backUp(here.place, file);
    return file;
  };
  const elsewhere = (): StorePlace => ({ dataDir: join(folder, 'elsewhere') });

  describe('a backup', () => {
    test('restores every row, into either database', async () => {
      await fill(here.place, hardRows());
      const original = await contentsOf(here.place);
      const file = await backup();
      expect(statSync(file).mode & 0o777).toBe(0o600);

      const copied = await restore(file, elsewhere());
      const log = copied.find(({ table }) => table === 'exchange_log');
      expect(log).toMatchObject({ rows: 2_345, added: 2_345 });
      expect(log?.totals.get('cost_nano_usd')).toBe(totalOf(original.rows));
      expect(await contentsOf(elsewhere())).toEqual(withoutNul(original));

      if (here.kind === 'postgres') {
        const url = await here.server.newDatabase();
        await restore(file, { ...here.place, url });
        expect(await contentsOf({ ...here.place, url })).toEqual(original);
      }
    }, 60_000);

    test('has every table', async () => {
      const counts = await fillEveryTable(here.place);
      expect(counts.size).toBeGreaterThan(5);
      const copied = await restore(await backup(), elsewhere());
      expect(new Map(copied.map(({ table, rows }) => [table, rows]))).toEqual(counts);
    });

    test('is of one moment, while rows are being written', async () => {
      const store = await here.open();
      let isDone = false;
      const writing = (async () => {
        for (let at = 0; !isDone; at++) {
          // Two rows in each transaction: a moment has both or neither.
          const ids = [`tp_${at}_a`, `tp_${at}_b`];
          await store.writeExchanges(ids.map((id) => exchangeRow({ id }))).catch((error) => {
            if (error.code !== 'busy') throw error;
          });
          await Bun.sleep(0);
        }
      })();
      await Bun.sleep(50);
      const file = await backup();
      isDone = true;
      await writing;
      await restore(file, elsewhere());
      const ids = (await contentsOf(elsewhere())).rows.map(({ id }) => id.slice(0, -1)).sort();
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.filter((_, at) => at % 2 === 0)).toEqual(ids.filter((_, at) => at % 2 === 1));
    }, 30_000);

    test('goes into a new file, from a store that is there', async () => {
      await fill(here.place, hardRows(3));
      const file = await backup();
      const bytes = readFileSync(file);
      await expect(backUp(here.place, file)).rejects.toMatchObject({ message: expect.stringContaining('already') });
      expect(readFileSync(file).equals(bytes)).toBe(true);
      await expect(backUp(here.place, join(folder, 'no', 'file'))).rejects.toMatchObject({ code: 'unusable' });
      await expect(backUp({ dataDir: join(folder, 'nothing') }, join(folder, 'x'))).rejects.toMatchObject({
        message: expect.stringContaining('no store'),
      });
      expect(existsSync(join(folder, 'nothing'))).toBe(false);
      expect(existsSync(join(folder, 'x'))).toBe(false);
    });

    test('that is cut or damaged restores nothing', async () => {
      await fill(here.place, hardRows(1_500));
      const file = await backup();
      const bytes = readFileSync(file);
      const middle = bytes.indexOf('tp_0', Math.floor(bytes.length / 2));
      const damaged = Buffer.from(bytes);
      damaged.write('\u0001\u0001\u0001', here.kind === 'sqlite' ? 4_096 : middle);
      const wrong: Buffer[] = [bytes.subarray(0, Math.floor(bytes.length * 0.7)), damaged];
      if (here.kind === 'postgres') {
        // A cut at the end of a line, a row that is gone, one that is different, and something after the end.
        const lines = bytes.toString().split('\n');
        wrong.push(Buffer.from(`${lines.slice(0, -2).join('\n')}\n`));
        wrong.push(Buffer.from(lines.toSpliced(700, 1).join('\n')));
        wrong.push(Buffer.from(bytes.toString().replace('"gpt-4o-2024-08-06"', '"gpt-4o-2024-08-07"')));
        wrong.push(Buffer.concat([bytes, Buffer.from('{}\n')]));
      }
      for (const [at, content] of wrong.entries()) {
        const copy = join(folder, `wrong${at}`);
        writeFileSync(copy, content);
        await expect(restore(copy, elsewhere())).rejects.toMatchObject({
          code: expect.stringMatching(/foreign|unusable/),
        });
        await expect(backUp(elsewhere(), join(folder, 'never'))).rejects.toMatchObject({
          message: expect.stringMatching(/no store|is empty/),
        });
      }
      await restore(file, elsewhere());
    }, 60_000);

    test('of an older version goes through the migrations it has not seen; of a newer one it is refused', async () => {
      const database = await openDatabase(here.place);
      await migrate(database, 1);
      await database.close();
      const old = await backup();
      // Also into a store that is empty but at the schema of this version.
      await (await openStore(elsewhere())).close();
      await restore(old, elsewhere());
      expect(await migrateStore(elsewhere(), { isDryRun: true })).toMatchObject({ version: migrations.length });

      const store = await here.open();
      await store.writeMeta('schema_version', String(migrations.length + 1));
      await here.close();
      await expect(backUp(here.place, join(folder, 'newer'))).rejects.toMatchObject({ code: 'newer' });
      expect(existsSync(join(folder, 'newer'))).toBe(false);
    });
  });

  test('restoring is refused where something is, or from something else', async () => {
    await fill(here.place, hardRows(2));
    const before = await contentsOf(here.place);
    const file = await backup();
    await expect(restore(file, here.place)).rejects.toMatchObject({ message: expect.stringContaining('not empty') });
    expect(await contentsOf(here.place)).toEqual(before);
    for (const [name, text] of [
      ['letter', 'Dear operator,\n'],
      ['nothing', ''],
      ['other.json', '{"turnpike":"menu"}\n'],
      ['format2', '{"turnpike":"backup","format":2,"schema":1,"madeAtMs":1}\n'],
      ['later', `{"turnpike":"backup","format":1,"schema":${migrations.length + 1},"madeAtMs":1}\n`],
    ] as const) {
      writeFileSync(join(folder, name), text);
      await expect(restore(join(folder, name), elsewhere())).rejects.toMatchObject({
        code: name === 'format2' || name === 'later' ? 'newer' : 'foreign',
      });
    }
    await expect(restore(join(folder, 'missing'), elsewhere())).rejects.toMatchObject({ code: 'unusable' });
  });

  test('a dry run says what would be done and does not do it', async () => {
    expect(await migrateStore(here.place, { isDryRun: true })).toMatchObject({ version: 0, known: migrations.length });
    expect(existsSync(here.place.dataDir)).toBe(false);
    expect(await migrateStore(here.place, { isDryRun: false })).toMatchObject({ version: 0 });
    expect(await migrateStore(here.place, { isDryRun: true })).toMatchObject({ version: migrations.length });
  });
});

onPostgres((here) => {
  const embedded = (): StorePlace => ({ dataDir: join(folder, 'embedded') });
  const url = () => here.place.url ?? '';

  test('moving keeps every row and every total', async () => {
    await fill(embedded(), hardRows());
    const original = await contentsOf(embedded());
    const steps: string[] = [];
    const moved = await move(embedded().dataDir, url(), (table, rows) => void steps.push(`${table} ${rows}`));
    expect(moved.find(({ table }) => table === 'exchange_log')).toMatchObject({ rows: 2_345, added: 2_345 });
    expect(moved.find(({ table }) => table === 'exchange_log')?.totals.get('cost_nano_usd')).toBe(
      totalOf(original.rows),
    );
    expect(steps).toContain('exchange_log 2345');
    expect(await contentsOf(here.place)).toEqual(withoutNul(original));
    const [sum] = await here.ask<{ n: bigint; total: string }>(
      'SELECT count(*) AS n, CAST(sum(cost_nano_usd) AS text) AS total FROM exchange_log',
    );
    expect(sum).toEqual({ n: 2_345n, total: String(totalOf(original.rows)) });
    expect(await contentsOf(embedded())).toEqual(original);
  }, 60_000);

  test('moving takes every table along', async () => {
    const counts = await fillEveryTable(embedded());
    const moved = await move(embedded().dataDir, url());
    expect(new Map(moved.map(({ table, rows }) => [table, rows]))).toEqual(counts);
    expect(moved.find(({ table }) => table === 'ledger_entry')?.totals.get('cost_nano_usd')).toBe(6n);
  });

  test('moving again adds what is new and leaves what is there, the rows of others included', async () => {
    await fill(embedded(), hardRows(30));
    await move(embedded().dataDir, url());
    await fill(embedded(), [exchangeRow({ id: 'tp_later' })]);
    const store = await here.open();
    await store.writeExchanges([exchangeRow({ id: 'tp_000000_other' })]);
    const again = await move(embedded().dataDir, url());
    expect(again.find(({ table }) => table === 'exchange_log')).toMatchObject({ rows: 31, added: 1 });
    expect(await allRows(store)).toHaveLength(32);
    expect((await move(embedded().dataDir, url())).every(({ added }) => added === 0)).toBe(true);
  });

  test('moving onto other contents changes nothing and says which row', async () => {
    await fill(embedded(), hardRows(5));
    await (await here.open()).writeMeta('admin_key_sha256', 'other');
    await expect(move(embedded().dataDir, url())).rejects.toMatchObject({
      message: expect.stringMatching(/other contents.*admin_key_sha256.*meta/),
    });
    expect(await allRows(await here.open())).toEqual([]);
  });

  test('moving a value that the column cannot hold changes nothing', async () => {
    await fill(embedded(), hardRows(5));
    const database = await openDatabase(embedded());
    await database.rows("UPDATE exchange_log SET status = 'none' WHERE id = (SELECT min(id) FROM exchange_log)");
    await database.close();
    await expect(move(embedded().dataDir, url())).rejects.toMatchObject({
      message: expect.stringContaining('exchange_log.status'),
    });
    const target = await openDatabase(here.place);
    expect(await target.transact(() => target.schema.tables())).toEqual([]);
    await target.close();
  });

  test('moving into the database of another program, or from nowhere, is refused', async () => {
    await here.server.run('CREATE TABLE recipes (name text)', url());
    await fill(embedded(), hardRows(1));
    await expect(move(embedded().dataDir, url())).rejects.toMatchObject({ code: 'foreign' });
    await expect(move(join(folder, 'nowhere'), url())).rejects.toMatchObject({ code: 'unusable' });
  });

  test('a server that dies while rows are moved has none of them', async () => {
    await fill(embedded(), hardRows(2_000));
    const moving = move(embedded().dataDir, url(), (table) => {
      if (table === 'exchange_log') process.kill(here.server.pid, 'SIGQUIT');
    });
    await expect(moving).rejects.toMatchObject({ code: 'busy' });
    await here.server.pause();
    await here.server.resume();
    const target = await openDatabase(here.place);
    expect(await target.transact(() => target.schema.tables())).toEqual([]);
    await target.close();
    expect((await move(embedded().dataDir, url())).find(({ table }) => table === 'exchange_log')?.added).toBe(2_000);
  }, 60_000);
});
