import type { Scope } from './scope.ts';

/** Who is calling, as far as the key says. */
export interface Caller {
  /** Stable over reloads; for a key of the configuration file, its name. */
  readonly id: string;
  /** The key's name; shown in logs in place of the key. */
  readonly name: string;
  readonly isAdmin: boolean;
  /** Patterns of the models it may use; undefined means all. */
  readonly models: readonly RegExp[] | undefined;
  /** What its exchanges count against: the key first, then user, team, organisation, project and tags as known. */
  readonly scopes: readonly Scope[];
}

export function mayUse(caller: Caller, model: string): boolean {
  return caller.models === undefined || caller.models.some((pattern) => pattern.test(model));
}

/** A model name pattern with `*` standing for anything, as an anchored regular expression. */
export function modelPattern(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*');
  return new RegExp(`^${escaped}$`);
}
