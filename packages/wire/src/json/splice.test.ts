import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { arbitraryJson, arbitraryName } from '../canon/arbitrary-part.test-support.ts';
import { differences } from './equal.ts';
import { scanJsonObject } from './lens.ts';
import { parseJsonBytes } from './parse.ts';
import { splice } from './splice.ts';
import { stringifyJson } from './stringify.ts';
import { isObject, JsonNumber, type JsonObject } from './value.ts';

function spliced(text: string, edits: JsonObject): string {
  const bytes = new TextEncoder().encode(text);
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Error(lens.message);
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(splice(bytes, lens, edits));
}

describe('splice', () => {
  const cases: [string, string, JsonObject, string][] = [
    ['replaces in place', '{"a": 1.0, "m" : "x" ,"z":1e3}', { m: 'longer é' }, '{"a": 1.0, "m" : "longer é" ,"z":1e3}'],
    ['replaces several', '{"a":1,"b":2}', { b: [true], a: null }, '{"a":null,"b":[true]}'],
    ['adds after the last', '{"a":1 }', { b: 2, c: 'x' }, '{"a":1,"b":2,"c":"x" }'],
    ['adds to the empty object', ' { } ', { a: {} }, ' { "a":{}} '],
    ['removes the first', '{"a":1 , "b":2}', { a: undefined }, '{"b":2}'],
    ['removes one between', '{"a":1 , "b":2 , "c":3}', { b: undefined }, '{"a":1 , "c":3}'],
    ['removes the last', '{"a":1 , "b":2 }', { b: undefined }, '{"a":1 }'],
    ['removes all', '{ "a":1,"b":2 }', { a: undefined, b: undefined }, '{  }'],
    ['removes all and adds', '{"a":1,"b":2}', { a: undefined, b: undefined, c: 3 }, '{"c":3}'],
    ['removes, replaces and adds', '{"a":1,"b":2,"c":3}', { a: undefined, c: undefined, b: 0, d: 4 }, '{"b":0,"d":4}'],
    ['finds an escaped key', '{"\\u0061":1}', { a: 2 }, '{"\\u0061":2}'],
    ['writes odd names', '{}', { 'a"\n': 1 }, '{"a\\"\\n":1}'],
    ['keeps the text of numbers', '{}', { n: new JsonNumber('1.50') }, '{"n":1.50}'],
    ['keeps a byte order mark', '\ufeff{"a":1}', { a: 2 }, '\ufeff{"a":2}'],
    ['does not take inherited names for edits', '{"toString":1,"__proto__":2}', {}, '{"toString":1,"__proto__":2}'],
  ];
  test.each(cases)('%s', (_, text, edits, expected) => {
    expect(spliced(text, edits)).toBe(expected);
  });

  test('gives back the same array when there is nothing to do', () => {
    const bytes = new TextEncoder().encode('{"a":1}');
    const lens = scanJsonObject(bytes);
    if (!lens.ok) throw new Error(lens.message);
    expect(splice(bytes, lens, { b: undefined })).toBe(bytes);
  });

  test('means the same as editing the object, and keeps the bytes of all other fields', () => {
    const edits = fc.dictionary(arbitraryName(), fc.option(arbitraryJson(), { nil: undefined }), {
      noNullPrototype: true,
    });
    const object = fc.dictionary(arbitraryName(), arbitraryJson(), { noNullPrototype: true });
    const input = fc.tuple(object, edits, fc.constantFrom(',', ' , ', '\n,\t'), fc.array(fc.nat(9), { maxLength: 4 }));
    fc.assert(
      fc.property(input, ([before, extra, comma, picks]) => {
        const names = Object.keys(before);
        const picked = picks.flatMap((pick) => names[pick] ?? []);
        const changes: JsonObject = { ...extra };
        for (const [i, name] of picked.entries()) changes[name] = i % 2 === 0 ? undefined : 'new';
        const members = names.map((name) => `${JSON.stringify(name)}: ${stringifyJson(before[name] ?? null)}`);
        const text = spliced(`{ ${members.join(comma)} }`, changes);
        const value = parseJsonBytes(new TextEncoder().encode(text));
        expect(isObject(value)).toBe(true);
        expect(differences(value, { ...before, ...changes })).toEqual([]);
        expect(scanJsonObject(new TextEncoder().encode(text)).ok).toBe(true);
        for (const [i, name] of names.entries()) if (!(name in changes)) expect(text).toContain(members[i] ?? '');
      }),
    );
  });
});
