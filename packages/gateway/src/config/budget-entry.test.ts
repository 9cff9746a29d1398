import { describe, expect, test } from 'bun:test';
import { readBudgetEntry } from './budget-entry.ts';
import { readLitellmBudget } from './litellm-budget.ts';

describe('an entry of budgets', () => {
  test('is exact to the nano-dollar', () => {
    expect(readBudgetEntry({ amount: '0.000000001', soft: 0, per: 'lifetime' })).toEqual({
      limitNanoUsd: 1n,
      softNanoUsd: 0n,
      period: { type: 'lifetime' },
      scope: {},
      each: [],
      unpriced: 'refuse',
    });
    expect(readBudgetEntry({ amount: 0.1, per: 'day' })).toMatchObject({ limitNanoUsd: 100_000_000n });
  });

  test('has a window of the calendar or a rolling one', () => {
    const periodOf = (per: string, zone?: string) => {
      const read = readBudgetEntry({ amount: 1, per, ...(zone !== undefined && { zone }) });
      return 'message' in read ? read.message : read.period;
    };
    expect(periodOf('week')).toEqual({ type: 'calendar', unit: 'week', zone: 'UTC' });
    expect(periodOf('month', 'Asia/Tokyo')).toEqual({ type: 'calendar', unit: 'month', zone: 'Asia/Tokyo' });
    expect(periodOf('90m')).toEqual({ type: 'rolling', lengthMs: 5_400_000 });
    expect(periodOf('30d')).toEqual({ type: 'rolling', lengthMs: 2_592_000_000 });
    expect(periodOf('400d')).toBe('has a window longer than a year');
    expect(periodOf('day', 'Mars/Olympus')).toBe('names no time zone: Mars/Olympus');
    expect(periodOf('30d', 'UTC')).toBe('has a time zone that means nothing here');
  });

  test('is refused when it has no line, a line that is no exact amount, or lines in the wrong order', () => {
    expect(readBudgetEntry({ per: 'day' })).toMatchObject({ message: 'has no line' });
    expect(readBudgetEntry({ amount: '0.0000000001', per: 'day' })).toHaveProperty('message');
    expect(readBudgetEntry({ amount: '1e30', per: 'day' })).toHaveProperty('message');
    expect(readBudgetEntry({ amount: 1, soft: 2, per: 'day' })).toMatchObject({
      message: 'has a soft line above the hard one',
    });
  });

  test('counts each end user apart as soon as a pattern names them', () => {
    expect(readBudgetEntry({ amount: 1, per: 'day', scope: { endUser: '*' } })).toMatchObject({
      scope: { 'end-user': '*' },
      each: ['end-user'],
    });
  });
});

test("LiteLLM's global budget becomes one of everything, by the calendar as LiteLLM resets it", () => {
  const report: string[] = [];
  expect(readLitellmBudget({ max_budget: 10, budget_duration: '30d', timezone: 'Asia/Tokyo' }, report)).toMatchObject([
    { limitNanoUsd: 10_000_000_000n, period: { unit: 'month', zone: 'Asia/Tokyo' }, scope: {}, unpriced: 'allow' },
  ]);
  expect(readLitellmBudget({ max_budget: '0.5' }, report)).toMatchObject([{ period: { type: 'lifetime' } }]);
  expect(report).toEqual([]);
  expect(readLitellmBudget({}, report)).toEqual([]);
  expect(readLitellmBudget({ max_budget: 10, budget_duration: '11d' }, report)).toEqual([]);
  expect(readLitellmBudget({ max_budget: -1 }, report)).toEqual([]);
  expect(readLitellmBudget({ budget_duration: '1d' }, report)).toEqual([]);
  expect(report).toEqual([
    'litellm_settings.budget_duration: 11d is no turn of the calendar; no budget is kept.',
    'litellm_settings.max_budget: has a line that cannot be kept exactly; no budget is kept.',
    'litellm_settings.budget_duration: means nothing without max_budget.',
  ]);
});
