import { describe, expect, test } from 'bun:test';
import { readBudgetEntry } from '../../config/budget-entry.ts';
import type { BudgetEntry } from '../../config/rule-schemas.ts';
import { callerOf } from '../limits/limiter.test-support.ts';
import type { BudgetAlert } from './budget-hold.ts';
import { Budgets } from './budgets.ts';

const web = callerOf('web', [{ type: 'team', id: 'a' }]);
const nano = 1_000_000_000n;

function rulesOf(...entries: BudgetEntry[]) {
  return entries.map((entry) => {
    const rule = readBudgetEntry(entry);
    if ('message' in rule) throw new Error(rule.message);
    return rule;
  });
}

/** Budgets under a clock that is held. */
function house(...entries: BudgetEntry[]) {
  const clock = { ms: Date.parse('2026-11-21T00:00:00Z') };
  const alerts: BudgetAlert[] = [];
  const budgets = new Budgets(
    (alert) => void alerts.push(alert),
    () => clock.ms,
  );
  budgets.apply(budgets.compile(rulesOf(...entries)));
  const open = (endUser?: string) => {
    const found = budgets.of(web);
    if (found === undefined) throw new Error('No budget concerns the caller.');
    return budgets.open(found, { caller: web, model: 'm', endUser, tags: [] });
  };
  /** Holds and spends at once. */
  const spend = (nanoUsd: bigint, endUser?: string) => {
    const hold = open(endUser);
    const shortage = hold.take('p', nanoUsd);
    if (shortage instanceof Promise) throw new Error('A single process waits for nobody.');
    if (shortage === undefined) hold.charge(nanoUsd);
    return shortage;
  };
  return { budgets, clock, alerts, open, spend };
}

