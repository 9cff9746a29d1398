import { expect, test } from 'bun:test';
import type { BudgetRule } from '../config/budget-rule.ts';
import { Budgets } from './budgets/budgets.ts';
import type { Caller } from './caller.ts';
import { Limiter } from './limits/limiter.ts';
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
  const named = (rule: RuleScope) => rule.scope.tag !== undefined && rule.scope.organisation === undefined;
  for (const each of callers) {
    const wanted = rules.filter(({ rule }) => concerns(rule, each) && !named(rule));
    expect(index.of(each)).toEqual({ rules: wanted, needsEndUser: false, needsTags: true });
  }
  expect(index.of(callers[1] as Caller).rules).toHaveLength(8);
});

test('adds the rules that name the end user or a tag of the request, in place of defaults', () => {
  const byDefault = { rule: { ...rule({ 'end-user': '*' }, ['end-user']).rule, isDefault: true } };
  const always = rule({ 'end-user': '*' }, ['end-user']);
  const ofAnn = rule({ 'end-user': 'ann' });
  const ofAnnInWeb = rule({ 'end-user': 'ann', team: 'web' });
  const [batch, nightly] = [rule({ tag: 'batch' }), rule({ tag: 'nightly' })];
  const index = new RuleIndex([byDefault, always, ofAnn, ofAnnInWeb, batch, nightly]);
  const one = caller({ type: 'key', id: 'one' }, { type: 'tag', id: 'nightly' });
  const web = caller({ type: 'key', id: 'two' }, { type: 'team', id: 'web' });
  const { rules, needsEndUser, needsTags } = index.of(one);
  expect([rules, needsEndUser, needsTags]).toEqual([[byDefault, always], true, true]);
  expect(index.ofRequest(one, rules, 'bob', [])).toEqual([byDefault, always, nightly]);
  expect(index.ofRequest(one, rules, 'ann', ['batch'])).toEqual([always, ofAnn, batch, nightly]);
  expect(index.ofRequest(web, rules, 'ann', [])).toEqual([always, ofAnn, ofAnnInWeb]);
  expect(index.ofRequest(web, rules, undefined, ['other'])).toBe(rules);
});

test('an end user is found among 100000 others', () => {
  const index = new RuleIndex(Array.from({ length: 100_000 }, (_, at) => rule({ 'end-user': `person-${at}` })));
  const one = caller({ type: 'key', id: 'one' });
  const { rules } = index.of(one);
  expect(rules).toEqual([]);
  const startedMs = performance.now();
  for (let at = 0; at < 10_000; at++) expect(index.ofRequest(one, rules, `person-${at * 7}`, [])).toHaveLength(1);
  // A look at every rule would take a thousand million steps.
  expect(performance.now() - startedMs).toBeLessThan(2_000);
});

test('what a key costs to look up does not grow with the keys', () => {
  const microseconds = [100, 10_000].map((keys) => {
    const index = new RuleIndex(Array.from({ length: keys }, (_, at) => rule({ key: `key-${at}` })));
    const callers = Array.from({ length: 1000 }, (_, at) => caller({ type: 'key', id: `key-${at % keys}` }));
    for (const each of callers) expect(index.of(each).rules).toHaveLength(1);
    const startedMs = performance.now();
    for (const each of callers) index.of(each);
    return (((performance.now() - startedMs) * 1000) / callers.length).toFixed(2);
  });
  console.log(`Rules of a caller: ${microseconds[0]} µs among 100 keys, ${microseconds[1]} µs among 10000.`);
});

test('a change of one rule among ten thousand leaves the accounts of all others', () => {
  const budgets = new Budgets(() => undefined);
  const limiter = new Limiter();
  const budgetOf = (key: string, usd: bigint): BudgetRule => ({
    limitNanoUsd: usd * 1_000_000_000n,
    softNanoUsd: undefined,
    period: { type: 'lifetime' },
    scope: { key },
    each: [],
    unpriced: 'refuse',
  });
  const rules = Array.from({ length: 10_000 }, (_, at) => budgetOf(`key-${at}`, 5n));
  const limits = rules.map(
    ({ scope }) => ({ measure: 'requests', amount: 9, windowMs: 60_000, scope, each: [] }) as const,
  );
  const put = () => {
    const startedMs = performance.now();
    budgets.apply(budgets.compile(rules));
    const betweenMs = performance.now();
    limiter.apply(limits);
    return [betweenMs - startedMs, performance.now() - betweenMs].map((ms) => `${ms.toFixed(1)} ms`);
  };
  const first = put();
  const before = budgets.inForce;
  rules[77] = budgetOf('key-77', 6n);
  const second = put();
  console.log(
    `10000 budgets and limits put in force: ${first.join(' and ')}; again after a change: ${second.join(' and ')}.`,
  );
  expect(budgets.inForce.every(({ accounts }, at) => accounts === before[at]?.accounts)).toBe(true);
  expect(budgets.inForce.filter((budget, at) => budget !== before[at])).toHaveLength(1);
  const one = caller({ type: 'key', id: 'key-77' });
  expect(budgets.of(one)?.rules.map(({ rule }) => rule.limitNanoUsd)).toEqual([6_000_000_000n]);
  expect(limiter.rulesOf(one)?.exchange).toHaveLength(1);
});
