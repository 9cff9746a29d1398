import { Database } from 'bun:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exchangeRow } from '../telemetry/exchange-row.test-support.ts';
import { openStore } from './open-store.ts';
import type { Store, StoreError } from './store.ts';

let parent: string;
let dataDir: string;
const opened: Store[] = [];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'turnpike-store-'));
  dataDir = join(parent, 'data');
});

afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  rmSync(parent, { recursive: true, force: true });
});

async function open(): Promise<Store> {
  const store = await openStore({ dataDir });
  opened.push(store);
  return store;
}

async function refusal(): Promise<StoreError> {
  return open().then(
    () => {
      throw new Error('opened');
    },
    (error: StoreError) => error,
  );
}

describe('the file', () => {
  test.skipIf(process.platform === 'win32')('is for its owner alone', async () => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect(mode(dataDir)).toBe('700');
    for (const name of ['turnpike.db', 'turnpike.db-wal', 'turnpike.db-shm']) {
      expect([name, mode(join(dataDir, name))]).toEqual([name, '600']);
    }
  });

  test('is alone after closing', async () => {
    await (await open()).writeExchanges([exchangeRow({ id: 'tp_1' })]);
    await opened.pop()?.close();
    expect(existsSync(join(dataDir, 'turnpike.db-wal'))).toBe(false);
  });

  test('that is no database is left alone and named', async () => {
    await open();
    await opened.pop()?.close();
    const path = join(dataDir, 'turnpike.db');
    writeFileSync(path, 'This is a letter, not a database. '.repeat(200));
    const error = await refusal();
    expect(error.code).toBe('foreign');
    expect(error.message).toContain(path);
  });

  test('with a damaged first page is refused', async () => {
    const store = await open();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    await opened.pop()?.close();
    const path = join(dataDir, 'turnpike.db');
    const bytes = new Uint8Array(await Bun.file(path).arrayBuffer());
    bytes.fill(0xff, 100, 4096);
    writeFileSync(path, bytes);
    expect((await refusal()).code).toBe('foreign');
  });

  test('of another program is refused', async () => {
    await open();
    await opened.pop()?.close();
    rmSync(join(dataDir, 'turnpike.db'));
    const other = new Database(join(dataDir, 'turnpike.db'));
    other.run('CREATE TABLE recipes (name text)');
    other.close();
    const error = await refusal();
    expect([error.code, error.message]).toEqual(['foreign', expect.stringContaining('another program')]);
  });

  test('of a newer version is refused', async () => {
    const store = await open();
    await store.writeMeta('schema_version', '999');
    await store.writeMeta('schema_needs', '999');
    await opened.pop()?.close();
    const error = await refusal();
    expect([error.code, error.message]).toEqual(['newer', expect.stringContaining('schema 999')]);
  });

  test('in a place that cannot be written is refused', async () => {
    writeFileSync(join(parent, 'file'), '');
    dataDir = join(parent, 'file', 'data');
    expect((await refusal()).code).toBe('unusable');
  });

  test.skipIf(process.platform === 'win32')('loses loose permissions', async () => {
    await open();
    await opened.pop()?.close();
    chmodSync(join(dataDir, 'turnpike.db'), 0o644);
    await open();
    expect(statSync(join(dataDir, 'turnpike.db')).mode & 0o777).toBe(0o600);
  });
});

describe('several processes', () => {
  const writer = `
    const { openStore } = await import(${JSON.stringify(join(import.meta.dir, 'open-store.ts'))});
    const { exchangeRow } = await import(${JSON.stringify(join(import.meta.dir, '../telemetry/exchange-row.test-support.ts'))});
    const [dataDir, name] = process.argv.slice(-2);
    const store = await openStore({ dataDir });
    for (let at = 0; at < 40; at++) {
      const rows = Array.from({ length: 10 }, (_, row) => exchangeRow({ id: 'tp_' + name + '_' + at + '_' + row }));
      for (;;) {
        try { await store.writeExchanges(rows); break; } catch (error) { if (error.code !== 'busy') throw error; }
      }
    }
    await store.close();`;

  test('can start and write at once', async () => {
    const names = ['a', 'b', 'c'];
    const exits = names.map((name) =>
      Bun.spawn([process.execPath, '-e', writer, dataDir, name], { stderr: 'inherit' }),
    );
    expect(await Promise.all(exits.map((child) => child.exited))).toEqual([0, 0, 0]);
    const rows = await (await open()).recentExchanges({ limit: 1_000 });
    expect(rows).toHaveLength(1_000);
    const database = new Database(join(dataDir, 'turnpike.db'));
    expect(database.query('SELECT count(*) AS n FROM exchange_log').get()).toEqual({ n: 1_200 });
    database.close();
  });

  test('one that holds the database is reported as busy', async () => {
    const store = await open();
    const other = new Database(join(dataDir, 'turnpike.db'));
    other.run('BEGIN IMMEDIATE');
    await expect(store.writeExchanges([exchangeRow({ id: 'tp_1' })])).rejects.toMatchObject({ code: 'busy' });
    other.run('ROLLBACK');
    other.close();
    await store.writeExchanges([exchangeRow({ id: 'tp_1' })]);
    expect((await store.exchange('tp_1'))?.id).toBe('tp_1');
  });

  test('one that is killed leaves every batch it was told about', async () => {
    const script = writer.replace('await store.close();', "console.log('written'); await new Promise(() => {});");
    const child = Bun.spawn(
      [process.execPath, '-e', script.replace('new Promise(() => {})', 'Bun.sleep(60_000)'), dataDir, 'k'],
      {
        stdout: 'pipe',
      },
    );
    await child.stdout.getReader().read();
    child.kill('SIGKILL');
    await child.exited;
    expect(await (await open()).recentExchanges({ limit: 1_000 })).toHaveLength(400);
  });
});
