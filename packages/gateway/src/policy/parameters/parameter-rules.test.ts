import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import { JsonNumber, type JsonObject } from '@turnpike/wire/json/value.ts';
import fc from 'fast-check';
import type { ParameterRule } from '../../config/policy.ts';
import { judgeParameters } from './parameter-rules.ts';

const judge = (rules: readonly ParameterRule[], body: JsonObject) =>
  judgeParameters(rules, 'openai-chat', (field) => body[field]);
const clause = (rules: readonly ParameterRule[], body: JsonObject) => {
  const verdict = judge(rules, body);
  return 'edits' in verdict ? verdict.edits : verdict.clause;
};

describe('one rule', () => {
  const hot: ParameterRule = { field: 'temperature', min: 0.2, max: 1 };
  test.each<[string, ParameterRule, JsonObject, string | JsonObject]>([
    [
      'refuses what is above',
      hot,
      { temperature: 1.5 },
      'set temperature to anything but 0.2 to 1; the request has 1.5',
    ],
    ['takes what is at the bound', hot, { temperature: 1 }, {}],
    ['reads numbers however they are written', hot, { temperature: new JsonNumber('1e0') }, {}],
    [
      'refuses what is no number',
      hot,
      { temperature: '1' },
      'set temperature to anything but 0.2 to 1; the request has "1"',
    ],
    ['lets a silent request be', hot, {}, {}],
    ['lets null be, which says nothing', hot, { temperature: null }, {}],
    ['clamps from above', { ...hot, otherwise: 'change' }, { temperature: 9 }, { temperature: 1 }],
    ['clamps from below', { ...hot, otherwise: 'change' }, { temperature: 0 }, { temperature: 0.2 }],
    ['cannot clamp a text', { ...hot, otherwise: 'change' }, { temperature: 'x' }, expect.stringContaining('"x"')],
    ['forbids', { field: 'tools', forbidden: true }, { tools: [] }, 'use tools; the request has []'],
    ['takes out', { field: 'tools', forbidden: true, otherwise: 'change' }, { tools: [] }, { tools: undefined }],
    ['forces a silent request', { field: 'store', value: false }, {}, { store: false }],
    ['refuses another value', { field: 'store', value: false }, { store: true }, expect.stringContaining('store')],
    ['changes another value', { field: 'store', value: false, otherwise: 'change' }, { store: true }, { store: false }],
    ['compares by value', { field: 'x', value: { a: 1, b: 2 } }, { x: { b: 2, a: 1 } }, {}],
    ['knows one of several', { field: 'service_tier', values: ['flex', 'auto'] }, { service_tier: 'auto' }, {}],
    [
      'refuses others',
      { field: 'service_tier', values: ['flex'] },
      { service_tier: 'priority' },
      'set service_tier to anything but "flex"; the request has "priority"',
    ],
    ['requires', { field: 'user', required: true }, {}, 'leave user out'],
    ['requires more than null', { field: 'user', required: true }, { user: null }, 'leave user out'],
    ['takes what is required', { field: 'user', required: true }, { user: 'u' }, {}],
    ['is not asked in another dialect', { ...hot, face: 'anthropic-messages' }, { temperature: 7 }, {}],
  ])('%s', (_, rule, body, expected) => {
    expect(clause([rule], body)).toEqual(expected);
  });
});

test('a rule more is no way out of others', () => {
  const values: ParameterRule = { field: 'a', values: [1, 6] };
  const cut = (max: number): ParameterRule => ({ field: 'a', max, otherwise: 'change' });
  expect(clause([values, cut(3)], { a: 6 })).toBeString();
  expect(clause([values, cut(3), cut(1)], { a: 6 })).toBeString();
  const apart: ParameterRule[] = [cut(3), { field: 'a', min: 5, otherwise: 'change' }];
  expect(clause(apart, { a: 4 })).toBeUndefined();
  expect(clause([...apart, { field: 'a', forbidden: true, otherwise: 'change' }], { a: 4 })).toBeUndefined();
});

