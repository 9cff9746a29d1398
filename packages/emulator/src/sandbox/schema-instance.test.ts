import { describe, expect, test } from 'bun:test';
import type { Json } from '@turnpike/wire/json/value.ts';
import { textMatching } from './pattern-text.ts';
import { instanceOf } from './schema-instance.ts';

describe('numbers', () => {
  test.each<[Json, (value: number) => boolean]>([
    [{ type: 'integer' }, Number.isInteger],
    [{ type: 'integer', minimum: 10, maximum: 12 }, (value) => value >= 10 && value <= 12],
    [{ type: 'integer', exclusiveMinimum: 3, exclusiveMaximum: 5 }, (value) => value === 4],
    [{ type: 'integer', minimum: 2.5 }, (value) => value >= 2.5 && Number.isInteger(value)],
    [{ type: 'integer', maximum: -7 }, (value) => value <= -7],
    [{ type: 'integer', multipleOf: 7, minimum: 15 }, (value) => value % 7 === 0 && value >= 15],
    [
      { type: 'integer', multipleOf: 5, exclusiveMaximum: 5, minimum: -3 },
      (value) => value % 5 === 0 && value < 5 && value >= -3,
    ],
    [{ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }, (value) => value > 0 && value < 1],
    [{ type: 'number', minimum: 0, maximum: 0.5 }, (value) => value >= 0 && value <= 0.5],
    [{ type: 'number', minimum: 2, maximum: 2 }, (value) => value === 2],
    [{ type: 'number', exclusiveMinimum: 100 }, (value) => value > 100],
    [{ type: 'number', maximum: -1.5 }, (value) => value <= -1.5],
    [{ minimum: 4 }, (value) => value >= 4],
    [{ type: 'number', multipleOf: 0.1, minimum: 0.25, maximum: 0.35 }, (value) => value === 0.3],
    [{ type: 'integer', minimum: 2, allOf: [{ minimum: 6 }, { maximum: 7 }] }, (value) => value >= 6 && value <= 7],
  ])('%j', (schema, holds) => {
    const value = instanceOf(schema);
    expect(typeof value).toBe('number');
    expect(holds(value as number)).toBe(true);
  });
});

describe('strings', () => {
  test.each<[Json, RegExp]>([
    [{ type: 'string' }, /^sandbox/],
    [{ type: 'string', minLength: 40 }, /^.{40,}$/],
    [{ type: 'string', maxLength: 3 }, /^.{0,3}$/],
    [{ type: 'string', format: 'date-time' }, /^\d{4}-\d\d-\d\dT[\d:]+Z$/],
    [{ type: 'string', format: 'uuid' }, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/],
    [{ type: 'string', pattern: '^[A-Z]{3}-\\d{4}$' }, /^[A-Z]{3}-\d{4}$/],
    [{ type: 'string', pattern: '^[a-z]+$', minLength: 9 }, /^[a-z]{9,}$/],
    [{ type: 'string', pattern: '^x{2,6}-\\d*$', minLength: 6, maxLength: 12 }, /^x{2,6}-\d*$/],
    [{ allOf: [{ enum: ['a', 'b'] }, { enum: ['b', 'c'] }] }, /^b$/],
    [{ type: ['null', 'string'] }, /^sandbox/],
  ])('%j', (schema, shape) => {
    expect(instanceOf(schema)).toMatch(shape);
  });

  test.each([
    '^(foo|bar)+x?$',
    '[^a-z0-9]',
    '^\\w+@\\w+\\.(?:com|org)$',
    'a{2,3}b*',
    '^[\\d\\-]{2}$',
    '^\\$\\d+(\\.\\d{2})?$',
    '^(?<year>\\d{4})$',
  ])('text for the pattern %s', (pattern) => {
    expect(textMatching(pattern)).toMatch(new RegExp(pattern, 'u'));
  });

  test.each(['^(?=a)b', '(a)\\1', '[z-a]', '(', '^\\p{L}$'])('no text for %s, and no crash', (pattern) => {
    expect(textMatching(pattern)).toBeUndefined();
  });
});

describe('arrays', () => {
  test('lengths, tuples, different items', () => {
    expect(instanceOf({ type: 'array', items: { type: 'integer' }, minItems: 3 })).toHaveLength(3);
    expect(instanceOf({ type: 'array', items: { type: 'integer' }, maxItems: 0 })).toEqual([]);
    expect(instanceOf({ type: 'array', prefixItems: [{ const: 'a' }, { type: 'boolean' }], items: false })).toEqual([
      'a',
      true,
    ]);
    const unlike = { type: 'array', minItems: 2, uniqueItems: true };
    expect(instanceOf({ ...unlike, items: { enum: ['x', 'y', 'z'] } })).toEqual(['x', 'y']);
    expect(new Set(instanceOf({ ...unlike, items: { type: 'string' } }) as string[]).size).toBe(2);
    expect(new Set(instanceOf({ ...unlike, items: { type: 'integer' } }) as number[]).size).toBe(2);
  });
});

describe('objects', () => {
  test('required and optional properties, nested', () => {
    const schema = {
      type: 'object',
      properties: {
        city: { type: 'string' },
        days: { type: 'array', items: { type: 'object', properties: { n: { const: 3 } } } },
      },
      required: ['city', 'unlisted'],
      additionalProperties: false,
    };
    expect(instanceOf(schema)).toEqual({ city: 'sandbox city', days: [{ n: 3 }], unlisted: 'sandbox unlisted' });
    expect(
      Object.keys(
        instanceOf({ type: 'object', minProperties: 2, additionalProperties: { type: 'integer' } }) as object,
      ),
    ).toHaveLength(2);
  });

  test('references, also recursive ones, come to an end', () => {
    const schema = {
      $ref: '#/$defs/node',
      $defs: {
        node: {
          type: 'object',
          properties: { value: { $ref: '#/$defs/a~1b' }, children: { type: 'array', items: { $ref: '#/$defs/node' } } },
          required: ['value', 'children'],
        },
        'a/b': { enum: [7] },
      },
    };
    expect(instanceOf(schema)).toMatchObject({ value: 7, children: [{ value: 7 }] });
  });

  test('branches and joined schemas', () => {
    expect(instanceOf({ anyOf: [{ type: 'null' }, { type: 'integer', minimum: 5 }] })).toBe(5);
    expect(instanceOf({ oneOf: [{ const: 'left' }, { const: 'right' }] })).toBe('left');
    const joined = {
      allOf: [
        { type: 'object', properties: { a: { const: 1 } }, required: ['a'] },
        { properties: { b: { const: 2 } }, required: ['b'] },
      ],
    };
    expect(instanceOf(joined)).toEqual({ a: 1, b: 2 });
    const twice = { properties: { a: { type: 'integer' } }, allOf: [{ properties: { a: { minimum: 40 } } }] };
    expect(instanceOf(twice)).toEqual({ a: 40 });
  });

  test('null, true and the empty schema', () => {
    expect(instanceOf({ type: 'null' })).toBeNull();
    expect(instanceOf({ const: null })).toBeNull();
    expect(typeof instanceOf(true)).toBe('string');
    expect(typeof instanceOf({})).toBe('string');
  });
});
