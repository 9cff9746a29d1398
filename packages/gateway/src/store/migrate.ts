import type { Database } from 'bun:sqlite';
import { migrations } from './migrations.ts';
import { StoreError } from './store.ts';

/** Under this name `meta` says how many migrations a database has seen. */
const SCHEMA_VERSION = 'schema_version';

/**
 * Brings a database to the schema of this version, in one transaction: after a crash it is at the old one or the new.
 * Two processes that start at once do it one after the other, the second finding it done.
 *
 * @throws StoreError `newer`, `foreign`
 */
export function migrate(database: Database, path: string): void {
  const run = database.transaction(() => {
    const from = schemaVersion(database, path);
    if (from === migrations.length) return;
    if (from === 0) database.run('CREATE TABLE meta (name text PRIMARY KEY NOT NULL, value text NOT NULL)');
    for (const statement of migrations.slice(from).flat()) database.run(statement);
    database
      .query('INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2')
      .run(SCHEMA_VERSION, String(migrations.length));
  });
  // Immediate: a transaction that begins by reading could not become a writing one when another process writes.
  run.immediate();
}

/** 0 for an empty database. */
function schemaVersion(database: Database, path: string): number {
  const tables = database
    .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'")
    .all()
    .map((row) => row.name);
  if (tables.length === 0) return 0;
  const row = tables.includes('meta')
    ? database.query<{ value: string }, [string]>('SELECT value FROM meta WHERE name = ?').get(SCHEMA_VERSION)
    : null;
  const version = Number(row?.value);
  if (!Number.isInteger(version) || version < 1) {
    throw new StoreError('foreign', `${path} is a database of another program. Choose another data directory.`);
  }
  if (version > migrations.length) {
    throw new StoreError(
      'newer',
      `${path} was written by a newer Turnpike (schema ${version}; this one knows ${migrations.length}). ` +
        'Run that version, or choose another data directory.',
    );
  }
  return version;
}
