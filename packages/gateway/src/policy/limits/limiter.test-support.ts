import type { LimitMeasure, LimitRule } from '../../config/limit-rule.ts';
import type { ScopeType } from '../../config/scope-type.ts';
import type { Caller } from '../caller.ts';
import { KeyTable, sha256Hex } from '../identify.ts';
import type { RuleSubject } from '../rule-scope.ts';
import type { Scope } from '../scope.ts';

/** A caller as a key of the configuration file gives one. */
export function callerOf(name: string, scopes: readonly Scope[] = []): Caller {
  const keys = new KeyTable();
  keys.add(sha256Hex(name), { name, isAdmin: false, scopes });
  return keys.identify(new Headers({ 'x-api-key': name }), () => undefined);
}

export function rule(
  measure: LimitMeasure,
  amount: number,
  windowMs: number,
  scope: LimitRule['scope'] = {},
  each: readonly ScopeType[] = [],
): LimitRule {
  return { measure, amount, windowMs, scope, each };
}

export function subject(caller: Caller, changes: Partial<RuleSubject> = {}): RuleSubject {
  return { caller, model: 'gpt-4o', endUser: undefined, tags: [], ...changes };
}
