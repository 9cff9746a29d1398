import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { arbitraryJson } from '../canon/arbitrary-part.test-support.ts';
import { differences } from './equal.ts';
import { parseJson, parseJsonBytes } from './parse.ts';
import { stringifyJson } from './stringify.ts';
import { JsonNumber } from './value.ts';

describe('numbers', () => {
  test.each(['0', '-1', '0.7', '1.5', '-0.25', '123456789012345', '9007199254740991', '1e+21', '1e-7', '0.000001'])(
    '%s is a plain number',
    (text) => {
      expect(parseJson(text)).toBe(Number(text));
      expect(stringifyJson(parseJson(text))).toBe(text);
    },
  );

  const unusual = [
    '1.0',
    '-0',
    '0.0',
    '1e3',
    '1E3',
    '1e21',
    '9007199254740993',
    '12345678901234567890',
    '0.10',
    '1e400',
  ];
  test.each([...unusual, '0.1000000000000000055511151231257827', '0.0000001'])('%s is kept as text', (text) => {
    expect(parseJson(text)).toEqual(new JsonNumber(text));
    expect(stringifyJson(parseJson(`{"a":[${text},"${text}",1]}`))).toBe(`{"a":[${text},"${text}",1]}`);
  });

  test('inside strings they are text, whatever quotes and backslashes stand before', () => {
    for (const text of ['{"a":"1.0"}', '{"a":"\\"1.0"}', '{"a":"\\\\","b":"1e3"}', '["\\\\\\"1.0",2]']) {
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }
    expect(parseJson('{"a":"\\\\","b":1e3}')).toEqual({ a: '\\', b: new JsonNumber('1e3') });
  });
});

describe('objects', () => {
  test.each(['1', '1.0'])('__proto__ is a field like any other (beside %s)', (number) => {
    const value = parseJson(`{"x":${number},"__proto__":{"polluted":true}}`) as Record<string, unknown>;
    expect(Object.hasOwn(value, '__proto__')).toBe(true);
    expect(value.polluted).toBeUndefined();
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(stringifyJson(parseJson(`{"x":${number},"__proto__":{"p":1}}`))).toBe(`{"x":${number},"__proto__":{"p":1}}`);
  });

  test.each(['1', '1.0'])('of a key that comes twice the last value holds (beside %s)', (number) => {
    expect(parseJson(`{"a":1,"b":${number},"a":2}`)).toMatchObject({ a: 2 });
  });

  test('undefined fields are not written, undefined and null are told apart', () => {
    expect(stringifyJson({ a: undefined, b: null })).toBe('{"b":null}');
    expect(stringifyJson({ a: undefined, b: new JsonNumber('1.0') })).toBe('{"b":1.0}');
  });

  test('keys and strings with escapes', () => {
    expect(parseJson('{"\\u0061\\n":["\\ud83d\\ude00",1.0]}')).toEqual({ 'a\n': ['😀', new JsonNumber('1.0')] });
    expect(parseJson('{"":"","x":1.0}')).toEqual({ '': '', x: new JsonNumber('1.0') });
  });
});

test('text that is not JSON is refused', () => {
  for (const text of ['', '{', '01', '1.', 'nul', '{"a":1.0,}', '[1.0', '"\n"'])
    expect(() => parseJson(text)).toThrow(SyntaxError);
  expect(() => parseJsonBytes(new Uint8Array([0x22, 0xff, 0x22]))).toThrow(TypeError);
  expect(parseJsonBytes(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]))).toBe(1);
});

test('depth costs no stack', () => {
  const depth = 100_000;
  let value = parseJson(`${'['.repeat(depth)}1.0${']'.repeat(depth)}`);
  for (let i = 0; i < depth; i++) value = Array.isArray(value) ? (value[0] ?? null) : null;
  expect(value).toEqual(new JsonNumber('1.0'));
});

describe('properties', () => {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(arbitraryJson(), (value) => {
        expect(differences(parseJson(stringifyJson(value)), value)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  test('what is read is written back, byte for byte', () => {
    const digits = fc.stringMatching(/^(0|[1-9][0-9]{0,20})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), digits), { minLength: 1 }), (numbers) => {
        const text = `{"a":[${numbers.map(([minus, number]) => (minus ? `-${number}` : number)).join()}]}`;
        expect(stringifyJson(parseJson(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('without unusual numbers it is JSON.parse', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value: unknown = JSON.parse(text);
        expect(differences(parseJson(JSON.stringify(value)), value)).toEqual([]);
      }),
    );
  });
});
