import { constants, Database } from 'bun:sqlite';
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { StoreError } from './store.ts';

/** How long opening waits for another process that is setting the same database up. */
const OPEN_WAIT_MS = 5_000;
/** How long a write may wait for another process. Short, because nothing else runs in the meantime. */
const WRITE_WAIT_MS = 200;

/**
 * Pages of the write-ahead log (4 KiB each) after which SQLite folds it into the file. A quarter of its default: the fold
 * happens inside some write, so that many small ones hold up less than few large ones.
 */
const CHECKPOINT_PAGES = 256;

/**
 * Opens `<dataDir>/turnpike.db`, making both where missing, readable by their owner only. Several processes may have it
 * open: SQLite keeps their writes apart.
 *
 * @throws StoreError
 */
export async function openSqliteFile(dataDir: string): Promise<Database> {
  const path = join(dataDir, 'turnpike.db');
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // SQLite would make the file readable by all; its companions (-wal, -shm) take over the mode of the file.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
  } catch (error) {
    throw storeError(error, path);
  }
  const giveUpAtMs = performance.now() + OPEN_WAIT_MS;
  for (;;) {
    try {
      return openOnce(path);
    } catch (error) {
      const failure = storeError(error, path);
      if (failure.code !== 'busy' || performance.now() > giveUpAtMs) throw failure;
    }
    // SQLite does not wait by itself while another process turns a new file to write-ahead logging.
    await Bun.sleep(20);
  }
}

function openOnce(path: string): Database {
  const database = new Database(path, { create: true, readwrite: true, safeIntegers: true });
  try {
    database.run(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}`);
    database.run('PRAGMA journal_mode = WAL');
    // Under WAL this loses nothing to a killed process; a power cut may cost the last moments, never the database.
    database.run('PRAGMA synchronous = NORMAL');
    database.run(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    database.run(`PRAGMA busy_timeout = ${WRITE_WAIT_MS}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Runs something that may wait for other processes longer than a write may, since nothing else is to run meanwhile. */
export function waitingLonger<T>(database: Database, run: () => T): T {
  database.run(`PRAGMA busy_timeout = ${OPEN_WAIT_MS}`);
  try {
    return run();
  } finally {
    database.run(`PRAGMA busy_timeout = ${WRITE_WAIT_MS}`);
  }
}

/** Leaves one file behind, without a log to be folded in at the next start. */
export function closeSqliteFile(database: Database): void {
  // macOS's SQLite keeps the log file otherwise.
  database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 0);
  database.close();
}

/** Says what an error of SQLite or of the file system means for the operator. */
export function storeError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const code = errorCode(error);
  const words = error instanceof Error ? error.message : String(error);
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT')) {
    return new StoreError(
      'foreign',
      `${path} is not a database, or is damaged (${words}). Put a backup in its place, or move it away to start anew.`,
      error,
    );
  }
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) {
    return new StoreError('busy', `${path} is held by another process.`, error);
  }
  if (code === 'SQLITE_CONSTRAINT_PRIMARYKEY' || code === 'SQLITE_CONSTRAINT_UNIQUE') {
    return new StoreError('taken', `${path} has that already: ${words}.`, error);
  }
  return new StoreError('unusable', `${path} cannot be used: ${words}.`, error);
}

function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}
