import { expect, test } from 'bun:test';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { readPath, topLevelEdits } from './field-path.ts';

const body: JsonObject = { a: { b: { c: 1, d: 2 }, e: 3 }, f: 'text' };
const top = (name: string) => body[name];

test.each([
  ['a.b.c', 1],
  ['f', 'text'],
  ['a.x.c', undefined],
  ['f.length', undefined],
  ['a.toString', undefined],
])('%s is %p', (path, value) => {
  expect(readPath(path, top)).toBe(value);
});

test('what is written leaves what stands beside it', () => {
  expect(topLevelEdits({ 'a.b.c': 9 }, top)).toEqual({ a: { b: { c: 9, d: 2 }, e: 3 } });
  expect(topLevelEdits({ 'a.b.c': undefined, 'a.e': 4 }, top)).toEqual({ a: { b: { d: 2 }, e: 4 } });
  expect(topLevelEdits({ 'new.x': true, f: undefined }, top)).toEqual({ new: { x: true }, f: undefined });
  expect(topLevelEdits({ 'f.x': 1 }, top)).toEqual({ f: { x: 1 } });
  expect(topLevelEdits({ 'a.e': 5, a: {} }, top)).toEqual({ a: { e: 5 } });
  expect(body).toEqual({ a: { b: { c: 1, d: 2 }, e: 3 }, f: 'text' });
});
