import { join } from 'node:path';
import type { Database } from './database.ts';
import { openSqliteFile } from './sqlite-file.ts';
import { StoreError } from './store.ts';
import type { StorePlace } from './store-place.ts';

/** A server that is just starting, or restarting, is waited for so long. */
const SERVER_WAIT_MS = 15_000;
const SERVER_TRY_MS = 250;

/**
 * Opens the database without looking at what is in it. An embedded one is made when it is not there; a server is waited
 * for a little while. PostgreSQL's client is loaded only for those who use it.
 *
 * @throws StoreError
 */
export async function openDatabase({ url, dataDir }: StorePlace): Promise<Database> {
  if (url === undefined || url.trim() === '') {
    const { SqliteDatabase } = await import('./sqlite-database.ts');
    return new SqliteDatabase(await openSqliteFile(dataDir), join(dataDir, 'turnpike.db'));
  }
  const [{ PostgresDatabase }, { postgresAddress }] = await Promise.all([
    import('./postgres-database.ts'),
    import('./postgres-address.ts'),
  ]);
  const database = new PostgresDatabase(postgresAddress(url.trim()));
  const giveUpAtMs = performance.now() + SERVER_WAIT_MS;
  for (;;) {
    try {
      await database.rows('SELECT 1 AS one');
      return database;
    } catch (error) {
      const isWorthWaiting = error instanceof StoreError && error.code === 'busy' && performance.now() < giveUpAtMs;
      if (!isWorthWaiting) {
        await database.close();
        throw error;
      }
    }
    await Bun.sleep(SERVER_TRY_MS);
  }
}
