import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { migrate, type SchemaState, schemaState } from '../migrate.ts';
import { migrations } from '../migrations.ts';
import { openDatabase } from '../open-database.ts';
import type { StorePlace } from '../store-place.ts';

/** Brings a store to the schema of this version, or only looks. @throws StoreError */
export async function migrateStore(
  place: StorePlace,
  options: { isDryRun: boolean },
): Promise<SchemaState & { label: string }> {
  const path = join(place.dataDir, 'turnpike.db');
  if (options.isDryRun && !place.url && !existsSync(path)) return { label: path, version: 0, known: migrations.length };
  const database = await openDatabase(place);
  try {
    const state = options.isDryRun ? await schemaState(database) : await migrate(database);
    return { ...state, label: database.label };
  } finally {
    await database.close();
  }
}
