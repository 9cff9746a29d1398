import type { ScopeType } from './scope-type.ts';

/** What a rule of the file is about, in the words of the rules. The file writes `endUser`, as it writes all its keys. */
export function readRuleAbout(entry: {
  readonly scope?: Readonly<Record<string, string | undefined>> | undefined;
  readonly each?: readonly string[] | undefined;
}): { scope: Readonly<Partial<Record<ScopeType, string>>>; each: readonly ScopeType[] } {
  const scope: Partial<Record<ScopeType, string>> = {};
  for (const [kind, id] of Object.entries(entry.scope ?? {})) if (id !== undefined) scope[scopeTypeOf(kind)] = id;
  const each = new Set((entry.each ?? []).map(scopeTypeOf));
  // People of whom nobody knows the names before they come are never counted together by a pattern.
  if (scope['end-user']?.includes('*') === true) each.add('end-user');
  return { scope, each: [...each] };
}

function scopeTypeOf(kind: string): ScopeType {
  return (kind === 'endUser' ? 'end-user' : kind) as ScopeType;
}
