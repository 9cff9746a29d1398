import { expect, test } from 'bun:test';
import fc from 'fast-check';
import { modelKey, reconcile, type UsageLine } from './reconcile.ts';

const exact = { percentMillionths: 0n, costNanoUsd: 0n };
const line = (date: string, model: string | undefined, inputTokens: number, costNanoUsd = 0): UsageLine => ({
  date,
  model,
  figures: { inputTokens: BigInt(inputTokens), costNanoUsd: BigInt(costNanoUsd) },
});

test('models are the same under the names of bills, callers and consoles', () => {
  for (const [name, key] of [
    ['gpt-4o-2024-08-06', 'gpt-4o'],
    ['gpt-4.1', 'gpt-4-1'],
    ['Claude Haiku 4.5', 'claude-haiku-4-5'],
    ['claude-haiku-4-5-20251001', 'claude-haiku-4-5'],
    ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5'],
    ['chat-latest', 'chat'],
    ['o3', 'o3'],
  ] as const) {
    expect(modelKey(name)).toBe(key);
  }
  const [only, ...others] = reconcile(
    [line('2026-11-01', 'gpt-4o-2024-08-06', 5)],
    [line('2026-11-01', 'gpt-4o', 5)],
    ['inputTokens'],
    exact,
  );
  expect([only?.model, only?.differing, others]).toEqual(['gpt-4o', [], []]);
});

test('what only one side knows differs from nothing; what neither compares is left out', () => {
  const compared = reconcile(
    [line('2026-11-01', 'a', 5, 7), line('2026-11-02', 'a', 0, 9)],
    [line('2026-11-01', 'b', 3, 7)],
    ['inputTokens'],
    exact,
  );
  expect(compared.map(({ date, model, differing }) => [date, model, differing])).toEqual([
    ['2026-11-01', 'a', ['inputTokens']],
    ['2026-11-01', 'b', ['inputTokens']],
  ]);
});

test('without models, whole days are compared', () => {
  const ours = [line('2026-11-01', 'a', 3), line('2026-11-01', 'b', 4), line('2026-11-02', 'a', 1)];
  const compared = reconcile([line('2026-11-01', undefined, 7)], ours, ['inputTokens'], exact);
  expect(compared.map(({ date, model, differing }) => [date, model, differing.length])).toEqual([
    ['2026-11-01', undefined, 0],
    ['2026-11-02', undefined, 1],
  ]);
});

test('a tolerance is of the figure of the provider, and of cost in dollars besides', () => {
  const differs = (
    theirs: number,
    ours: number,
    figure: 'inputTokens' | 'costNanoUsd',
    percent: bigint,
    nano: bigint,
  ) => {
    const of = (value: number) => ({ date: '2026-11-01', model: 'a', figures: { [figure]: BigInt(value) } });
    const [only] = reconcile([of(theirs)], [of(ours)], [figure], {
      percentMillionths: percent * 1_000_000n,
      costNanoUsd: nano,
    });
    return (only?.differing.length ?? 0) > 0;
  };
  for (const [theirs, ours, figure, percent, nano, expected] of [
    [1_000, 990, 'inputTokens', 1n, 0n, false],
    [1_000, 989, 'inputTokens', 1n, 0n, true],
    [0, 1, 'inputTokens', 50n, 99n, true],
    [1_000, 1_005, 'costNanoUsd', 0n, 5n, false],
    [1_000, 1_006, 'costNanoUsd', 0n, 5n, true],
    [1_000, 1_006, 'costNanoUsd', 1n, 5n, false],
  ] as const) {
    expect([theirs, ours, differs(theirs, ours, figure, percent, nano)]).toEqual([theirs, ours, expected]);
  }
});

test('lines in any order and cut of any kind compare as their sums do', () => {
  const lines = fc.array(
    fc.record({
      day: fc.integer({ min: 1, max: 3 }),
      model: fc.constantFrom('a', 'a-2026-01-01', 'B'),
      tokens: fc.nat(9),
    }),
  );
  fc.assert(
    fc.property(lines, lines, (theirs, ours) => {
      const read = (all: typeof theirs) => all.map(({ day, model, tokens }) => line(`2026-11-0${day}`, model, tokens));
      const compared = reconcile(read(theirs), read(ours), ['inputTokens'], exact);
      const sum = (all: typeof theirs) => BigInt(all.reduce((total, { tokens }) => total + tokens, 0));
      if (theirs.length > 0) {
        expect(compared.reduce((total, { provider }) => total + provider.inputTokens, 0n)).toBe(sum(theirs));
      }
      expect(compared.reduce((total, { ledger }) => total + ledger.inputTokens, 0n)).toBe(sum(ours));
      expect(
        reconcile(read(theirs), read([...theirs].reverse()), ['inputTokens'], exact).every(
          ({ differing }) => differing.length === 0,
        ),
      ).toBe(true);
    }),
  );
});