/** Uniform in [0, 1), the same for a seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a hard line', () => {
  test('20 at once, each at most 0.2 of 1 dollar: five go, and nothing stays held after failures (peer defect B1)', () => {
    const { budgets, open } = house({ amount: 1, per: 'day' });
    const holds = Array.from({ length: 20 }, () => open());
    const admitted = holds.filter((hold) => hold.take('p', nano / 5n) === undefined);
    expect(admitted.length).toBe(5);
    expect(budgets.heldNanoUsd).toBe(nano);
    for (const hold of admitted) hold.release();
    expect(budgets.heldNanoUsd).toBe(0n);
    expect(holds.filter((hold) => hold.take('p', nano / 5n) === undefined).length).toBe(5);
  });

  test('the last request does not pass when it does not fit (peer defect: reserve min(estimate, remaining))', () => {
    const { spend } = house({ amount: 1, per: 'day' });
    expect(spend(nano - 1n)).toBeUndefined();
    expect(spend(2n)).toMatchObject({ reason: 'spent', spentNanoUsd: nano - 1n, neededNanoUsd: 2n });
    expect(spend(1n)).toBeUndefined();
    expect(spend(1n)).toMatchObject({ reason: 'spent' });
  });

  test('what costs nothing passes when all is spent (peer defect B6); what has no price is refused unless allowed', () => {
    const { spend, open } = house({ amount: 1, per: 'day' });
    spend(nano);
    expect(open().take('p', 0n)).toBeUndefined();
    expect(open().take('p', undefined)).toMatchObject({ reason: 'unpriced' });
    const tolerant = house({ amount: 1, per: 'day', unpriced: 'allow' });
    expect(tolerant.open().take('p', undefined)).toBeUndefined();
  });

  test('all budgets hold together, or none', () => {
    const { budgets, open } = house({ amount: 5, per: 'day' }, { amount: 1, per: 'month', scope: { team: 'a' } });
    expect(open().take('p', 2n * nano)).toMatchObject({ reason: 'never', limitNanoUsd: nano });
    expect(budgets.heldNanoUsd).toBe(0n);
  });

  test('tells what is held by others from what is spent', () => {
    const { open } = house({ amount: 1, per: 'day' });
    const first = open();
    first.take('p', nano);
    expect(open().take('p', 1n)).toMatchObject({ reason: 'held', heldNanoUsd: nano });
  });

  test('a hold is charged once, and a further attempt replaces what the one before held', () => {
    const { budgets, open } = house({ amount: 1, per: 'day' });
    const hold = open();
    hold.take('p', nano);
    expect(hold.take('q', nano)).toBeUndefined();
    expect(budgets.heldNanoUsd).toBe(nano);
    hold.charge(7n);
    hold.charge(7n);
    hold.release();
    expect(hold.standings[0]?.account).toMatchObject({ spentNanoUsd: 7n, heldNanoUsd: 0n });
  });

  test('a cost that nobody can tell counts at all that was held', () => {
    const { open } = house({ amount: 1, per: 'day' });
    const hold = open();
    hold.take('p', 400n);
    hold.charge(undefined);
    expect(hold.standings[0]?.account.spentNanoUsd).toBe(400n);
  });

  test('a budget of a provider counts that provider alone', () => {
    const { open } = house({ amount: 1, per: 'day', scope: { provider: 'openai' } });
    const hold = open();
    hold.take('openai', nano);
    hold.charge(nano);
    expect(hold.shortage('openai', 1n)).toMatchObject({ reason: 'spent' });
    expect(hold.shortage('anthropic', 1n)).toBeUndefined();
  });

  test('each end user has a budget of their own', () => {
    const { spend } = house({ amount: 1, per: 'day', scope: { endUser: '*' } });
    expect(spend(nano, 'alice')).toBeUndefined();
    expect(spend(1n, 'alice')).toMatchObject({ label: 'budget of 1 USD per day (end-user alice)' });
    expect(spend(nano, 'bob')).toBeUndefined();
    expect(spend(nano)).toBeUndefined();
  });
});

describe('windows', () => {
  test('a calendar window ends on the millisecond, and says when', () => {
    const { spend, clock } = house({ amount: 1, per: 'month', zone: 'America/New_York' });
    clock.ms = Date.parse('2027-01-31T12:00:00Z');
    spend(nano);
    const endMs = Date.parse('2027-02-01T05:00:00Z');
    expect(spend(1n)?.fitsAtMs).toBe(endMs);
    clock.ms = endMs - 1;
    expect(spend(1n)).toBeDefined();
    clock.ms = endMs;
    expect(spend(nano)).toBeUndefined();
  });

  test('an attempt belongs to the window it began in, also when it ends in the next', () => {
    const { open, clock, budgets } = house({ amount: 1, per: 'hour' });
    const long = open();
    long.take('p', nano);
    clock.ms += 3_600_000;
    const next = open();
    expect(next.take('p', nano)).toBeUndefined();
    long.charge(nano);
    expect(next.standings[0]?.account).toMatchObject({ spentNanoUsd: 0n, heldNanoUsd: nano });
    next.release();
    expect(budgets.heldNanoUsd).toBe(0n);
  });

  test('a rolling window never forgets early, and at most a sixtieth late', () => {
    const { spend, clock } = house({ amount: 1, per: '60m' });
    clock.ms += 1;
    spend(nano);
    clock.ms += 3_600_000 - 1;
    const shortage = spend(1n);
    expect(shortage).toBeDefined();
    const lateMs = (shortage?.fitsAtMs ?? 0) - clock.ms;
    expect(lateMs).toBeGreaterThan(0);
    expect(lateMs).toBeLessThanOrEqual(60_000);
    clock.ms += lateMs;
    expect(spend(nano)).toBeUndefined();
  });

  test('a lifetime never ends; a clock that goes back changes nothing', () => {
    const { spend, clock } = house({ amount: 1, per: 'lifetime' }, { amount: 1, per: 'day' });
    spend(nano);
    expect(spend(1n)?.fitsAtMs).toBe(Number.POSITIVE_INFINITY);
    clock.ms -= 86_400_000;
    expect(spend(1n)).toBeDefined();
  });

  test('a soft line is told once in each window', () => {
    const { spend, alerts, clock } = house({ soft: 0.5, per: 'hour' });
    spend(nano / 2n - 1n);
    expect(alerts.length).toBe(0);
    spend(1n);
    spend(nano);
    const label = 'budget of 0.5 USD per hour';
    expect(alerts).toMatchObject([{ type: 'soft-line', label, lineNanoUsd: nano / 2n, spentNanoUsd: nano / 2n }]);
    clock.ms += 3_600_000;
    spend(nano);
    expect(alerts.length).toBe(2);
    expect(alerts[1]?.id).not.toBe(alerts[0]?.id);
  });
});

test('a reload keeps what is spent and held, also when the amount changes', () => {
  const { budgets, open, spend } = house({ amount: 2, per: 'day' });
  spend(nano);
  const running = open();
  running.take('p', nano);
  budgets.apply(budgets.compile(rulesOf({ amount: 3, per: 'day' })));
  expect(budgets.heldNanoUsd).toBe(nano);
  running.charge(nano);
  expect(spend(nano + 1n)).toMatchObject({ spentNanoUsd: 2n * nano, limitNanoUsd: 3n * nano });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  '256 at once, aborts and retries in any order: never over the line, no false refusal, nothing left held (seed %d)',
  (seed) => {
    const random = randomFrom(seed);
    const lines = [3n * nano, 2n * nano];
    const { budgets, open, clock } = house(
      { amount: 3, per: 'lifetime' },
      { amount: 2, per: 'hour', scope: { team: 'a' } },
    );
    const running: { hold: ReturnType<typeof open>; boundNanoUsd: bigint; hour: number }[] = [];
    // A plain model beside it: spent and held of all time, and of each hour.
    let spent = 0n;
    let held = 0n;
    const hours = new Map<number, { spent: bigint; held: bigint }>();
    const hourOf = (hour: number) => {
      const found = hours.get(hour) ?? { spent: 0n, held: 0n };
      hours.set(hour, found);
      return found;
    };
    let refusals = 0;
    for (let step = 0; step < 20_000; step++) {
      if (random() < 0.001) clock.ms += 600_000;
      const hour = Math.floor(clock.ms / 3_600_000);
      const index = Math.floor(random() * running.length);
      const one = running[index];
      if (one !== undefined && (running.length >= 256 || random() < 0.5)) {
        const part = random() < 0.3 ? 0n : (one.boundNanoUsd * BigInt(Math.floor(random() * 1_001))) / 1_000n;
        one.hold.charge(part);
        held -= one.boundNanoUsd;
        spent += part;
        hourOf(one.hour).held -= one.boundNanoUsd;
        hourOf(one.hour).spent += part;
        running.splice(index, 1);
      } else {
        const boundNanoUsd = BigInt(1 + Math.floor(random() * 2_000_000));
        const now = hourOf(hour);
        const fits =
          spent + held + boundNanoUsd <= (lines[0] ?? 0n) && now.spent + now.held + boundNanoUsd <= (lines[1] ?? 0n);
        const hold = open();
        const shortage = hold.take('p', boundNanoUsd);
        expect(shortage === undefined).toBe(fits);
        if (shortage !== undefined) {
          refusals++;
          continue;
        }
        held += boundNanoUsd;
        now.held += boundNanoUsd;
        running.push({ hold, boundNanoUsd, hour });
      }
      expect(spent <= (lines[0] ?? 0n)).toBe(true);
      for (const each of hours.values()) expect(each.spent <= (lines[1] ?? 0n)).toBe(true);
    }
    for (const { hold } of running) hold.release();
    expect(budgets.heldNanoUsd).toBe(0n);
    expect(refusals).toBeGreaterThan(0);
  },
);
