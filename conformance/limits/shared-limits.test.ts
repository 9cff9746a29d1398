import { describe, expect, test } from 'bun:test';
import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import { Admission } from '@turnpike/gateway/policy/limits/admission.ts';
import type { Refusal } from '@turnpike/gateway/policy/limits/refusal.ts';
import { randomFrom } from '../random.ts';
import { lineOf, percentile } from './figures.ts';
import { Fleet, type Member } from './fleet.ts';
import { atLine, away } from './scenes.ts';
import { type Figures, simulate } from './simulation.ts';
import { VirtualTime } from './virtual-time.ts';

const SECONDS = 90;

/** Slower than any reply, where nothing is out of order. */
const REPLY_MS = 30;

function told(what: string, figures: Figures): Figures {
  console.log(`${what}: ${lineOf(figures)}`);
  return figures;
}

describe('limits that several processes share, against the exact law', () => {
  for (const nodes of [2, 4, 8]) {
    for (const [name, play] of Object.entries(away)) {
      test(`${nodes} processes away from the line ask for at most 5 % of requests: ${name}`, async () => {
        const figures = told(name, await simulate({ ...play, nodes, seconds: SECONDS, seed: nodes }));
        expect(figures.refused).toBe(0);
        expect(figures.overshoot).toBeLessThanOrEqual(0);
        expect(figures.waited / figures.asked).toBeLessThanOrEqual(0.05);
        expect(figures.waitMsMax).toBeLessThan(REPLY_MS);
        expect(figures.placesLeft).toBe(0);
      });
    }
    for (const [name, play] of Object.entries(atLine)) {
      test(`${nodes} processes at the line admit no more and no less: ${name}`, async () => {
        const figures = told(name, await simulate({ ...play, nodes, seconds: SECONDS, seed: nodes }));
        expect(figures.refused).toBeGreaterThan(100);
        expect(figures.overshoot).toBeLessThanOrEqual(0);
        expect(figures.phantoms).toBe(0);
        // A correction that another process is just reporting may not be known yet.
        const far = figures.retryErrorsMs.filter((ms) => ms > 50).length;
        expect(far).toBeLessThanOrEqual(0.005 * figures.refused);
        expect(figures.placesLeft).toBe(0);
      });
    }
  }
});

describe('an authority that cannot be reached', () => {
  for (const state of ['refuses', 'hangs'] as const) {
    test(`nobody is refused below the line, and nobody waits, while it ${state}`, async () => {
      const figures = await simulate({
        rules: atLine.requests?.rules ?? [],
        requestsPerSecond: 4,
        nodes: 4,
        seconds: 200,
        seed: 3,
        play: (fleet, time) => {
          for (const { way } of fleet.members) {
            time.after(60_000, () => {
              way.state = state;
            });
            time.after(120_000, () => {
              way.state = 'open';
            });
          }
        },
      });
      told(state, figures);
      expect(figures.refused).toBe(0);
      expect(figures.overshoot).toBeLessThanOrEqual(0);
      expect(figures.waitMsMax).toBeLessThanOrEqual(51);
      expect(percentile(figures.waitsMs, 0.99)).toBeLessThanOrEqual(5);
    });
  }
});

const MINUTE_MS = 60_000;
const requests: LimitRule = { measure: 'requests', amount: 100, windowMs: MINUTE_MS, scope: {}, each: [] };
const places: LimitRule = { measure: 'concurrency', amount: 10, windowMs: 0, scope: {}, each: [] };
const unsent = { wasUnsent: true, inputTokens: 0, outputTokens: 0 };

/** A fleet in a time of its own, and what one of its processes answers. */
function fleetOf(size: number, ...rules: LimitRule[]) {
  const time = new VirtualTime(1_700_000_000_000);
  const fleet = new Fleet(size, rules, time, randomFrom(5));
  const [one, other] = fleet.members;
  if (one === undefined || other === undefined) throw new Error('A fleet has two processes at least.');
  const ask = async ({ limiter }: Member): Promise<Admission | Refusal> => {
    const who = { caller: fleet.caller, model: 'gpt-4o', endUser: undefined, tags: [] };
    const verdict = limiter.admit(limiter.rulesOf(fleet.caller)?.exchange ?? [], who, () => undefined);
    let done: Admission | Refusal | undefined;
    void Promise.resolve(verdict).then((verdict) => {
      done = verdict;
    });
    await new Promise(setImmediate);
    for (let ms = 0; done === undefined && ms < 1_000; ms++) await time.runUntil(time.nowMs + 1);
    if (done === undefined) throw new Error('No answer within a second.');
    return done;
  };
  const admitted = async (member: Member, times: number): Promise<Admission[]> => {
    const admissions: Admission[] = [];
    for (let turn = 0; turn < times; turn++) {
      const verdict = await ask(member);
      if (verdict instanceof Admission) admissions.push(verdict);
    }
    return admissions;
  };
  const refused = async (member: Member): Promise<Refusal> => {
    const verdict = await ask(member);
    if (verdict instanceof Admission) throw new Error('Admitted.');
    return verdict;
  };
  return { time, fleet, one, other, admitted, refused };
}

