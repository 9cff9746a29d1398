import { Database as BunDatabase } from 'bun:sqlite';
import { existsSync } from 'node:fs';
import { schemaStateWithin } from '../migrate.ts';
import { openDatabase } from '../open-database.ts';
import { SqliteDatabase } from '../sqlite-database.ts';
import { storeError } from '../sqlite-file.ts';
import { StoreError } from '../store.ts';
import type { StorePlace } from '../store-place.ts';
import { readBackup, readBackupHeader } from './backup-file.ts';
import { type CopiedTable, type CopyOptions, type CopySource, copyStore } from './copy-store.ts';
import { storePieces } from './table-rows.ts';

/** The first bytes of every SQLite file. */
const SQLITE_MAGIC = 'SQLite format 3\0';

/**
 * Fills an empty store from a backup of either kind; it need not be the kind of database the backup was made of.
 *
 * @throws StoreError; the store is as before then.
 */
export async function restore(
  file: string,
  place: StorePlace,
  onProgress?: CopyOptions['onProgress'],
): Promise<CopiedTable[]> {
  if (!existsSync(file)) throw new StoreError('unusable', `There is no file ${file}.`);
  const fill = async (source: CopySource) => {
    const target = await openDatabase(place);
    try {
      return await copyStore(source, target, { target: 'empty', ...(onProgress && { onProgress }) });
    } finally {
      await target.close();
    }
  };
  const start = await Bun.file(file).slice(0, SQLITE_MAGIC.length).text();
  if (start === SQLITE_MAGIC) return fromSqliteFile(file, fill);
  const { schema } = await readBackupHeader(file);
  return fill({ label: file, schema, pieces: () => readBackup(file) });
}

async function fromSqliteFile<T>(file: string, use: (source: CopySource) => Promise<T>): Promise<T> {
  let opened: BunDatabase | undefined;
  try {
    opened = new BunDatabase(file, { readonly: true, safeIntegers: true });
    const check = opened.query<{ integrity_check: string }, []>('PRAGMA integrity_check').get()?.integrity_check;
    if (check !== 'ok') throw new StoreError('foreign', `${file} is damaged: ${check}.`);
    const database = new SqliteDatabase(opened, file);
    return await database.session('read', async (run) => {
      const { version } = await run(schemaStateWithin(database));
      if (version === 0) throw new StoreError('foreign', `${file} is an empty database.`);
      return use({ label: file, schema: version, pieces: () => storePieces(database, run, version) });
    });
  } catch (error) {
    throw storeError(error, file);
  } finally {
    opened?.close();
  }
}
