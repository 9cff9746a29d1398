import { type Json, JsonNumber, type JsonObject } from './value.ts';

/**
 * Writes JSON, each {@link JsonNumber} with the very text it was read with. Fields that are `undefined` are left out.
 *
 * Cost: `JSON.stringify` plus one walk over the value, unless there is a `JsonNumber` in it.
 *
 * @throws RangeError when the value is nested so deeply (thousands of levels) that the stack runs out.
 */
export function stringifyJson(value: Json): string {
  return hasJsonNumber(value) ? write(value) : JSON.stringify(value);
}

function hasJsonNumber(value: Json | undefined): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof JsonNumber) return true;
  if (Array.isArray(value)) return value.some(hasJsonNumber);
  for (const name in value) if (hasJsonNumber(value[name])) return true;
  return false;
}

function write(value: Json): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (value instanceof JsonNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join()}]`;
  return writeObject(value);
}

function writeObject(object: JsonObject): string {
  const fields: string[] = [];
  for (const name of Object.keys(object)) {
    const value = object[name];
    if (value !== undefined) fields.push(`${JSON.stringify(name)}:${write(value)}`);
  }
  return `{${fields.join()}}`;
}
