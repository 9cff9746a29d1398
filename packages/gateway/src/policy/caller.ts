import type { BudgetFallbacks } from '../config/snapshot.ts';
import type { AdminRights } from '../identity/admin-scope.ts';
import { allowsName, type EffectivePolicy } from '../identity/effective-policy.ts';
import type { Scope } from './scope.ts';

export interface Refusal {
  readonly code: 'key_blocked' | 'tags_missing';
  readonly message: string;
}

/** Of a key that lacks tags it must carry. */
export function refusalOfTags(keyName: string, missing: readonly string[]): Refusal | undefined {
  if (missing.length === 0) return undefined;
  return {
    code: 'tags_missing',
    message: `The key "${keyName}" lacks tags it must carry: ${missing.join(', ')}.`,
  };
}

/** Who is calling, as far as the key says. */
export interface Caller {
  /** Stable over reloads; for a key of the configuration file, its name. */
  readonly id: string;
  /** The key's name; shown in logs in place of the key. */
  readonly name: string;
  readonly isAdmin: boolean;
  /** What its exchanges count against: the key first, then user, team, organisation, project and tags as known. */
  readonly scopes: readonly Scope[];
  /** What it may use: the meet of the policies of all levels. */
  readonly policy: EffectivePolicy;
  /** Ids of what it is made of, to which credentials can belong: the key, then user, project, team, organisation. */
  readonly ownerIds: readonly string[];
  /** May its requests bring credentials of providers along? */
  readonly mayBringCredentials: boolean;
  /** Whose token stands behind it: the caller's own, or that of who made its key. That issuer's policy is in `policy`. */
  readonly issuer?: string | undefined;
  /** For models that a budget keeps out: what to try in their place, in this order. */
  readonly fallbackModels?: BudgetFallbacks | undefined;
  /** Why it is refused whatever it asks for; undefined when it is not. */
  readonly refusal: Refusal | undefined;
  /** What it may do in the admin API; undefined for nothing. */
  readonly admin: AdminRights | undefined;
}

/** The tags a key carries. */
export function tagsOfKey({ scopes }: { readonly scopes: readonly Scope[] }): string[] {
  return scopes.flatMap(({ type, id }) => (type === 'tag' ? [id] : []));
}

export function mayUse({ policy }: { readonly policy: EffectivePolicy }, model: string): boolean {
  return allowsName(policy.models, model);
}
