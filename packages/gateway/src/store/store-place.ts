import { resolve } from 'node:path';

/** Where a store is: at a PostgreSQL address when there is one, else in a folder. */
export interface StorePlace {
  /** `postgres://user:password@host:port/database`. Empty counts as absent. */
  url?: string | undefined;
  dataDir: string;
}

const DATA_DIR_DEFAULT = '.turnpike';

/** Where the environment says the store is: `DATABASE_URL`, `TURNPIKE_DATA_DIR`. */
export function storePlace(environment: Readonly<Record<string, string | undefined>>): StorePlace {
  return { url: environment.DATABASE_URL, dataDir: resolve(environment.TURNPIKE_DATA_DIR || DATA_DIR_DEFAULT) };
}
