import type { ScopeType } from '../config/scope-type.ts';

/** Something a rule can be about, and an exchange counts against. */
export interface Scope {
  readonly type: ScopeType;
  readonly id: string;
}

/** A scope as one text, for maps and messages: `team:web`. Unique, since no type holds a colon. */
export function scopeKey(scope: Scope): string {
  return `${scope.type}:${scope.id}`;
}
