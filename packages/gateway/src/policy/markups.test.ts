import { expect, test } from 'bun:test';
import { type MarkupRule, readMarkup } from '../config/markup-rule.ts';
import { Markups } from './markups.ts';

function rule(level: MarkupRule['level'], percent: number, fromMs = 0): MarkupRule {
  const found = readMarkup(level, { percent, fromMs });
  if ('message' in found) throw new Error(found.message);
  return found;
}

function percentOf(rules: readonly MarkupRule[], scopes: readonly string[], atMs = 100): bigint | undefined {
  const markups = new Markups();
  markups.apply(rules);
  const found = markups.inForce(scopes, atMs)?.percentMillionths;
  return found && found / 1_000_000n;
}

const all = ['key:web', 'user:mia', 'team:search', 'organisation:acme', 'project:site', 'tag:team:x'];

test('the innermost level decides alone', () => {
  const rules = [
    rule(undefined, 1),
    rule({ type: 'organisation', id: 'acme' }, 2),
    rule({ type: 'team', id: 'search' }, 3),
    rule({ type: 'project', id: 'site' }, 4),
    rule({ type: 'key', id: 'web' }, 5),
  ];
  for (const count of [1, 2, 3, 4, 5]) expect(percentOf(rules.slice(0, count), all)).toBe(BigInt(count));
  expect(percentOf(rules, ['key:bot', 'team:ads'])).toBe(1n);
  expect(percentOf([], all)).toBeUndefined();
  expect(percentOf(rules.slice(1), [])).toBeUndefined();
  expect(percentOf([rule({ type: 'team', id: 'x' }, 9)], all)).toBeUndefined();
});

test('a level at cost does not take the markup of what it belongs to', () => {
  const rules = [rule({ type: 'organisation', id: 'acme' }, 2), rule({ type: 'team', id: 'search' }, 0)];
  expect(percentOf(rules, all)).toBeUndefined();
});

test('the latest that has begun is in force, in whatever order they stand', () => {
  const team = { type: 'team', id: 'search' } as const;
  const rules = [rule(team, 3, 300), rule(team, 1, 0), rule(team, 2, 200), rule(undefined, 9)];
  for (const [atMs, percent] of [
    [0, 1n],
    [199, 1n],
    [200, 2n],
    [299, 2n],
    [300, 3n],
  ] as const) {
    expect([atMs, percentOf(rules, all, atMs)]).toEqual([atMs, percent]);
  }
  expect(percentOf([rule(team, 3, 300), rule(undefined, 9)], all, 200)).toBe(9n);
  expect(percentOf([rule(team, 3), rule(team, 4)], all)).toBe(4n);
});
