import type { ScopeType } from './scope-type.ts';

/** What a rule of the file is about, in the words of the rules. The file writes `endUser` and `serviceAccount`, as it writes all its keys. */
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

/** What is wrong with a rule that is to hold by default only. */
export function defaultProblem(entry: {
  readonly default?: boolean | undefined;
  readonly scope?: Readonly<Record<string, string | undefined>> | undefined;
}): { message: string; hint: string } | undefined {
  if (entry.default !== true || entry.scope?.endUser?.includes('*') === true) return undefined;
  return { message: 'holds by default for nobody', hint: 'Add endUser: "*", or take default out.' };
}

/** The word of the rules for one of the file. */
export function scopeTypeOf(kind: string): ScopeType {
  if (kind === 'endUser') return 'end-user';
  return (kind === 'serviceAccount' ? 'service-account' : kind) as ScopeType;
}
