import { existsSync } from 'node:fs';
import { chmod, open, rename, rm } from 'node:fs/promises';
import type { Database } from '../database.ts';
import { StoreError } from '../store.ts';
import type { StorePlace } from '../store-place.ts';
import { writeBackup } from './backup-file.ts';
import { openExisting } from './existing-store.ts';
import { storePieces } from './table-rows.ts';

/** Text is written in pieces of about this many characters. */
const WRITE_CHARS = 256 * 1024;

/**
 * Writes a consistent copy of a store, which may be in use meanwhile, into a new file for its owner alone: an SQLite file of
 * an embedded store, lines of JSON of one on PostgreSQL. The file appears under its name when it is whole.
 *
 * @returns bytes written
 * @throws StoreError
 */
export async function backUp(place: StorePlace, file: string): Promise<number> {
  if (existsSync(file)) throw new StoreError('unusable', `${file} is there already. Name a new file.`);
  const { database, schema } = await openExisting(place);
  const unfinished = `${file}.unfinished`;
  try {
    await rm(unfinished, { force: true });
    const handle = await open(unfinished, 'wx', 0o600);
    try {
      if (database.kind === 'sqlite') await database.rows('VACUUM INTO ?', [unfinished]);
      else await writeLines(handle, database, schema);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await chmod(unfinished, 0o600);
    await rename(unfinished, file);
    return Bun.file(file).size;
  } catch (error) {
    await rm(unfinished, { force: true });
    if (error instanceof StoreError) throw error;
    throw new StoreError(
      'unusable',
      `${file} cannot be written: ${error instanceof Error ? error.message : error}.`,
      error,
    );
  } finally {
    await database.close();
  }
}

async function writeLines(handle: Awaited<ReturnType<typeof open>>, database: Database, schema: number): Promise<void> {
  await database.session('read', async (run) => {
    let waiting = '';
    for await (const lines of writeBackup({ schema, madeAtMs: Date.now() }, storePieces(database, run, schema))) {
      waiting += lines;
      if (waiting.length < WRITE_CHARS) continue;
      await handle.write(waiting);
      waiting = '';
    }
    await handle.write(waiting);
  });
}
