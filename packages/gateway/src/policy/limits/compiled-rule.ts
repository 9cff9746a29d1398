import type { LimitRule } from '../../config/limit-rule.ts';
import type { ScopeType } from '../../config/scope-type.ts';
import { type Condition, instancesOf, type RuleSubject } from '../rule-scope.ts';
import type { Meter, Meters } from './meters.ts';

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly rule: LimitRule;
  /** For people: `10 requests per minute (team web)`. */
  readonly label: string;
  readonly meters: Meters;
  /** Scopes that only the exchange tells; the caller's own are answered once per caller. */
  readonly conditions: readonly Condition[];
  readonly each: readonly ScopeType[];
  /** Every exchange of a caller that it concerns counts in its one meter. */
  readonly isOne: boolean;
  /** Set for limits of one endpoint: what they count. */
  readonly instance?: string;
}

/** Where the subject counts under the rule: nowhere when a scope does not fit, else one meter, or one for each tag. */
export function metersOf(compiled: CompiledRule, subject: RuleSubject): readonly Meter[] {
  const { meters, instance } = compiled;
  return instancesOf(compiled, subject).map((id) => meters.of(instance ?? id));
}

const nouns = {
  requests: ['request', 'requests'],
  tokens: ['token', 'tokens'],
  inputTokens: ['input token', 'input tokens'],
  outputTokens: ['output token', 'output tokens'],
  concurrency: ['request at once', 'requests at once'],
} as const;

const windows = new Map([
  [1_000, 'second'],
  [60_000, 'minute'],
  [3_600_000, 'hour'],
  [86_400_000, 'day'],
]);

/** `10 requests per minute (team web, each end-user)`. */
export function labelOf({ measure, amount, windowMs, scope, each }: LimitRule, endpointId?: string): string {
  const per = measure === 'concurrency' ? '' : ` per ${windows.get(windowMs) ?? `${windowMs / 1_000} s`}`;
  const about = [
    ...(endpointId === undefined ? [] : [`endpoint ${endpointId}`]),
    ...Object.entries(scope).map(([type, id]) => `${type} ${id}`),
    ...each.map((type) => `each ${type}`),
  ];
  return `${amount} ${nouns[measure][amount === 1 ? 0 : 1]}${per}${about.length === 0 ? '' : ` (${about.join(', ')})`}`;
}
