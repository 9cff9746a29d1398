import type { StoredModel } from '../config/stored-models.ts';
import type { Entity } from './entity.ts';

/** The models that are kept in the database. */
export class ModelShelf {
  readonly #models = new Map<string, Entity>();
  #listener: () => Promise<void> = () => Promise.resolve();
  #isDue = false;

  /** In the order in which they were made. Blocked ones are left out. */
  get models(): readonly StoredModel[] {
    return [...this.#models.values()]
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .filter(({ body }) => body.isBlocked !== true)
      .map(storedModelOf);
  }

  /** @param listener Puts the models in force; asked when they differ from those before. */
  onChange(listener: () => Promise<void>): void {
    this.#listener = listener;
  }

  /** Takes changes over and has them put in force. When that fails, the next call tries again. */
  async apply(changed: readonly Entity[], gone: readonly string[]): Promise<void> {
    for (const id of gone) if (this.#models.delete(id)) this.#isDue = true;
    for (const entity of changed) {
      if (entity.kind !== 'model' || this.#models.get(entity.id)?.version === entity.version) continue;
      this.#models.set(entity.id, entity);
      this.#isDue = true;
    }
    if (!this.#isDue) return;
    await this.#listener();
    this.#isDue = false;
  }
}

export function storedModelOf({ name, body }: Entity): StoredModel {
  const { endpoints = [], fallbacks, retries } = body;
  return { name, endpoints, fallbacks, retries };
}
