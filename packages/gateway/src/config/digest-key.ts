import { createHash } from 'node:crypto';

/** Lower-case hex SHA-256 of a key: the only form keys are held in. */
export function digestKey(key: string): string {
  return createHash('sha256').update(key, 'utf8').digest('hex');
}
