import { JsonNumber } from './value.ts';

/**
 * Where two JSON-like values differ, as paths: `messages[2].parts[0].text`; the empty path is the value itself.
 *
 * The order of keys does not count and an `undefined` field equals an absent one. A {@link JsonNumber} equals a number
 * whose text is the same (`1.0` is not `1`). An element that only one list has is reported by its index.
 */
export function differences(a: unknown, b: unknown): string[] {
  const found: string[] = [];
  compare(a, b, '', found);
  return found;
}

function compare(a: unknown, b: unknown, path: string, found: string[]): void {
  if (a === b) return;
  if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      if (i >= a.length || i >= b.length) found.push(`${path}[${i}]`);
      else compare(a[i], b[i], `${path}[${i}]`, found);
    }
  } else if (isRecord(a) && isRecord(b)) {
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      compare(own(a, name), own(b, name), path === '' ? name : `${path}.${name}`, found);
    }
  } else if (!sameNumber(a, b)) found.push(path);
}

function sameNumber(a: unknown, b: unknown): boolean {
  const text = numberText(a);
  return text !== undefined && text === numberText(b);
}

function numberText(value: unknown): string | undefined {
  if (value instanceof JsonNumber) return value.text;
  return typeof value === 'number' ? String(value) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

function own(record: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
