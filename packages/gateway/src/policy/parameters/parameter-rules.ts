import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { asNumber, type Json, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { ParameterRule } from '../../config/policy.ts';

/** Why a request may not be made. */
export interface ParameterRefusal {
  readonly field: string;
  /** Follows "may not": the rule, and what the request says. Undefined when no request whatever would fit all rules. */
  readonly clause: string | undefined;
}

/** Fields to be written otherwise, by their paths: `undefined` takes one out. */
export type ParameterVerdict = { readonly edits: JsonObject } | ParameterRefusal;

const NOTHING: ParameterVerdict = { edits: {} };
/** Longest value told in a message, in characters. */
const TOLD_CHARS_MAX = 60;

/**
 * Holds the fields of a request to the rules of all levels together. What a rule refuses is refused by what the request itself
 * said; then fields are made to fit, and what cannot be made to fit all rules is refused. The order of rules makes no difference.
 *
 * @param read What a field says, by its path; undefined when it is not there.
 */
export function judgeParameters(
  rules: readonly ParameterRule[],
  face: DialectId,
  read: (field: string) => Json | undefined,
): ParameterVerdict {
  const concerned = rules.filter((rule) => rule.face === undefined || rule.face === face);
  if (concerned.length === 0) return NOTHING;
  const said = new Map<string, Json | undefined>();
  for (const { field } of concerned) if (!said.has(field)) said.set(field, read(field));
  // What is made to fit bounds would seldom be one of several values: where there are such, nothing is changed.
  const fixed = new Set(concerned.flatMap(({ field, values }) => (values === undefined ? [] : [field])));
  for (const rule of concerned) {
    const value = said.get(rule.field);
    if (!isRefused(rule, value, fixed.has(rule.field))) continue;
    return { field: rule.field, clause: clauseOf(rule, value) };
  }
  const made = new Map(said);
  for (const rule of concerned) made.set(rule.field, madeToFit(rule, made.get(rule.field)));
  const broken = concerned.find(
    (rule) => !fits(rule, made.get(rule.field)) || (!isAbsent(said.get(rule.field)) && leavesNothing(rule, concerned)),
  );
  if (broken !== undefined) {
    return { field: broken.field, clause: undefined };
  }
  const edits: JsonObject = {};
  for (const [field, value] of made) if (value !== said.get(field)) edits[field] = value;
  return { edits };
}

/** Do the rules leave no number between their bounds? Then taking the field out is no way to fit them. */
function leavesNothing({ field, min }: ParameterRule, rules: readonly ParameterRule[]): boolean {
  return (
    min !== undefined && rules.some((other) => other.field === field && other.max !== undefined && other.max < min)
  );
}

function isRefused(rule: ParameterRule, value: Json | undefined, isFixed: boolean): boolean {
  if (fits(rule, value)) return false;
  // What is forced is written into a request that says nothing.
  if (rule.value !== undefined && isAbsent(value)) return false;
  // What is no number cannot be brought within bounds.
  const isBound = rule.min !== undefined || rule.max !== undefined;
  return isFixed || rule.otherwise !== 'change' || (isBound && asNumber(value ?? null) === undefined);
}

function fits(
  { forbidden, required, value: forced, values, min, max }: ParameterRule,
  value: Json | undefined,
): boolean {
  if (forced !== undefined) return isSame(forced, value);
  // `null` says as much as nothing, in either dialect.
  if (isAbsent(value)) return required !== true;
  if (forbidden === true) return false;
  if (required === true) return true;
  if (values !== undefined) return values.some((one) => isSame(one, value));
  const number = asNumber(value);
  return number !== undefined && number >= (min ?? -Infinity) && number <= (max ?? Infinity);
}

function madeToFit(rule: ParameterRule, value: Json | undefined): Json | undefined {
  if (fits(rule, value)) return value;
  if (rule.value !== undefined) return rule.value;
  if (rule.forbidden === true) return undefined;
  const number = asNumber(value ?? null);
  if (number === undefined) return value;
  return rule.max !== undefined && number > rule.max ? rule.max : (rule.min ?? value);
}

function isAbsent(value: Json | undefined): value is null | undefined {
  return value === undefined || value === null;
}

/** By value, whatever the order of keys and the form of numbers. */
function isSame(a: Json, b: Json | undefined): boolean {
  if (b === undefined) return false;
  const number = asNumber(a);
  return number === undefined ? Bun.deepEquals(a, b) : number === asNumber(b);
}

function clauseOf(rule: ParameterRule, value: Json | undefined): string {
  return rule.required === true ? ruleText(rule) : `${ruleText(rule)}; the request has ${told(value)}`;
}

function ruleText({ field, forbidden, required, value, values, min, max }: ParameterRule): string {
  if (required === true) return `leave ${field} out`;
  if (forbidden === true) return `use ${field}`;
  if (value !== undefined) return `set ${field} to anything but ${told(value)}`;
  if (values !== undefined) return `set ${field} to anything but ${values.map(told).join(', ')}`;
  if (min === undefined) return `set ${field} above ${max}`;
  return max === undefined ? `set ${field} below ${min}` : `set ${field} to anything but ${min} to ${max}`;
}

function told(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= TOLD_CHARS_MAX ? text : `${text.slice(0, TOLD_CHARS_MAX)}…`;
}
