import { isObject, type Json, type JsonObject } from '../../json/value.ts';

/**
 * Unknown fields that come again with every chunk: tells which of them say something new.
 *
 * A null after a value says nothing new; objects that come in pieces (`x_groq`) are joined.
 */
export class ChangingFields {
  /** All fields so far. */
  readonly all: JsonObject = {};

  /** @returns The fields of `source`, outside `known`, that are new or changed; undefined when there are none. */
  take(source: JsonObject, known: ReadonlySet<string>): JsonObject | undefined {
    let changed: JsonObject | undefined;
    for (const name in source) {
      const value = source[name];
      if (value === undefined || known.has(name)) continue;
      const next = this.next(name, value);
      if (next === undefined) continue;
      this.all[name] = next;
      changed ??= {};
      changed[name] = next;
    }
    return changed;
  }

  private next(name: string, value: Json): Json | undefined {
    const before = this.all[name];
    if (before === undefined) return value;
    if (value === null || value === before) return undefined;
    if (typeof value !== 'object') return value;
    const next = isObject(value) && isObject(before) ? { ...before, ...value } : value;
    return JSON.stringify(next) === JSON.stringify(before) ? undefined : next;
  }
}
