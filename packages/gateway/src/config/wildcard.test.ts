import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { compareSpecificity, compileWildcard, fillTemplate } from './wildcard.ts';

test('captures what each star stands for', () => {
  expect(compileWildcard('a/*-x-*').match('a/b-x-c')).toEqual(['b', 'c']);
  expect(compileWildcard('a.b*').match('aXb1')).toBeUndefined();
  expect(compileWildcard('*').match('anything/at all')).toEqual(['anything/at all']);
});

test('is closed at the end unless told otherwise', () => {
  expect(compileWildcard('gpt-*o').match('gpt-4o-mini')).toBeUndefined();
  expect(compileWildcard('gpt-*o', true).match('gpt-4o-mini')).toEqual(['4']);
});

test('fills templates from left to right', () => {
  expect(fillTemplate('b/*', ['x'], 'a/x')).toBe('b/x');
  expect(fillTemplate('*-*', ['x', 'y'], 'n')).toBe('x-y');
  expect(fillTemplate('fixed', ['x'], 'n')).toBe('fixed');
  expect(fillTemplate('b/*', ['x', 'y'], 'whole')).toBe('whole');
});

test('puts the longer and then the starrier first', () => {
  expect(['*', 'a/*', 'a/b*', '*/**'].sort(compareSpecificity)).toEqual(['*/**', 'a/b*', 'a/*', '*']);
});

test('captures what the greedy expression would', () => {
  const letters = (alphabet: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength });
  fc.assert(
    fc.property(letters('ab*', 7), letters('ab', 12), fc.boolean(), (pattern, name, openEnded) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '(.*)')}${openEnded ? '' : '$'}`);
      const expected: readonly string[] | undefined = expression.exec(name)?.slice(1);
      expect(compileWildcard(pattern, openEnded).match(name)).toEqual(expected);
    }),
    { numRuns: 5_000 },
  );
});
