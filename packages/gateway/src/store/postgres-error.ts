import { StoreError } from './store.ts';

/**
 * SQLSTATE codes that say "not now", by their first two characters: connection exceptions, a transaction that others
 * undid (deadlock, serialization), a server short of resources, one that is stopping or starting.
 */
const PASSING_CLASSES = new Set(['08', '40', '53', '57']);
/** Lock not available. */
const LOCK_TIMEOUT = '55P03';
const UNIQUE_VIOLATION = '23505';

/** The driver's own codes for a connection that could not be had, or was lost. */
const LOST = new Set([
  'ERR_POSTGRES_CONNECTION_CLOSED',
  'ERR_POSTGRES_CONNECTION_FAILED',
  'ERR_POSTGRES_CONNECTION_REFUSED',
  'ERR_POSTGRES_CONNECTION_TIMEOUT',
  'ERR_POSTGRES_IDLE_TIMEOUT',
  'ERR_POSTGRES_LIFETIME_TIMEOUT',
]);

/** Says what an error of PostgreSQL or of the way to it means for the operator. `label` is the address without password. */
export function postgresError(error: unknown, label: string): StoreError {
  if (error instanceof StoreError) return error;
  const words = error instanceof Error ? error.message : String(error);
  const state = textOf(error, 'errno');
  if (state === UNIQUE_VIOLATION) return new StoreError('taken', `${label} has that already: ${words}.`, error);
  if (isPassing(state, textOf(error, 'code')) || isTimeout(error)) {
    return new StoreError('busy', `${label} cannot be reached or is busy: ${words}.`, error);
  }
  return new StoreError('unusable', `${label} cannot be used: ${words}.`, error);
}

/** Of an abort signal: no connection was free in time. */
function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}

function isPassing(state: string, code: string): boolean {
  return PASSING_CLASSES.has(state.slice(0, 2)) || state === LOCK_TIMEOUT || LOST.has(code);
}

function textOf(error: unknown, key: 'errno' | 'code'): string {
  const value = typeof error === 'object' && error !== null ? Reflect.get(error, key) : undefined;
  return typeof value === 'string' ? value : '';
}
