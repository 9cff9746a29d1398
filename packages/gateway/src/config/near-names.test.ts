import { expect, test } from 'bun:test';
import { nearestNames } from './near-names.ts';

test('orders by likeness, and leaves out what is not like', () => {
  expect(nearestNames('prot', ['host', 'port', 'keepAliveMs'], 5)).toEqual(['port']);
  expect(nearestNames('gpt-4o-mni', ['gpt-4o', 'gpt-4o-mini', 'claude'], 5)).toEqual(['gpt-4o-mini', 'gpt-4o']);
  expect(nearestNames('x', [], 5)).toEqual([]);
});

test('sees through prefixes and parts', () => {
  expect(nearestNames('sonnet', ['anthropic/claude-sonnet-4-5', 'openai/gpt-4o'], 5)).toEqual([
    'anthropic/claude-sonnet-4-5',
  ]);
  expect(nearestNames('gpt-4o', ['azure/gpt-4o', 'openai/gpt-4o'], 1)).toEqual(['azure/gpt-4o']);
});

test('gives no more than asked for', () => {
  const many = Array.from({ length: 50 }, (_, index) => `model-${index}`);
  expect(nearestNames('model-x', many, 5)).toHaveLength(5);
});
