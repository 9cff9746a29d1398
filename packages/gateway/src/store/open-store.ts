import { DatabaseStore } from './database-store.ts';
import { migrate } from './migrate.ts';
import { openDatabase } from './open-database.ts';
import type { Store } from './store.ts';
import type { StorePlace } from './store-place.ts';

/**
 * Opens the store, making an embedded one when it is not there, and brings its schema up to date.
 *
 * @throws StoreError saying what is wrong with the file, the directory or the server.
 */
export async function openStore(place: StorePlace): Promise<Store> {
  const database = await openDatabase(place);
  try {
    await migrate(database);
    return new DatabaseStore(database);
  } catch (error) {
    await database.close();
    throw error;
  }
}
