import { describe, expect, test } from 'bun:test';
import type { Priority, QueueRule } from '@turnpike/gateway/config/limit-queue.ts';
import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import { Admission } from '@turnpike/gateway/policy/limits/admission.ts';
import { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import type { Refusal } from '@turnpike/gateway/policy/limits/refusal.ts';
import { randomFrom } from '../random.ts';
import { ExactLaw } from './exact-law.ts';
import { callerNamed, Fleet } from './fleet.ts';
import { VirtualTime } from './virtual-time.ts';

const START_MS = 1_700_000_000_000;
const queue: QueueRule = { maxWaitMs: 30_000, lengthMax: 10_000, by: 'key', shares: [], mayRaise: true };
const places = (amount: number, changes: Partial<QueueRule> = {}): LimitRule => ({
  measure: 'concurrency',
  amount,
  windowMs: 0,
  scope: {},
  each: [],
  queue: { ...queue, ...changes },
});
const rate = (amount: number, windowMs: number, changes: Partial<QueueRule> = {}): LimitRule => ({
  ...places(amount, changes),
  measure: 'requests',
  windowMs,
});
const ended = { wasUnsent: false, inputTokens: 0, outputTokens: 0 };

interface Asked {
  readonly name: string;
  readonly atMs: number;
  readonly leave: AbortController;
  /** Set when it ended. */
  verdict?: Admission | Refusal | Error;
  endMs?: number;
}

interface Wish {
  readonly name?: string;
  readonly priority?: Priority;
  readonly tokens?: number;
  readonly waitMsMax?: number;
  readonly model?: string;
}

function house(...rules: LimitRule[]) {
  const time = new VirtualTime(START_MS);
  const limiter = new Limiter({ clock: () => time.nowMs, timers: time });
  limiter.apply(rules);
  const order: Asked[] = [];
  return { time, limiter, order, ask: (wish: Wish = {}) => askOf(limiter, time, order, wish) };
}

function askOf(limiter: Limiter, time: VirtualTime, order: Asked[], wish: Wish): Asked {
  const { name = 'ann', priority, tokens = 1, waitMsMax, model = 'gpt-4o' } = wish;
  const caller = callerNamed(name);
  const asked: Asked = { name, atMs: time.nowMs, leave: new AbortController() };
  const end = (verdict: Admission | Refusal | Error) => {
    asked.verdict = verdict;
    asked.endMs = time.nowMs;
    if (verdict instanceof Admission) order.push(asked);
  };
  const cost = { inputTokens: tokens, outputTokens: 0, isBounded: true, answers: 1 };
  const patience = () => ({ signal: asked.leave.signal, priority, waitMsMax, onWait: () => undefined });
  const rules = limiter.rulesOf(caller)?.exchange ?? [];
  const verdict = limiter.admit(rules, { caller, model, endUser: undefined, tags: [] }, () => cost, { patience });
  if (verdict instanceof Promise) verdict.then(end, end);
  else end(verdict);
  return asked;
}

const settled = () => new Promise(setImmediate);

function refusalOf({ verdict }: Asked): Refusal {
  if (verdict === undefined || verdict instanceof Admission || verdict instanceof Error)
    throw new Error('Not refused.');
  return verdict;
}

function isIn({ verdict }: Asked): boolean {
  return verdict instanceof Admission;
}

/** Frees the place of the one that was admitted first and holds one still. */
function free(asked: Asked | undefined): void {
  if (asked?.verdict instanceof Admission) asked.verdict.settle(ended);
}

describe('the law of fairness', () => {
  test('callers of weights 1 and 2 get one and two of three places, to within one', async () => {
    const { order, ask } = house(places(1, { shares: [{ id: 'bob', weight: 2, priority: 'normal' }] }));
    ask({ name: 'other' });
    for (let turn = 0; turn < 60; turn++) ask({ name: 'ann' });
    for (let turn = 0; turn < 60; turn++) ask({ name: 'bob' });
    for (let served = 0; served < 85; served++) {
      free(order[served]);
      await settled();
      const ofAnn = order.slice(1).filter(({ name }) => name === 'ann').length;
      expect(Math.abs(ofAnn - (served + 1) / 3)).toBeLessThanOrEqual(1);
    }
    // Bob has all of his; what is left is Ann's.
    for (let served = 85; served < 120; served++) {
      free(order[served]);
      await settled();
    }
    expect(order.slice(1).filter(({ name }) => name === 'ann')).toHaveLength(60);
  });

  test('whatever the weights, sizes, places and comings, nobody who waits falls behind by more than one turn of each', async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = randomFrom(seed);
      const names = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + Math.floor(random() * 4));
      const weights = new Map(names.map((name) => [name, 1 + Math.floor(random() * 8)]));
      const shares = names.map((id) => ({ id, weight: weights.get(id) ?? 1, priority: 'normal' as const }));
      const { time, order, ask } = house({
        ...places(3, { shares, maxWaitMs: 3_600_000 }),
        measure: 'tokens',
        amount: 40,
        windowMs: 1_000,
      });
      const sizeMax = 1 + Math.floor(random() * 20);
      const waiting = new Map(names.map((name) => [name, [] as Asked[]]));
      const come = (name: string) => waiting.get(name)?.push(ask({ name, tokens: 1 + Math.floor(random() * sizeMax) }));
      for (let turn = 0; turn < 1; turn++) for (const name of names) for (let one = 0; one < 50; one++) come(name);
      await settled();
      // Counted from an instant from which all wait, without a break.
      const first = order.length;
      for (let step = 0; step < 300; step++) {
        await time.runUntil(time.nowMs + 40);
        for (const name of names) {
          const own = waiting.get(name) ?? [];
          while (own.filter(({ verdict }) => verdict === undefined).length < 50) come(name);
        }
        const served = new Map(names.map((name) => [name, 0]));
        for (const { name, verdict } of order.slice(first)) {
          const tokens = verdict instanceof Admission ? ((verdict.standings[0] as { weight?: number }).weight ?? 0) : 0;
          served.set(name, (served.get(name) ?? 0) + tokens / (weights.get(name) ?? 1));
        }
        for (const one of names) {
          for (const other of names) {
            const apart = Math.abs((served.get(one) ?? 0) - (served.get(other) ?? 0));
            const bound = sizeMax / (weights.get(one) ?? 1) + sizeMax / (weights.get(other) ?? 1);
            expect(apart).toBeLessThanOrEqual(bound);
          }
        }
      }
      expect(order.length - first).toBeGreaterThan(25);
    }
  });

  test('of 21 turns 16 are of high priority, 4 of normal and 1 of low; nobody starves', async () => {
    const { order, ask } = house(places(1));
    ask({ name: 'other' });
    for (let turn = 0; turn < 100; turn++) ask({ name: 'c', priority: 'low' });
    for (let turn = 0; turn < 100; turn++) ask({ name: 'b', priority: 'normal' });
    for (let turn = 0; turn < 100; turn++) ask({ name: 'a', priority: 'high' });
    for (let served = 0; served < 105; served++) {
      free(order[served]);
      await settled();
    }
    const counts = ['a', 'b', 'c'].map((name) => order.slice(1, 106).filter((one) => one.name === name).length);
    expect(counts).toEqual([80, 20, 5]);
    for (let from = 1; from <= 85; from++) {
      expect(order.slice(from, from + 21).some(({ name }) => name === 'c')).toBe(true);
    }
  });

  test('who comes with a high priority is next, before all that wait with less', async () => {
    const { order, ask } = house(places(1));
    ask();
    for (let turn = 0; turn < 50; turn++) ask({ name: `n${turn}` });
    const high = ask({ name: 'late', priority: 'high' });
    free(order[0]);
    await settled();
    expect(isIn(high)).toBe(true);
  });
});

