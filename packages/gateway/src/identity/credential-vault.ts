import type { OwnCredential } from '../config/byok.ts';
import type { CredentialLack, StoredCredential } from '../config/stored-credential.ts';
import { type Opener, readCredential } from './credential-entity.ts';
import type { Entity } from './entity.ts';

/** What the caller's requests look credentials up in. */
export interface OwnCredentialSource {
  /** Is there no credential that belongs to anybody? */
  readonly isNobodys: boolean;
  /** @param ownerIds Of the caller, innermost first. */
  ownOf(ownerIds: readonly string[], providerId: string): OwnCredential | undefined;
}

interface Shared {
  readonly id: string;
  readonly version: number;
  readonly usable: StoredCredential | CredentialLack;
}

interface Owned {
  readonly entity: Entity;
  /** The innermost of its owners. */
  readonly ownerId: string;
  /** Undefined when it is blocked or cannot be opened: then it is as if there were none. */
  readonly own: OwnCredential | undefined;
}

/** The stored credentials in memory, opened. */
export class CredentialVault implements OwnCredentialSource {
  readonly #opener: Opener;
  /** By name. */
  readonly #shared = new Map<string, Shared>();
  readonly #owned = new Map<string, Owned>();
  /** Those that can be used by owner, in the order in which they were made. */
  readonly #byOwner = new Map<string, Owned[]>();
  readonly #onSecrets: (secrets: readonly string[]) => void;
  #listener: () => Promise<void> = () => Promise.resolve();
  #isDue = false;

  /** @param onSecrets Told of every secret that was opened, so that it is kept out of the log. */
  constructor(opener: Opener, onSecrets: (secrets: readonly string[]) => void) {
    this.#opener = opener;
    this.#onSecrets = onSecrets;
  }

  get isNobodys(): boolean {
    return this.#byOwner.size === 0;
  }

  /** The credential of that name which belongs to nobody, or why endpoints cannot use it. */
  shared(name: string): StoredCredential | CredentialLack {
    return this.#shared.get(name)?.usable ?? { lack: `there is no shared credential "${name}"` };
  }

  /** Is there a shared one of that name, blocked or not? */
  has(name: string): boolean {
    return this.#shared.has(name);
  }

  /** The innermost owner's; of several for the provider, the one made first. */
  ownOf(ownerIds: readonly string[], providerId: string): OwnCredential | undefined {
    for (const ownerId of ownerIds) {
      const found = this.#byOwner
        .get(ownerId)
        ?.find(
          ({ entity }) =>
            entity.body.provider === providerId && requiredBy(entity).every((id) => ownerIds.includes(id)),
        );
      if (found !== undefined) return found.own;
    }
    return undefined;
  }

  /** A credential that belongs to the key, blocked or not. */
  ofKey(keyId: string): Entity | undefined {
    return [...this.#owned.values()].find(({ entity }) => entity.body.keyId === keyId)?.entity;
  }

  /** @param listener Puts endpoints in force anew; asked when shared credentials differ from those before. */
  onChange(listener: () => Promise<void>): void {
    this.#listener = listener;
  }

  /**
   * Takes changes over and has them put in force. When that fails, the next call tries again.
   *
   * @param nameOf Of an entity, by id.
   */
  async apply(
    changed: readonly Entity[],
    gone: readonly string[],
    nameOf: (id: string) => string | undefined,
  ): Promise<void> {
    for (const id of gone) this.#forget(id);
    for (const entity of changed) {
      if (entity.kind !== 'credential') continue;
      if (ownerOf(entity) === undefined) this.#takeShared(entity);
      else this.#takeOwned(entity, nameOf);
    }
    if (!this.#isDue) return;
    await this.#listener();
    this.#isDue = false;
  }

  #forget(id: string): void {
    this.#forgetOwned(id);
    for (const [name, shared] of this.#shared) {
      if (shared.id !== id) continue;
      this.#shared.delete(name);
      this.#isDue = true;
    }
  }

  #forgetOwned(id: string): void {
    const owned = this.#owned.get(id);
    if (owned === undefined) return;
    this.#owned.delete(id);
    const left = this.#byOwner.get(owned.ownerId)?.filter((other) => other !== owned) ?? [];
    if (left.length === 0) this.#byOwner.delete(owned.ownerId);
    else this.#byOwner.set(owned.ownerId, left);
  }

  #takeShared(entity: Entity): void {
    const { id, name, version } = entity;
    const before = this.#shared.get(name);
    if (before?.id === id && before.version === version) return;
    this.#shared.set(name, { id, version, usable: this.#usable(entity) });
    this.#isDue = true;
  }

  #takeOwned(entity: Entity, nameOf: (id: string) => string | undefined): void {
    if (this.#owned.get(entity.id)?.entity.version === entity.version) return;
    this.#forgetOwned(entity.id);
    const credential = this.#usable(entity);
    const owner = ownerOf(entity);
    if (owner === undefined) return;
    const [kind, ownerId] = owner;
    const isUsable = !('lack' in credential);
    const own = isUsable ? { credential, paidBy: `${kind}:${nameOf(ownerId) ?? ownerId}` } : undefined;
    const owned = { entity, ownerId, own };
    this.#owned.set(entity.id, owned);
    if (!isUsable) return;
    const all = [...(this.#byOwner.get(ownerId) ?? []), owned];
    this.#byOwner.set(
      ownerId,
      all.sort((a, b) => (a.entity.id < b.entity.id ? -1 : 1)),
    );
  }

  #usable(entity: Entity): StoredCredential | CredentialLack {
    const credential = readCredential(entity, this.#opener);
    if (credential === undefined) return { lack: `its credential "${entity.name}" cannot be decrypted` };
    const { secret, previous, headers } = credential;
    this.#onSecrets([secret, ...(previous === undefined ? [] : [previous.secret]), ...Object.values(headers)]);
    return entity.body.isBlocked === true ? { lack: `its credential "${entity.name}" is blocked` } : credential;
  }
}

/** The innermost of what a credential belongs to: for its calls alone it is used. Undefined for a shared one. */
function ownerOf({ organisationId, teamId, projectId, userId, body }: Entity): readonly [string, string] | undefined {
  const owners = [
    ['key', body.keyId],
    ['user', userId],
    ['project', projectId],
    ['team', teamId],
    ['organisation', organisationId],
  ] as const;
  for (const [kind, id] of owners) if (id !== undefined) return [kind, id];
  return undefined;
}

/** What a caller has to be of besides: a user's credential in a team is for the user's calls in that team. */
function requiredBy({ teamId, projectId, userId, body }: Entity): string[] {
  return [body.keyId, userId, projectId, teamId].filter((id) => id !== undefined);
}
