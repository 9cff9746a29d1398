import { expect, test } from 'bun:test';
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
