import { type Database, query, type Steps } from './database.ts';
import { breakingMigrations, migrations } from './migrations.ts';
import { StoreError } from './store.ts';

/** Under this name `meta` says how many migrations a database has seen. */
export const SCHEMA_VERSION = 'schema_version';
/** And under this, how many a Turnpike must know to use it: the number of the last breaking one. */
export const SCHEMA_NEEDS = 'schema_needs';

const META_UPSERT =
  'INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value';

/** How far a database is, against what this version knows. */
export interface SchemaState {
  /** Migrations it has seen; 0 for an empty one. */
  readonly version: number;
  /** Migrations this version knows. */
  readonly known: number;
}

/**
 * Brings a database to the schema of this version, or to `target` migrations: one transaction for each, so that after a
 * crash it is at one of them and not between. Several processes that start at once take turns, and each does what is left.
 *
 * @throws StoreError `newer`, `foreign`
 */
export async function migrate(database: Database, target: number = migrations.length): Promise<SchemaState> {
  const state = await schemaState(database);
  for (let version = state.version; version < target; ) {
    version = await database.transact(() => oneMigration(database), { isPatient: true });
  }
  return state;
}

/** The same within a transaction of the caller's. */
export function* migrateWithin(database: Database, target: number): Steps<void> {
  for (let version = yield* schemaVersion(database); version < target; ) version = yield* oneMigration(database);
}

/** Looks only. @throws StoreError `newer`, `foreign` */
export async function schemaState(database: Database): Promise<SchemaState> {
  return database.transact(() => schemaStateWithin(database), { isPatient: true });
}

/** The same within a transaction of the caller's. */
export function* schemaStateWithin(database: Database): Steps<SchemaState> {
  return { version: yield* schemaVersion(database), known: migrations.length };
}

/** The next one, unless another process was quicker. Gives back how many there are then. */
function* oneMigration(database: Database): Steps<number> {
  yield* database.schema.lock();
  const from = yield* schemaVersion(database);
  const statements = migrations[from];
  if (statements === undefined) return from;
  if (from === 0) yield* query('CREATE TABLE meta (name text PRIMARY KEY NOT NULL, value text NOT NULL)');
  for (const statement of statements) yield* query(database.schema.statement(statement));
  const version = from + 1;
  yield* query(META_UPSERT, [SCHEMA_VERSION, String(version)]);
  if (version === 1 || breakingMigrations.has(version)) yield* query(META_UPSERT, [SCHEMA_NEEDS, String(version)]);
  return version;
}

/**
 * 0 for an empty database. One from a later version is used as it is, as long as what came later only added to it: then a
 * gateway that still runs the old version works on beside one that has begun with the new.
 */
function* schemaVersion(database: Database): Steps<number> {
  const tables = yield* database.schema.tables();
  if (tables.length === 0) return 0;
  const version = tables.includes('meta') ? yield* metaNumber(SCHEMA_VERSION) : undefined;
  if (version === undefined || version < 1) {
    throw new StoreError(
      'foreign',
      `${database.label} is a database of another program. Choose another ${database.kind === 'sqlite' ? 'data directory' : 'database'}.`,
    );
  }
  const needs = (yield* metaNumber(SCHEMA_NEEDS)) ?? 1;
  if (needs > migrations.length) {
    throw new StoreError(
      'newer',
      `${database.label} was written by a newer Turnpike (schema ${version}, which needs one that knows ${needs}; ` +
        `this one knows ${migrations.length}). Run that version, or choose another ${database.kind === 'sqlite' ? 'data directory' : 'database'}.`,
    );
  }
  return version;
}

function* metaNumber(name: string): Steps<number | undefined> {
  const [row] = yield* query<{ value: string }>('SELECT value FROM meta WHERE name = ?', [name]);
  const number = Number(row?.value);
  return Number.isInteger(number) ? number : undefined;
}
