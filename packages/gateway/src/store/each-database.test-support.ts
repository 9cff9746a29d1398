import { Database } from 'bun:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'bun:test';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from './open-store.ts';
import { PostgresServer, postgresPrograms } from './postgres-server.test-support.ts';
import type { Store } from './store.ts';
import type { StorePlace } from './store-place.ts';

/** A new, empty place for a store in each test, on one of the databases. */
export interface TestPlace {
  readonly kind: 'sqlite' | 'postgres';
  /** Where the store of this test is. */
  readonly place: StorePlace;
  /** Opens it; what is open is closed after the test. */
  open(): Promise<Store>;
  /** Closes what was opened last, and opens it again. */
  reopen(): Promise<Store>;
  /** Closes what was opened last. */
  close(): Promise<void>;
  /** Asks the database itself, beside the store; integers are `bigint`. The store was opened once. */
  ask<Row>(sql: string): Promise<Row[]>;
  /** On PostgreSQL only. */
  readonly server: PostgresServer;
}

/** Runs a suite once on SQLite and once on a PostgreSQL server. Without one it says so; when CI is set it fails. */
export function onEachDatabase(define: (here: TestPlace) => void): void {
  describe('on SQLite', () => define(testPlace('sqlite')));
  onPostgres(define);
}

/** Runs a suite on a PostgreSQL server. */
export function onPostgres(define: (here: TestPlace) => void): void {
  if (postgresPrograms() !== undefined) {
    describe('on PostgreSQL', () => define(testPlace('postgres')));
  } else if (process.env.CI) {
    test('on PostgreSQL', () => {
      throw new Error('CI is set and there is no PostgreSQL server: install the Debian package postgresql.');
    });
  } else {
    process.stdout.write(
      'Left out: suites on PostgreSQL, because no server is installed (Debian package postgresql).\n',
    );
  }
}

function testPlace(kind: TestPlace['kind']): TestPlace {
  const opened: Store[] = [];
  let server: PostgresServer | undefined;
  let folder = '';
  let place: StorePlace = { dataDir: '' };
  if (kind === 'postgres') {
    beforeAll(async () => {
      server = await PostgresServer.start();
    }, 60_000);
    afterAll(() => server?.stop(), 60_000);
  }
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'turnpike-store-'));
    place = { dataDir: join(folder, 'data'), url: await server?.newDatabase() };
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const open = async () => {
    const store = await openStore(place);
    opened.push(store);
    return store;
  };
  const close = async () => opened.pop()?.close();
  return {
    kind,
    get place() {
      return place;
    },
    open,
    close,
    async reopen() {
      await close();
      return open();
    },
    async ask<Row>(sql: string) {
      if (place.url !== undefined) return (server as PostgresServer).run<Row>(sql, place.url);
      const database = new Database(join(place.dataDir, 'turnpike.db'), { safeIntegers: true });
      try {
        return database.query<Row, []>(sql).all();
      } finally {
        database.close();
      }
    },
    get server() {
      if (server === undefined) throw new Error('There is no server here.');
      return server;
    },
  };
}