test('policies that contradict each other let nothing through, rather than one of them winning', () => {
  expect(
    clause(
      [
        { field: 'a', value: 1 },
        { field: 'a', value: 2 },
      ],
      {},
    ),
  ).toBeUndefined();
  expect(
    clause(
      [
        { field: 'a', value: 1 },
        { field: 'a', forbidden: true, otherwise: 'change' },
      ],
      {},
    ),
  ).toBeUndefined();
  expect(
    clause(
      [
        { field: 'a', value: 9 },
        { field: 'a', max: 3, otherwise: 'change' },
      ],
      {},
    ),
  ).toBeUndefined();
});

/** Rows of levels, and what becomes of a request under them. */
function truthTable(): string {
  const hot = (max: number, more = {}) => [{ field: 'temperature', max, ...more }];
  const change = { otherwise: 'change' as const };
  const rows: [ParameterRule[], ParameterRule[]][] = [
    [[], []],
    [hot(1), []],
    [hot(1, change), []],
    [hot(1, change), hot(0.4, change)],
    [hot(1, change), hot(0.4)],
    [[{ field: 'temperature', value: 0 }], []],
    [[{ field: 'temperature', value: 0, ...change }], []],
    [[{ field: 'temperature', value: 0, ...change }], [{ field: 'temperature', value: 1, ...change }]],
    [[{ field: 'temperature', forbidden: true }], []],
    [[{ field: 'temperature', forbidden: true, ...change }], hot(1)],
    [[{ field: 'temperature', values: [0, 0.5] }], hot(0.4)],
  ];
  const rule = (given: ParameterRule) =>
    `\`{ ${Object.entries(given)
      .map(([name, value]) => `${name}: ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`)
      .join(', ')} }\``;
  const outcome = (rules: ParameterRule[], body: JsonObject) => {
    const verdict = judge(rules, body);
    if (!('edits' in verdict)) return 'refused';
    const { temperature } = { ...body, ...verdict.edits };
    return temperature === undefined ? '–' : String(temperature);
  };
  const lines = rows.map(([team, key]) => {
    const bodies = [{}, { temperature: 0.5 }, { temperature: 1.5 }];
    const answers = bodies.map((body) => outcome([...team, ...key], body));
    return `| ${[team.map(rule).join() || '–', key.map(rule).join() || '–', ...answers].join(' | ')} |`;
  });
  return ['| team | key | says nothing | says 0.5 | says 1.5 |', '|---|---|---|---|---|', ...lines].join('\n');
}

test('docs/keys.md shows what it does', async () => {
  expect(await Bun.file(join(import.meta.dir, '../../../../../docs/keys.md')).text()).toContain(truthTable());
});

const field = fc.constantFrom('a', 'b');
const number = fc.integer({ min: 0, max: 6 });
const otherwise = fc.constantFrom('refuse' as const, 'change' as const, undefined);
const anyRule: fc.Arbitrary<ParameterRule> = fc.oneof(
  fc.record({ field, max: number, otherwise }),
  fc.record({ field, min: number, otherwise }),
  fc.record({ field, value: number, otherwise }),
  fc.record({ field, forbidden: fc.constant(true as const), otherwise }),
  fc.record({ field, required: fc.constant(true as const) }),
  fc.record({ field, values: fc.array(number, { minLength: 1, maxLength: 3 }) }),
);
const anyBody = fc.record({ a: fc.oneof(number, fc.constant('x')), b: number }, { requiredKeys: [] });

test('what passes fits every rule, in any order of them, and passes again unchanged; a rule more never allows more', () => {
  let passed = 0;
  fc.assert(
    fc.property(fc.array(anyRule, { maxLength: 4 }), anyRule, anyBody, (rules, more, body) => {
      const verdict = judge(rules, body);
      const backwards = judge(rules.toReversed(), body);
      if (!('edits' in verdict)) {
        expect('edits' in backwards).toBe(false);
        expect('edits' in judge([...rules, more], body)).toBe(false);
        return;
      }
      passed++;
      expect(backwards).toEqual(verdict);
      const sent: JsonObject = { ...body, ...verdict.edits };
      expect(judge(rules, sent)).toEqual({ edits: {} });
      for (const rule of rules) expect(judge([{ ...rule, otherwise: 'refuse' }], sent)).toEqual({ edits: {} });
    }),
    { numRuns: 4_000 },
  );
  expect(passed).toBeGreaterThan(500);
});
