/**
 * A JSON value as the codecs see it.
 *
 * Numbers whose decimal text JavaScript would not give back (integers past 2^53, `1.0`, `1e3`) arrive as
 * {@link JsonNumber} so that what was read is what is written.
 */
export type Json = null | boolean | number | string | JsonNumber | Json[] | JsonObject;

/** A JSON object. Absent and `undefined` mean the same; {@link Json} `null` is a value of its own. */
export interface JsonObject {
  [name: string]: Json | undefined;
}

/** A number kept as the text it had on the wire. Made only by the lossless parser (`json/parse.ts`). */
export class JsonNumber {
  constructor(readonly text: string) {}

  valueOf(): number {
    return Number(this.text);
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);
}

/** The value as a JavaScript number, or undefined when it is not a JSON number. */
export function asNumber(value: Json | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return value instanceof JsonNumber ? value.valueOf() : undefined;
}

export function asString(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
