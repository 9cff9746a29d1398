import { expect, test } from 'bun:test';
import { differences } from './equal.ts';
import { JsonNumber } from './value.ts';

test.each([
  ['order of keys', { a: 1, b: 2 }, { b: 2, a: 1 }],
  ['undefined and absent', { a: undefined }, {}],
  ['the same number, kept otherwise', [new JsonNumber('1')], [1]],
  ['nothing', undefined, undefined],
] as [string, unknown, unknown][])('equal: %s', (_, a, b) => {
  expect(differences(a, b)).toEqual([]);
  expect(differences(b, a)).toEqual([]);
});

test.each([
  ['the root', 1, '1', ['']],
  ['null is not absent', { a: null }, {}, ['a']],
  [
    'deep',
    { messages: [1, { parts: [{ text: 'x' }] }] },
    { messages: [1, { parts: [{ text: 'y' }] }] },
    ['messages[1].parts[0].text'],
  ],
  ['lengths', { a: [1] }, { a: [1, 2, 3] }, ['a[1]', 'a[2]']],
  ['an absent element is not undefined', [undefined], [], ['[0]']],
  ['list and object', { a: [] }, { a: {} }, ['a']],
  ['text of numbers', { a: new JsonNumber('1.0') }, { a: 1 }, ['a']],
  ['number and object', { a: new JsonNumber('1') }, { a: {} }, ['a']],
  ['inherited names', { constructor: 1 }, {}, ['constructor']],
  ['several', { a: 1, b: { c: 1 } }, { a: 2, b: { d: 1 } }, ['a', 'b.c', 'b.d']],
] as [string, unknown, unknown, string[]][])('different: %s', (_, a, b, paths) => {
  expect(differences(a, b)).toEqual(paths);
  expect(differences(b, a).sort()).toEqual([...paths].sort());
});
