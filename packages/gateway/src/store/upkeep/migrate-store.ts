import { migrate, type SchemaState, schemaState } from '../migrate.ts';
import { openDatabase } from '../open-database.ts';
import type { StorePlace } from '../store-place.ts';

/** Brings a store to the schema of this version, or only looks. @throws StoreError */
export async function migrateStore(
  place: StorePlace,
  options: { isDryRun: boolean },
): Promise<SchemaState & { label: string }> {
  const database = await openDatabase(place);
  try {
    const state = options.isDryRun ? await schemaState(database) : await migrate(database);
    return { ...state, label: database.label };
  } finally {
    await database.close();
  }
}
