import { covers, type Loss } from '@turnpike/wire/canon/loss.ts';
import { isFormNote } from '@turnpike/wire/canon/residue.ts';
import { JsonNumber } from '@turnpike/wire/json/value.ts';

/** One place where two values differ, in canon words of the value before. */
export interface Difference {
  path: string;
  was: unknown;
  is: unknown;
}

/**
 * All leaves in which `was` and `is` differ. Absent, `undefined` and an empty object are one and the same; lists are
 * compared place by place; form notes (`~…`) say nothing and are passed over.
 */
export function differences(path: string, was: unknown, is: unknown): Difference[] {
  if (isEqualLeaf(was, is)) return [];
  if (Array.isArray(was) && Array.isArray(is)) {
    const length = Math.max(was.length, is.length);
    return Array.from({ length }).flatMap((_, at) => differences(`${path}[${at}]`, was[at], is[at]));
  }
  const before = fieldsOf(was);
  const after = fieldsOf(is);
  if (before !== undefined && after !== undefined) {
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    return [...names]
      .filter((name) => !isFormNote(name))
      .flatMap((name) => differences(path === '' ? name : `${path}.${name}`, before[name], after[name]));
  }
  return [{ path, was, is }];
}

/** The differences that no loss accounts for. */
export function uncovered(found: readonly Difference[], losses: readonly Loss[]): Difference[] {
  return found.filter(({ path }) => !covers(losses, path));
}

/** For messages: one line per difference, values cut short. */
export function describeDifferences(found: readonly Difference[]): string {
  return found.map(({ path, was, is }) => `${path}: ${brief(was)} → ${brief(is)}`).join('\n    ');
}

function brief(value: unknown): string {
  const text = JSON.stringify(value, (_, inner) => (inner instanceof JsonNumber ? inner.text : inner));
  return text === undefined ? 'absent' : text.length > 240 ? `${text.slice(0, 240)}…` : text;
}

function isEqualLeaf(was: unknown, is: unknown): boolean {
  if (was === is) return true;
  const isNumber = (value: unknown) => typeof value === 'number' || value instanceof JsonNumber;
  return isNumber(was) && isNumber(is) && numberText(was) === numberText(is);
}

function numberText(value: unknown): string {
  return value instanceof JsonNumber ? value.text : String(value);
}

/** The fields to descend into; an absent value counts as an object without fields beside an object. */
function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber)
    return undefined;
  return value as Record<string, unknown>;
}
