import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import {
  fieldBoolean,
  fieldJson,
  fieldNumber,
  fieldString,
  type Lens,
  type LensRefusal,
  scanJsonObject,
} from './lens.ts';
import { JsonNumber } from './value.ts';

const encode = (text: string) => new TextEncoder().encode(text);

function lensOf(bytes: Uint8Array): Lens {
  const result = scanJsonObject(bytes);
  if (!result.ok) throw new Error(result.message);
  return result;
}

function refusalOf(input: string | Uint8Array, depthMax?: number): LensRefusal {
  const result = scanJsonObject(typeof input === 'string' ? encode(input) : input, { depthMax });
  if (result.ok) throw new Error(`accepted: ${input}`);
  return result;
}

describe('what it finds', () => {
  test('fields with their offsets, in order', () => {
    const text = ' { "model" : "gpt-é" ,\n"messages":[{"role":"user"}], "n":2,"stream":true } ';
    const bytes = encode(text);
    const lens = lensOf(bytes);
    expect([...lens.fields.keys()]).toEqual(['model', 'messages', 'n', 'stream']);
    expect(lens.open).toBe(1);
    expect(bytes[lens.close]).toBe(0x7d);
    const slices = [...lens.fields.values()].map((f) => new TextDecoder().decode(bytes.subarray(f.keyStart, f.end)));
    expect(slices).toEqual(['"model" : "gpt-é"', '"messages":[{"role":"user"}]', '"n":2', '"stream":true']);
    expect(fieldString(bytes, lens.fields.get('model'))).toBe('gpt-é');
    expect(fieldBoolean(bytes, lens.fields.get('stream'))).toBe(true);
    expect(fieldNumber(bytes, lens.fields.get('n'))).toBe(2);
    expect(fieldString(bytes, lens.fields.get('n'))).toBeUndefined();
    expect(fieldNumber(bytes, lens.fields.get('model'))).toBeUndefined();
    expect(fieldBoolean(bytes, lens.fields.get('absent'))).toBeUndefined();
  });

  test('escaped keys and strings are decoded', () => {
    const bytes = encode('{"m\\u006fdel":"a\\n\\ud83d\\ude00\\"","seed":12345678901234567890}');
    const lens = lensOf(bytes);
    const model = lens.fields.get('model');
    expect(fieldString(bytes, model)).toBe('a\n😀"');
    const seed = lens.fields.get('seed');
    if (seed === undefined) throw new Error('no seed');
    expect(fieldJson(bytes, seed)).toEqual(new JsonNumber('12345678901234567890'));
    expect(fieldNumber(bytes, seed)).toBe(Number('12345678901234567890'));
  });

  test('the empty object, and a byte order mark before it', () => {
    expect(lensOf(encode('{}'))).toEqual({ ok: true, fields: new Map(), open: 0, close: 1 });
    expect(lensOf(encode('\ufeff{ }'))).toMatchObject({ open: 3, close: 5 });
  });

  test('a view into a larger buffer, at every alignment', () => {
    const text = `{"a":"${'x'.repeat(50)}é${'y'.repeat(45)}\\n","b":"${'z'.repeat(100)}"}`;
    for (let shift = 0; shift < 8; shift++) {
      const bytes = new Uint8Array(400).subarray(shift, shift + encode(text).length);
      bytes.set(encode(text));
      const lens = lensOf(bytes);
      expect(fieldString(bytes, lens.fields.get('a'))).toBe(`${'x'.repeat(50)}é${'y'.repeat(45)}\n`);
      expect(fieldString(bytes, lens.fields.get('b'))).toBe('z'.repeat(100));
    }
  });
});

