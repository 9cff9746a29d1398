import type { Entity } from '../../identity/entity.ts';
import type { FaceContext } from './operation.ts';

/** Keys by the names the ledger has them under. */
export class KeyTokens {
  readonly #byName: ReadonlyMap<string, Entity>;
  readonly #house: FaceContext['house'];

  constructor({ house }: FaceContext) {
    this.#house = house;
    this.#byName = new Map(house.directory.ofKind('key').map((key) => [key.name, key]));
  }

  /** As LiteLLM's clients know it; one that is gone, or stands in the configuration, by its name. */
  tokenOf(name: string | undefined): string {
    return this.#byName.get(name ?? '')?.id ?? name ?? '';
  }

  aliasOf(name: string): string | null {
    return this.#byName.get(name)?.body.displayName ?? null;
  }

  aliasOfToken(token: string): string | null {
    return this.#house.directory.byId(token)?.body.displayName ?? null;
  }

  hintOf(name: string): string | null {
    const hint = this.#byName.get(name)?.body.hint;
    return hint === undefined ? null : `${hint.slice(0, 3)}...${hint.slice(-4)}`;
  }
}
