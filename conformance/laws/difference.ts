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
 * All leaves in which `was` and `is` differ. In the canon's own structure an absent field, an empty object and an empty
 * list are one and the same; in JSON that belongs to others (residue, schemas, opaque values) they are not. Lists are
 * compared place by place; form notes (`~…`) say nothing and are passed over.
 */
export function differences(path: string, was: unknown, is: unknown): Difference[] {
  if (isEqualLeaf(was, is)) return [];
  if (isForeign(path) && (was === undefined || is === undefined)) return [{ path, was, is }];
  const listBefore = listOf(was, is);
  const listAfter = listOf(is, was);
  if (listBefore && listAfter) {
    const length = Math.max(listBefore.length, listAfter.length);
    return Array.from({ length }).flatMap((_, at) => differences(`${path}[${at}]`, listBefore[at], listAfter[at]));
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

/** Is this a value the canon carries without knowing it? */
function isForeign(path: string): boolean {
  return /\bresidue\.[^.]+\.|\b(value|parameters|schema|argumentsJson|metadata)[.[]/.test(path);
}

function listOf(value: unknown, other: unknown): unknown[] | undefined {
  if (Array.isArray(value)) return value;
  return value === undefined && Array.isArray(other) ? [] : undefined;
}

/** The fields to descend into; an absent value counts as an object without fields beside an object. */
function fieldsOf(value: unknown): Record<string, unknown> | undefined {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof JsonNumber)
    return undefined;
  return value as Record<string, unknown>;
}
