import { Fault } from '@turnpike/wire/fault.ts';
import { type Caller, modelPattern } from './caller.ts';
import type { Scope } from './scope.ts';

/** A key as it is put into the table. */
export interface KeyEntry {
  readonly name: string;
  readonly isAdmin: boolean;
  readonly models?: readonly string[] | undefined;
  /** Beyond the key itself: user, team, organisation, project, tags. */
  readonly scopes?: readonly Scope[] | undefined;
}

/** Longest key looked at, in characters; longer ones are unknown without hashing them. */
const KEY_CHARS_MAX = 512;

/** The keys in force, by digest. Plain keys are never held. */
export class KeyTable {
  readonly #callers = new Map<string, Caller>();

  /** @param sha256 Lower-case hex SHA-256 of the key. */
  add(sha256: string, key: KeyEntry): void {
    this.#callers.set(sha256, {
      id: key.name,
      name: key.name,
      isAdmin: key.isAdmin,
      models: key.models?.map(modelPattern),
      scopes: [{ type: 'key', id: key.name }, ...(key.scopes ?? [])],
    });
  }

  /**
   * The caller whose key the request carries. Looking up a digest leaks nothing about keys through timing.
   *
   * @throws Fault `key_missing` or `key_unknown`.
   */
  identify(headers: Headers): Caller {
    const key = presentedKey(headers);
    if (key === undefined) {
      throw new Fault('key_missing', {
        message: 'No API key was sent. Send it as "Authorization: Bearer KEY" or in the x-api-key header.',
      });
    }
    const caller = key.length <= KEY_CHARS_MAX ? this.#callers.get(sha256Hex(key)) : undefined;
    if (caller === undefined) {
      throw new Fault('key_unknown', { message: `The API key ${masked(key)} is not known here.` });
    }
    return caller;
  }
}

export function sha256Hex(text: string): string {
  return Bun.SHA256.hash(text, 'hex');
}

function presentedKey(headers: Headers): string | undefined {
  const authorization = headers.get('authorization');
  if (authorization !== null) {
    const space = authorization.indexOf(' ');
    if (space > 0 && authorization.slice(0, space).toLowerCase() === 'bearer') {
      const token = authorization.slice(space + 1).trim();
      if (token !== '') return token;
    }
  }
  return headers.get('x-api-key')?.trim() || undefined;
}

/** Enough of a key to recognise one's own, too little to use it. */
function masked(key: string): string {
  return key.length < 12 ? '(not shown)' : `${key.slice(0, 3)}…${key.slice(-4)}`.replace(/[^\x21-\x7e…]/g, '?');
}
