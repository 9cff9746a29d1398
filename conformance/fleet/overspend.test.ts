/**
 * Hard budgets that four worker processes share. For all levels and longer:
 * `bun conformance/fleet/overspend.ts [--kills worker|parent|all] [--seconds 3] [--concurrency 256] [--seed 1]`.
 */
import { describe, expect, test } from 'bun:test';
import { type OverspendOptions, overspend } from './overspend.ts';

const whole: OverspendOptions = { workers: 4, concurrency: 256, lengthMs: 600, seed: 1, kills: 'none' };

describe.skipIf(process.platform !== 'linux')('256 calls at once on four processes', () => {
  test('never cross the line of a budget, of whatever level, and are refused only when it is reached', async () => {
    const { wrong, levels, text } = await overspend({
      ...whole,
      only: ['key', 'member', 'end user', 'provider', 'nested'],
    });
    process.stdout.write(`${text}\n`);
    expect(wrong).toEqual([]);
    for (const { level, served, refused } of levels) {
      expect([level, served > 20, refused > 20]).toEqual([level, true, true]);
    }
  }, 120_000);

  test('nor when workers are killed: what they held is free again, and what they had spent counts', async () => {
    const { wrong, kills, levels, text } = await overspend({
      ...whole,
      seed: 2,
      kills: 'worker',
      only: ['team', 'nested'],
    });
    process.stdout.write(`${text}\n`);
    expect(wrong).toEqual([]);
    expect(kills).toBe(2);
    expect(levels.reduce((sum, { broken }) => sum + broken, 0)).toBeGreaterThan(0);
  }, 120_000);

  for (const [kills, lengthMs] of [
    ['all', 700],
    ['parent', 700],
  ] as const) {
    test(`nor when ${kills === 'all' ? 'all processes are' : 'their parent is'} killed and started again`, async () => {
      const { wrong, text, ...found } = await overspend({ ...whole, lengthMs, seed: 3, kills, only: ['tag'] });
      process.stdout.write(`${text}\n`);
      expect(wrong).toEqual([]);
      expect(found.kills).toBe(1);
    }, 120_000);
  }
});