describe('waiting', () => {
  test('for a rate: each gets in at the instant the law allows, and who cannot in time is told at once when it could', async () => {
    const { time, order, ask } = house(rate(10, 1_000, { maxWaitMs: 2_500 }));
    const asked = Array.from({ length: 40 }, () => ask());
    await settled();
    expect(asked.filter(isIn)).toHaveLength(10);
    const late = asked.slice(30);
    for (const { retryAfterMs, queue } of late.map(refusalOf)) {
      expect(retryAfterMs).toBe(3_000);
      expect(queue).toEqual({ why: 'late', length: 20, waitedMs: 0 });
    }
    await time.runUntil(START_MS + 3_000);
    expect(order.map(({ endMs = 0 }) => endMs - START_MS)).toEqual(
      [0, 1_000, 2_000].flatMap((ms) => Array(10).fill(ms)),
    );
    expect(isIn(ask())).toBe(true);
  });

  test('an exact Retry-After over thousands of refusals: then it gets in, a moment before it does not', async () => {
    let refusals = 0;
    for (let seed = 1; seed <= 6; seed++) {
      const random = randomFrom(seed);
      const { time, order, ask } = house(rate(7, 1_000, { maxWaitMs: 900, lengthMax: 12 }));
      const law = new ExactLaw(7, 1_000);
      const all: Asked[] = [];
      const count = () => {
        for (const { endMs = 0 } of order.splice(0)) {
          expect(law.used(endMs)).toBeLessThan(law.amount);
          law.add(endMs, 1);
        }
      };
      for (let step = 0; step < 400; step++) {
        await time.runUntil(time.nowMs + Math.floor(random() * 60));
        count();
        const asked = ask({ name: `k${Math.floor(random() * 4)}` });
        all.push(asked);
        await settled();
        count();
        if (asked.verdict === undefined || isIn(asked)) continue;
        refusals++;
        // What waits goes first, as soon as it fits; then this one.
        const { retryAfterMs } = refusalOf(asked);
        const ahead = all.filter(({ verdict }) => verdict === undefined).length;
        const plain = law.copy();
        let atMs = time.nowMs;
        for (let one = 0; one <= ahead; one++) {
          atMs = plain.fitsAtMs(atMs, 1);
          plain.add(atMs, 1);
        }
        expect(time.nowMs + retryAfterMs).toBe(atMs);
      }
    }
    expect(refusals).toBeGreaterThan(1_000);
  });

  test('is bounded: more than may wait are refused at once, and later ones wait when there is room', async () => {
    const { time, order, ask } = house(places(1, { lengthMax: 3, maxWaitMs: 5_000 }));
    const asked = Array.from({ length: 6 }, () => ask());
    await settled();
    expect(asked.map(({ verdict }) => verdict === undefined)).toEqual([false, true, true, true, false, false]);
    expect(refusalOf(asked[5] as Asked)).toMatchObject({ reason: 'busy', queue: { why: 'full', length: 3 } });
    free(order[0]);
    await settled();
    expect(ask().verdict).toBeUndefined();
    await time.runUntil(START_MS + 5_000);
    expect(refusalOf(asked[3] as Asked)).toMatchObject({ queue: { why: 'over', waitedMs: 5_000 } });
    expect(asked[3]?.endMs).toBe(START_MS + 5_000);
  });

  test('ends at once when the client leaves, and the next one has its turn', async () => {
    const { order, ask } = house(places(1));
    const first = ask();
    const [gone, next] = [ask(), ask()];
    gone.leave.abort();
    await settled();
    expect(gone.verdict).toMatchObject({ code: 'client_gone' });
    free(first);
    await settled();
    expect(order).toEqual([first, next]);
  });

  test('is no longer than the client itself waits', async () => {
    const { ask, time } = house(rate(1, 1_000));
    ask();
    const hasty = ask({ waitMsMax: 900 });
    const patient = ask({ waitMsMax: 1_000 });
    await settled();
    expect(refusalOf(hasty)).toMatchObject({ retryAfterMs: 1_000, queue: { why: 'late' } });
    await time.runUntil(START_MS + 1_000);
    expect(isIn(patient)).toBe(true);
  });

  test('a large request is not passed for ever by small ones, and takes no longer than the law says', async () => {
    const { time, ask } = house({ ...rate(100, 1_000, { by: 'key' }), measure: 'tokens' });
    for (let turn = 0; turn < 10; turn++) ask({ tokens: 10 });
    const large = ask({ name: 'bob', tokens: 90 });
    const stop = time.every(7, () => void ask({ name: 'ann', tokens: 5 }));
    await time.runUntil(START_MS + 1_000);
    stop();
    expect(large.endMs).toBe(START_MS + 1_000);
  });

  test('what another limit keeps is passed by those it does not concern, and keeps its turn', async () => {
    const { time, order, ask } = house(places(2), { ...rate(1, 1_000), scope: { model: 'slow' } });
    const [one, two] = [ask({ model: 'slow' }), ask()];
    const kept = ask({ model: 'slow' });
    const other = ask();
    free(one);
    await settled();
    expect([isIn(kept), isIn(other)]).toEqual([false, true]);
    await time.runUntil(START_MS + 1_000);
    expect(isIn(kept)).toBe(false);
    free(two);
    await settled();
    expect(order.at(-1)).toBe(kept);
  });

  test('a limit without a queue refuses at once what others would let wait', async () => {
    const { queue: _none, ...hard } = rate(2, 60_000);
    const { ask } = house(places(1), hard);
    ask();
    const waits = ask();
    await settled();
    expect(waits.verdict).toBeUndefined();
    const { limiter, time } = house(hard, places(1));
    limiter.apply([hard, places(1)]);
    const order: Asked[] = [];
    askOf(limiter, time, order, {});
    free(order[0]);
    askOf(limiter, time, order, {});
    free(order[1]);
    expect(refusalOf(askOf(limiter, time, order, {}))).toMatchObject({ reason: 'wait', retryAfterMs: 60_000 });
  });

  test('goes on under changed rules: more room is used at once, a limit that is gone lets all in', async () => {
    const { limiter, order, ask } = house(places(1));
    for (let turn = 0; turn < 6; turn++) ask();
    limiter.apply([places(3)]);
    await settled();
    expect(order).toHaveLength(3);
    limiter.apply([]);
    await settled();
    expect(order).toHaveLength(6);
  });

  test('a gateway that stops refuses those that wait, and lets those under way end', async () => {
    const { limiter, order, ask } = house(places(1));
    const [one, waits] = [ask(), ask()];
    limiter.close();
    await settled();
    expect(waits.verdict).toMatchObject({ code: 'shutting_down' });
    free(one);
    await settled();
    expect(order).toEqual([one]);
  });
});

