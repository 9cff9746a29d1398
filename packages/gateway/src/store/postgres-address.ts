import { StoreError } from './store.ts';

/** A PostgreSQL address, and how it may be shown: without user, password and options. */
export interface PostgresAddress {
  url: string;
  label: string;
}

/** @throws StoreError `unusable` when it is no `postgres://` address. The message does not repeat it: it may hold a password. */
export function postgresAddress(url: string): PostgresAddress {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url);
  } catch {
    parsed = undefined;
  }
  if (parsed === undefined || !['postgres:', 'postgresql:'].includes(parsed.protocol)) {
    throw new StoreError(
      'unusable',
      'The database address must look like postgres://user:password@host:5432/database. ' +
        'Characters such as @, / and # in a password are written as %40, %2F and %23.',
    );
  }
  return { url, label: `postgres://${parsed.host || 'local socket'}${parsed.pathname}` };
}