describe('several processes', () => {
  test('a request comes back to another process after its Retry-After, and not a moment before', async () => {
    const { time, one, other, admitted, refused } = fleetOf(4, requests);
    expect(await admitted(one, 1)).toHaveLength(1);
    await time.runUntil(time.nowMs + 20_000);
    expect(await admitted(other, 99)).toHaveLength(99);
    const { retryAfterMs, used, reason } = await refused(one);
    expect({ used, reason }).toEqual({ used: 100, reason: 'wait' });
    await time.runUntil(time.nowMs + retryAfterMs - 50);
    await refused(other);
    await time.runUntil(time.nowMs + 50);
    expect(await admitted(other, 1)).toHaveLength(1);
    await refused(one);
  });

  test('what ended before anything was sent is free again everywhere', async () => {
    const { one, other, admitted, refused } = fleetOf(2, requests, places);
    const admissions = [...(await admitted(one, 6)), ...(await admitted(other, 6))];
    expect(admissions).toHaveLength(10);
    expect((await refused(one)).reason).toBe('busy');
    for (const admission of admissions) admission.settle(unsent);
    expect(await admitted(other, 12)).toHaveLength(10);
  });

  test('all rules or none: what a full one refuses, the others have not counted', async () => {
    const { one, other, admitted, refused } = fleetOf(2, requests, places);
    const admissions = await admitted(one, 10);
    for (let turn = 0; turn < 50; turn++) await refused(other);
    for (const admission of admissions) admission.settle(unsent);
    let taken = 0;
    for (let turn = 0; turn < 120; turn++) {
      for (const admission of await admitted(turn % 2 === 0 ? one : other, 1)) {
        admission.settle({ ...unsent, wasUnsent: false });
        taken++;
      }
    }
    expect(taken).toBe(100);
  });

  test('places of a process that died are free again when its lease has lapsed; what it used goes on counting', async () => {
    const { time, one, other, admitted, refused } = fleetOf(2, requests, places);
    expect(await admitted(one, 10)).toHaveLength(10);
    await time.runUntil(time.nowMs + 1_000);
    one.way.state = 'refuses';
    await time.runUntil(time.nowMs + 30_000);
    expect((await refused(other)).reason).toBe('busy');
    await time.runUntil(time.nowMs + 20_000);
    const admissions = await admitted(other, 12);
    expect(admissions).toHaveLength(10);
    for (const admission of admissions) admission.settle({ ...unsent, wasUnsent: false });
    const standing = (await refusedAfter(other, admitted, refused)).used;
    expect(standing).toBe(100);
  });

  test('an authority that lost its memory is told again what counts', async () => {
    const { time, fleet, one, other, admitted, refused } = fleetOf(2, requests);
    expect(await admitted(one, 50)).toHaveLength(50);
    expect(await admitted(other, 49)).toHaveLength(49);
    await time.runUntil(time.nowMs + 1_000);
    fleet.forget();
    // Each is heard of within a quarter of a lease's life.
    await time.runUntil(time.nowMs + 13_000);
    expect([...(await admitted(one, 5)), ...(await admitted(other, 5))]).toHaveLength(1);
    const { retryAfterMs } = await refused(one);
    expect(Math.abs(MINUTE_MS - 14_000 - retryAfterMs)).toBeLessThan(200);
  });

  test('without the authority each goes on by its own count and what it knew of others; then all counts again', async () => {
    const { time, fleet, one, other, admitted, refused } = fleetOf(2, requests);
    expect(await admitted(one, 30)).toHaveLength(30);
    expect(await admitted(other, 30)).toHaveLength(30);
    await time.runUntil(time.nowMs + 1_000);
    for (const { way } of fleet.members) way.state = 'refuses';
    const inOutage = (await admitted(one, 90)).length;
    expect(inOutage).toBeLessThanOrEqual(70);
    expect(inOutage).toBeGreaterThanOrEqual(40);
    // What others had left the window: all of the limit is each one's own.
    await time.runUntil(time.nowMs + 70_000);
    expect(await admitted(one, 110)).toHaveLength(100);
    expect(await admitted(other, 110)).toHaveLength(100);
    for (const { way } of fleet.members) way.state = 'open';
    await time.runUntil(time.nowMs + 3_000);
    await refused(one);
    await time.runUntil(time.nowMs + 60_000);
    expect([...(await admitted(one, 70)), ...(await admitted(other, 70))]).toHaveLength(100);
  });

  test('a limit may refuse what cannot be asked for, at once', async () => {
    const { time, fleet, one, admitted, refused } = fleetOf(2, { ...requests, amount: 10, unreachable: 'refuse' });
    expect(await admitted(one, 2)).toHaveLength(2);
    for (const { way } of fleet.members) way.state = 'hangs';
    expect((await refused(one)).reason).toBe('unknown');
    const startedMs = time.nowMs;
    for (let turn = 0; turn < 10; turn++) expect((await refused(one)).reason).toBe('unknown');
    expect(time.nowMs - startedMs).toBe(0);
    for (const { way } of fleet.members) way.state = 'open';
    await time.runUntil(time.nowMs + 4_000);
    expect(await admitted(one, 10)).toHaveLength(8);
  });
});

/** Takes what is left, and is refused. */
async function refusedAfter(
  member: Member,
  admitted: (member: Member, times: number) => Promise<Admission[]>,
  refused: (member: Member) => Promise<Refusal>,
): Promise<Refusal> {
  for (;;) {
    const [admission] = await admitted(member, 1);
    if (admission === undefined) return refused(member);
    admission.settle({ wasUnsent: false, inputTokens: 0, outputTokens: 0 });
  }
}
