import type { CredentialLack, StoredCredential } from '../config/stored-credential.ts';
import { readCredential } from './credential-entity.ts';
import type { Entity } from './entity.ts';
import type { SecretSeal } from './secret-seal.ts';

interface SharedCredential {
  readonly version: number;
  readonly usable: StoredCredential | CredentialLack;
}

/** The stored credentials in memory, opened. */
export class CredentialVault {
  /** Encrypts what is stored. */
  readonly seal: SecretSeal;
  readonly #shared = new Map<string, SharedCredential>();
  readonly #names = new Map<string, string>();
  readonly #onSecrets: (secrets: readonly string[]) => void;
  #listener: () => Promise<void> = () => Promise.resolve();
  #isDue = false;

  /** @param onSecrets Told of every secret that was opened, so that it is kept out of the log. */
  constructor(seal: SecretSeal, onSecrets: (secrets: readonly string[]) => void) {
    this.seal = seal;
    this.#onSecrets = onSecrets;
  }

  /** The credential of that name which belongs to nobody, or why endpoints cannot use it. */
  shared(name: string): StoredCredential | CredentialLack {
    return this.#shared.get(name)?.usable ?? { lack: `there is no shared credential "${name}"` };
  }

  /** Is there a shared one of that name, blocked or not? */
  has(name: string): boolean {
    return this.#shared.has(name);
  }

  /** @param listener Puts endpoints in force anew; asked when shared credentials differ from those before. */
  onChange(listener: () => Promise<void>): void {
    this.#listener = listener;
  }

  /** Takes changes over and has them put in force. When that fails, the next call tries again. */
  async apply(changed: readonly Entity[], gone: readonly string[]): Promise<void> {
    for (const id of gone) this.#forget(id);
    for (const entity of changed) if (entity.kind === 'credential') this.#take(entity);
    if (!this.#isDue) return;
    await this.#listener();
    this.#isDue = false;
  }

  #forget(id: string): void {
    const name = this.#names.get(id);
    if (name === undefined) return;
    this.#names.delete(id);
    this.#shared.delete(name);
    this.#isDue = true;
  }

  #take(entity: Entity): void {
    if (isOwned(entity)) return;
    if (this.#shared.get(entity.name)?.version === entity.version && this.#names.has(entity.id)) return;
    this.#names.set(entity.id, entity.name);
    this.#shared.set(entity.name, { version: entity.version, usable: this.#usable(entity) });
    this.#isDue = true;
  }

  #usable(entity: Entity): StoredCredential | CredentialLack {
    const credential = readCredential(entity, this.seal);
    if (credential === undefined) return { lack: `its credential "${entity.name}" cannot be decrypted` };
    this.#onSecrets([credential.secret, ...Object.values(credential.headers)]);
    return entity.body.isBlocked === true ? { lack: `its credential "${entity.name}" is blocked` } : credential;
  }
}

/** Does it belong to somebody, for whose calls alone it is used? */
function isOwned({ organisationId, teamId, projectId, userId, body }: Entity): boolean {
  return [organisationId, teamId, projectId, userId, body.keyId].some((id) => id !== undefined);
}
