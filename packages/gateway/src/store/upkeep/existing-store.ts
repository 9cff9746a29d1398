import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Database } from '../database.ts';
import { schemaState } from '../migrate.ts';
import { openDatabase } from '../open-database.ts';
import { StoreError } from '../store.ts';
import type { StorePlace } from '../store-place.ts';

/**
 * Opens a store that is there already, and leaves it at the schema it has.
 *
 * @throws StoreError also when there is none, or a newer Turnpike has extended it: what that added would be left out.
 */
export async function openExisting(place: StorePlace): Promise<{ database: Database; schema: number }> {
  const path = join(place.dataDir, 'turnpike.db');
  if (!place.url && !existsSync(path)) throw new StoreError('unusable', `There is no store at ${path}.`);
  const database = await openDatabase(place);
  try {
    const { version, known } = await schemaState(database);
    if (version === 0) throw new StoreError('unusable', `There is no store in ${database.label}: it is empty.`);
    if (version > known) {
      throw new StoreError(
        'newer',
        `${database.label} is in use by a newer Turnpike (schema ${version}; this one knows ${known}). Use that version's command.`,
      );
    }
    return { database, schema: version };
  } catch (error) {
    await database.close();
    throw error;
  }
}
