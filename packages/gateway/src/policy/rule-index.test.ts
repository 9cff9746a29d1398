import { expect, test } from 'bun:test';
import type { Caller } from './caller.ts';
import { RuleIndex } from './rule-index.ts';
import { concerns, type RuleScope } from './rule-scope.ts';
import type { Scope } from './scope.ts';

const caller = (...scopes: Scope[]) => ({ id: 'k', name: 'k', scopes }) as unknown as Caller;
const rule = (scope: RuleScope['scope'], each: RuleScope['each'] = []) => ({ rule: { scope, each } });

test('finds what a look at every rule finds, in the same order', () => {
  const rules = [
    rule({ model: 'gpt-*' }),
    rule({ key: 'one' }),
    rule({ team: 'web', model: 'gpt-4' }),
    rule({ key: 'o*' }),
    rule({}, ['key']),
    rule({}, ['team']),
    rule({ team: 'web', user: 'ann' }),
    rule({ organisation: 'acme', tag: 'x' }),
    rule({ key: 'one', team: 'other' }),
    rule({ project: 'p' }),
    rule({ tag: 'x' }),
    rule({ key: 'one' }),
  ];
  const index = new RuleIndex(rules);
  const callers = [
    caller({ type: 'key', id: 'one' }),
    caller({ type: 'key', id: 'one' }, { type: 'team', id: 'web' }, { type: 'user', id: 'ann' }),
    caller({ type: 'key', id: 'two' }, { type: 'organisation', id: 'acme' }, { type: 'project', id: 'p' }),
    caller({ type: 'key', id: 'team:web' }),
  ];
  for (const each of callers) expect(index.of(each)).toEqual(rules.filter(({ rule }) => concerns(rule, each)));
  expect(index.of(callers[1] as Caller)).toHaveLength(9);
});

test('what a key costs to look up does not grow with the keys', () => {
  const microseconds = [100, 10_000].map((keys) => {
    const index = new RuleIndex(Array.from({ length: keys }, (_, at) => rule({ key: `key-${at}` })));
    const callers = Array.from({ length: 1000 }, (_, at) => caller({ type: 'key', id: `key-${at % keys}` }));
    for (const each of callers) expect(index.of(each)).toHaveLength(1);
    const startedMs = performance.now();
    for (const each of callers) index.of(each);
    return (((performance.now() - startedMs) * 1000) / callers.length).toFixed(2);
  });
  console.log(`Rules of a caller: ${microseconds[0]} µs among 100 keys, ${microseconds[1]} µs among 10000.`);
});