describe('several processes', () => {
  test('wait for what any of them frees, and never take more than there is', async () => {
    const time = new VirtualTime(START_MS);
    const fleet = new Fleet(2, [places(4, { maxWaitMs: 20_000 })], time, randomFrom(3));
    const order: Asked[] = [];
    const asked = Array.from({ length: 40 }, (_, turn) => {
      const member = fleet.members[turn % 2];
      if (member === undefined) throw new Error('A fleet has two processes.');
      return askOf(member.limiter, time, order, {});
    });
    let done = 0;
    for (let step = 0; step < 400 && done < 40; step++) {
      await time.runUntil(time.nowMs + 25);
      expect(order.length - done).toBeLessThanOrEqual(4);
      if (step % 4 === 3 && done < order.length) free(order[done++]);
    }
    expect(asked.filter(isIn)).toHaveLength(40);
  });

  test('wait for a rate together: each second has its share, and no more', async () => {
    const time = new VirtualTime(START_MS);
    const fleet = new Fleet(2, [rate(10, 1_000, { maxWaitMs: 10_000 })], time, randomFrom(5));
    const order: Asked[] = [];
    const asked = Array.from({ length: 50 }, (_, turn) => {
      const { limiter } = fleet.members[turn % 2] ?? { limiter: undefined };
      if (limiter === undefined) throw new Error('A fleet has two processes.');
      return askOf(limiter, time, order, {});
    });
    await time.runUntil(START_MS + 8_000);
    expect(asked.filter(isIn)).toHaveLength(50);
    for (const { endMs = 0 } of order) {
      expect(order.filter((one) => inWindow(one, endMs)).length).toBeLessThanOrEqual(10);
    }
    expect((order.at(-1)?.endMs ?? 0) - START_MS).toBeLessThan(5_100);
  });
});

/** Heard of up to two messages after it was counted. */
function inWindow({ endMs = 0 }: Asked, fromMs: number): boolean {
  return endMs >= fromMs && endMs < fromMs + 985;
}