describe('what it refuses', () => {
  const malformed: [string, number][] = [
    ['', 0],
    ['[]', 0],
    ['"x"', 0],
    ['{', 1],
    ['{"a"', 4],
    ['{"a":', 5],
    ['{"a":1', 6],
    ['{"a":1,}', 7],
    ['{,"a":1}', 1],
    ['{a:1}', 1],
    ["{'a':1}", 1],
    ['{"a" 1}', 5],
    ['{"a":1 "b":2}', 7],
    ['{"a":01}', 6],
    ['{"a":+1}', 5],
    ['{"a":.5}', 5],
    ['{"a":1.}', 7],
    ['{"a":1.e5}', 7],
    ['{"a":1e}', 7],
    ['{"a":-}', 6],
    ['{"a":0x1}', 6],
    ['{"a":NaN}', 5],
    ['{"a":nul}', 8],
    ['{"a":truex}', 9],
    ['{"a":True}', 5],
    ['{"a":[1,]}', 8],
    ['{"a":[1}', 7],
    ['{"a":{]}', 6],
    ['{"a":"\\x"}', 7],
    ['{"a":"\\u12g4"}', 10],
    ['{"a":"tab\there"}', 9],
    ['{"a":"line\nbreak"}', 10],
    ['{"a":"open}', 11],
    ['{"a":1}}', 7],
    ['{"a":1} x', 8],
    ['{}{}', 2],
    ['{"a":1}\u0000', 7],
    ['{/**/}', 1],
    ['{"a":\u00a01}', 5],
    ['\ufeff\ufeff{}', 3],
  ];
  test.each(malformed)('%j at %d', (text, offset) => {
    expect(refusalOf(text)).toMatchObject({ code: 'body_malformed', offset });
  });

  test('a control character wherever it stands in a long string', () => {
    for (let at = 0; at < 80; at++) {
      for (const control of ['\u0000', '\n', '\u001f']) {
        const text = `{"a":"${'x'.repeat(at)}${control}${'x'.repeat(80 - at)}"}`;
        expect(refusalOf(text)).toMatchObject({ code: 'body_malformed', offset: 6 + at });
      }
    }
  });

  test('a control character or a bad escape deep inside a very long string, between escapes', () => {
    for (const bad of ['\u0001', '\\q']) {
      for (const at of [500, 513, 530, 1021, 2000, 4095]) {
        const text = `{"a":"${'x'.repeat(at)}${bad}${'x'.repeat(4096 - at)}\\n${'y'.repeat(1000)}","b":"${'z'.repeat(2000)}"}`;
        const offset = 6 + at + (bad.length - 1);
        expect(refusalOf(text)).toMatchObject({ code: 'body_malformed', offset });
        expect(scanJsonObject(encode(text.replace(bad, 'é'))).ok).toBe(true);
      }
    }
    expect(refusalOf(`{"a":"${'x'.repeat(5000)}`)).toMatchObject({ code: 'body_malformed', offset: 5006 });
  });

  test('bad UTF-8 far inside, where pieces of the check meet', () => {
    const head = encode(`{"a":"${'é'.repeat(40_000)}`);
    for (const cut of [32_766, 32_767, 32_768, 65_536]) {
      const bytes = new Uint8Array([...head, ...encode('"}')]);
      expect(scanJsonObject(bytes).ok).toBe(true);
      const at = cut - (cut % 2);
      bytes[at] = 0xff;
      expect(refusalOf(bytes)).toMatchObject({ code: 'body_malformed', offset: at });
    }
    expect(refusalOf(new Uint8Array([...encode('{"a":"é'), 0xe4, 0xb8, ...encode('"}')])).offset).toBe(8);
  });

  test('bytes that are not UTF-8, with their offset', () => {
    const bad = [
      [0xff],
      [0xc0, 0xaf],
      [0xe0, 0x80, 0x80],
      [0xed, 0xa0, 0x80],
      [0xf4, 0x90, 0x80, 0x80],
      [0xc3],
      [0x80],
    ];
    for (const sequence of bad) {
      for (const before of ['', 'é', 'x'.repeat(61)]) {
        const head = encode(`{"a":"${before}`);
        const bytes = new Uint8Array([...head, ...sequence, ...encode('"}')]);
        expect(refusalOf(bytes)).toMatchObject({ code: 'body_malformed', offset: head.length });
      }
    }
  });

  test('says line and column', () => {
    expect(refusalOf('{\n  "a": 1,\n  "b": x\n}').message).toContain('offset 19 (line 3, column 8)');
  });

  test('a key that comes twice, at any depth, however it is spelt', () => {
    expect(refusalOf('{"model":"a","model":"b"}')).toMatchObject({ code: 'body_ambiguous', offset: 13 });
    expect(refusalOf('{"a":1,"\\u0061":2}').code).toBe('body_ambiguous');
    expect(refusalOf('{"\\u0061":1,"a":2}').code).toBe('body_ambiguous');
    expect(refusalOf('{"":1,"":2}').code).toBe('body_ambiguous');
    expect(refusalOf('{"__proto__":1,"__proto__":2}').code).toBe('body_ambiguous');
    const deep = refusalOf('{"messages":[{},{"x":{}},{"content":[{"text":"a","role":1,"text":"b"}]}]}');
    expect(deep.code).toBe('body_ambiguous');
    expect(deep.message).toContain('messages[2].content[0]');
    expect(deep.message).toContain('"text"');
  });

  test('a key that comes twice among very many', () => {
    const many = Array.from({ length: 5000 }, (_, i) => `"k${i}":{"k${i}":${i}}`);
    expect(scanJsonObject(encode(`{${many.join()}}`)).ok).toBe(true);
    for (const again of [0, 15, 16, 47, 48, 49, 300, 4999]) {
      const refusal = refusalOf(`{"in":{${many.join()},"k${again}":0}}`);
      expect(refusal.code).toBe('body_ambiguous');
      expect(refusal.message).toContain('The object in names');
    }
  });

  test('keys that only escapes can tell', () => {
    expect(scanJsonObject(encode('{"\\ud800":1,"\\ud801":2,"\ufffd":3}')).ok).toBe(true);
    expect(refusalOf('{"\\ud800x":1,"\\uD800x":2}').code).toBe('body_ambiguous');
    expect(refusalOf('{"é€😀":1,"\\u00e9\\u20ac\\ud83d\\ude00":2}').code).toBe('body_ambiguous');
    expect(scanJsonObject(encode('{"é":1,"\\u00c3\\u00a9":2}')).ok).toBe(true);
  });

  test('the same key in different objects is fine', () => {
    expect(scanJsonObject(encode('{"a":{"a":{"a":1},"b":{"a":2}},"b":[{"a":1},{"a":2}]}')).ok).toBe(true);
  });

  test('too deep, without running out of stack', () => {
    const nest = (levels: number) => `{"a":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(scanJsonObject(encode(nest(200))).ok).toBe(true);
    expect(refusalOf(nest(201))).toMatchObject({ code: 'body_too_deep', offset: 5 + 199 });
    expect(refusalOf('{"a":'.repeat(10_000)).code).toBe('body_too_deep');
    expect(scanJsonObject(encode(nest(10_000)), { depthMax: 10_000 }).ok).toBe(true);
    expect(refusalOf('{"a":[1]}', 1).code).toBe('body_too_deep');
  });
});

describe('properties', () => {
  test('agrees with JSON.parse on generated objects, compact and indented', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(0, 2),
        (value, indent) => {
          const bytes = encode(JSON.stringify(value, undefined, indent));
          const lens = lensOf(bytes);
          const expected: Record<string, unknown> = JSON.parse(new TextDecoder().decode(bytes));
          expect([...lens.fields.keys()].sort()).toEqual(Object.keys(expected).sort());
          for (const [name, field] of lens.fields) {
            expect(JSON.parse(new TextDecoder().decode(bytes.subarray(field.start, field.end)))).toEqual(
              expected[name],
            );
          }
        },
      ),
    );
  });

  test('accepts exactly what JSON.parse accepts, on damaged texts', () => {
    const alphabet = [...'{}[]",:\\ \n\t0123456789-+.eEtrufalsn/bx\u0000é'];
    const damage = fc.record({
      value: fc.dictionary(fc.string({ maxLength: 4 }), fc.jsonValue(), { maxKeys: 4 }),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      remove: fc.integer({ min: 0, max: 2 }),
      insert: fc.array(fc.constantFrom(...alphabet), { maxLength: 2 }),
    });
    fc.assert(
      fc.property(damage, ({ value, at, remove, insert }) => {
        const whole = JSON.stringify(value);
        const cut = Math.floor(at * whole.length);
        const text = whole.slice(0, cut) + insert.join('') + whole.slice(cut + remove);
        const result = scanJsonObject(encode(text));
        if (!result.ok && result.code === 'body_ambiguous') return;
        expect([text, result.ok]).toEqual([text, parsesAsObject(text)]);
      }),
      { numRuns: 3000 },
    );
  });
});

function parsesAsObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text.toWellFormed());
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
