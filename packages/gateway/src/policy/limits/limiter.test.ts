import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import type { LimitRule } from '../../config/limit-rule.ts';
import type { RuleSubject } from '../rule-scope.ts';
import type { Scope } from '../scope.ts';
import { Admission } from './admission.ts';
import { callerOf, rule, subject } from './limiter.test-support.ts';
import { Limiter } from './limiter.ts';
import type { Refusal } from './refusal.ts';

const team: Scope = { type: 'team', id: 'web' };
const web = callerOf('web-key', [team, { type: 'tag', id: 'batch' }]);
const other = callerOf('other-key', [team]);

const MINUTE = 60_000;

function tokens(inputTokens: number, outputTokens = 0, isBounded = true) {
  return { inputTokens, outputTokens, isBounded, answers: 1 };
}

const gone = { wasUnsent: false, inputTokens: 0, outputTokens: 0 };

/** A limiter with a clock of its own. */
function limiterOf(...rules: LimitRule[]) {
  const time = { nowMs: 1_000 };
  const limiter = new Limiter({ clock: () => time.nowMs });
  limiter.apply(rules);
  const admit = (who: RuleSubject, cost: ReturnType<typeof tokens> | undefined = undefined): Admission | Refusal => {
    const verdict = limiter.admit(limiter.rulesOf(who.caller)?.exchange ?? [], who, () => cost);
    if (verdict instanceof Promise) throw new Error('One process has nobody to ask.');
    return verdict;
  };
  return { time, limiter, admit };
}

function admitted(verdict: Admission | Refusal): Admission {
  if (verdict instanceof Admission) return verdict;
  throw new Error(`Refused: ${verdict.label}`);
}

function refused(verdict: Admission | Refusal): Refusal {
  if (verdict instanceof Admission) throw new Error('Admitted.');
  return verdict;
}

describe('Limiter', () => {
  test('does what a plain model of all rules does, over thousands of histories', () => {
    const rules = [
      rule('requests', 5, 1_000, { key: 'web-key' }),
      rule('tokens', 60, 3_000),
      rule('requests', 7, 2_000, { team: 'web', model: 'gpt-*' }),
      rule('inputTokens', 25, 700, {}, ['model']),
      rule('concurrency', 3, 0, { team: 'web' }),
    ];
    const step = fc.record({
      // The clock may go back; the gateway's time then stands still.
      waitMs: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: 0, max: 400 }) },
        { weight: 1, arbitrary: fc.integer({ min: -800, max: 0 }) },
      ),
      caller: fc.constantFrom(web, other),
      model: fc.constantFrom('gpt-4o', 'gpt-mini', 'claude'),
      input: fc.integer({ min: 1, max: 30 }),
      output: fc.integer({ min: 0, max: 20 }),
      ends: fc.option(
        fc.record({
          at: fc.nat({ max: 4 }),
          share: fc.double({ min: 0, max: 1.2, noNaN: true }),
          wasUnsent: fc.boolean(),
        }),
      ),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { time, admit } = limiterOf(...rules);
        const model = new PlainModel();
        const running: { admission: Admission; entry: PlainEntry }[] = [];
        let latestMs = 0;
        for (const { waitMs, caller, model: name, input, output, ends } of steps) {
          time.nowMs += waitMs;
          latestMs = Math.max(latestMs, time.nowMs);
          const entry = { atMs: latestMs, key: caller.name, model: name, input, output, counts: 1, isRunning: true };
          const verdict = admit(subject(caller, { model: name }), tokens(input, output));
          const expected = model.refusal(entry);
          if (verdict instanceof Admission) {
            expect(expected).toBeUndefined();
            running.push({ admission: verdict, entry });
            model.entries.push(entry);
          } else {
            expect({ reason: verdict.reason, retryAfterMs: verdict.retryAfterMs }).toEqual(expected as never);
          }
          const ending = ends === null ? undefined : running[ends.at];
          if (ending === undefined || ends === null) continue;
          const end = {
            wasUnsent: ends.wasUnsent,
            inputTokens: Math.floor(ending.entry.input * ends.share),
            outputTokens: Math.floor(ending.entry.output * ends.share),
          };
          // Twice: only the first counts.
          ending.admission.settle(end);
          ending.admission.settle({ wasUnsent: true, inputTokens: 0, outputTokens: 0 });
          if (ending.entry.isRunning) model.end(ending.entry, end, latestMs);
        }
      }),
      { numRuns: 3_000, seed: 1_121 },
    );
  });

  test('refuses by all rules or none: a refusal counts nowhere', () => {
    const { admit } = limiterOf(rule('requests', 100, MINUTE), rule('requests', 1, MINUTE, { model: 'claude' }));
    admitted(admit(subject(web, { model: 'claude' })));
    for (let turn = 0; turn < 500; turn++) refused(admit(subject(web, { model: 'claude' })));
    for (let turn = 0; turn < 99; turn++) admitted(admit(subject(web)));
    expect(refused(admit(subject(web))).used).toBe(100);
  });

  test('tells the instant at which all of several rules admit', () => {
    const { time, admit } = limiterOf(
      rule('requests', 1, 1_000),
      rule('requests', 2, MINUTE),
      rule('tokens', 50, 9_000),
    );
    admitted(admit(subject(web), tokens(30)));
    time.nowMs += 400;
    expect(refused(admit(subject(web), tokens(30))).retryAfterMs).toBe(8_600);
    time.nowMs += 600;
    admitted(admit(subject(web), tokens(20)));
    const refusal = refused(admit(subject(web), tokens(1)));
    expect(refusal).toMatchObject({ reason: 'wait', label: '2 requests per minute', retryAfterMs: 59_000 });
    time.nowMs += 59_000 - 0.001;
    refused(admit(subject(web), tokens(1)));
    time.nowMs += 0.001;
    admitted(admit(subject(web), tokens(1)));
  });

  test('says never, and no time, when a request is larger than the limit', () => {
    const { admit } = limiterOf(rule('tokens', 100, MINUTE), rule('concurrency', 1, 0));
    expect(refused(admit(subject(web), tokens(90, 11)))).toMatchObject({ reason: 'never', weight: 101 });
    admitted(admit(subject(web), tokens(90, 10)));
    expect(refused(admit(subject(web), tokens(90, 11))).reason).toBe('never');
  });

  test('a guess at the output keeps nothing out for ever', () => {
    const { admit } = limiterOf(rule('tokens', 100, MINUTE), rule('outputTokens', 50, MINUTE));
    const admission = admitted(admit(subject(web), tokens(60, 512, false)));
    expect(refused(admit(subject(web), tokens(60, 512, false))).reason).toBe('wait');
    admission.settle({ wasUnsent: false, inputTokens: 20, outputTokens: 10 });
    expect(refused(admit(subject(web), tokens(80, 0))).reason).toBe('wait');
    admitted(admit(subject(web), tokens(30, 40)));
  });

  test('counts concurrency until the end, and gives each place back once', () => {
    const { admit, time } = limiterOf(rule('concurrency', 2, 0, { team: 'web' }));
    const first = admitted(admit(subject(web)));
    const second = admitted(admit(subject(other)));
    expect(refused(admit(subject(web)))).toMatchObject({ reason: 'busy', used: 2 });
    first.settle(gone);
    first.settle(gone);
    admitted(admit(subject(web)));
    refused(admit(subject(web)));
    // Hours do not free a place.
    time.nowMs += 90 * MINUTE;
    refused(admit(subject(web)));
    second.settle(gone);
    admitted(admit(subject(web)));
  });

  test('counts by scopes: together by pattern, apart by each, not at all when a scope does not fit', () => {
    const together = limiterOf(rule('requests', 1, MINUTE, { model: 'gpt-*' }));
    admitted(together.admit(subject(web, { model: 'gpt-4o' })));
    refused(together.admit(subject(web, { model: 'gpt-mini' })));
    refused(together.admit(subject(web, { model: 'openai/gpt-mini' })));
    admitted(together.admit(subject(web, { model: 'claude' })));

    const apart = limiterOf(rule('requests', 1, MINUTE, { team: 'web' }, ['key', 'model']));
    admitted(apart.admit(subject(web)));
    admitted(apart.admit(subject(other)));
    admitted(apart.admit(subject(web, { model: 'claude' })));
    refused(apart.admit(subject(web)));
    expect(apart.limiter.rulesOf(callerOf('alone'))).toBeUndefined();

    const tagged = limiterOf(rule('requests', 1, MINUTE, {}, ['tag']));
    admitted(tagged.admit(subject(web)));
    admitted(tagged.admit(subject(other, { tags: ['a', 'b'] })));
    refused(tagged.admit(subject(other, { tags: ['b'] })));
    refused(tagged.admit(subject(other, { tags: ['batch'] })));
    admitted(tagged.admit(subject(other)));
  });

  test('counts end users apart, forgets the one not seen for longest, and keeps no more than its bound', () => {
    const { admit } = limiterOf(rule('requests', 1, MINUTE, { 'end-user': '*' }, ['end-user']));
    const by = (name: string | undefined) => admit(subject(web, { endUser: name }));
    admitted(by('first'));
    admitted(by('kept'));
    for (let number = 0; number < 99_998; number++) by(`user-${number}`);
    refused(by('kept'));
    admitted(by('one more'));
    refused(by('kept'));
    admitted(by('first'));
    for (let turn = 0; turn < 3; turn++) admitted(by(undefined));
  });

  test('a rule that changes only its amount goes on from its counts; another one begins anew', () => {
    const { admit, limiter } = limiterOf(rule('requests', 3, MINUTE, { team: 'web' }));
    for (let turn = 0; turn < 3; turn++) admitted(admit(subject(web)));
    limiter.apply([rule('requests', 5, MINUTE, { team: 'web' })]);
    const [again] = [callerOf('web-key', [team])];
    for (let turn = 0; turn < 2; turn++) admitted(admit(subject(again)));
    expect(refused(admit(subject(again))).used).toBe(5);
    limiter.apply([rule('requests', 3, 2 * MINUTE, { team: 'web' })]);
    admitted(admit(subject(again)));
  });

  test('what was admitted before a change of rules is given back after it', () => {
    const { admit, limiter } = limiterOf(rule('concurrency', 1, 0));
    const admission = admitted(admit(subject(web)));
    limiter.apply([rule('concurrency', 1, 0), rule('requests', 9, MINUTE)]);
    refused(admit(subject(web)));
    admission.settle(gone);
    admitted(admit(subject(web)));
  });
});

interface PlainEntry {
  atMs: number;
  key: string;
  model: string;
  input: number;
  output: number;
  /** 0 when it was taken back. */
  counts: number;
  isRunning: boolean;
}

/** The rules of the first test, each as plain as it can be said. */
class PlainModel {
  readonly entries: PlainEntry[] = [];

  refusal(entry: PlainEntry): { reason: string; retryAfterMs: number } | undefined {
    const of = (fits: (each: PlainEntry) => boolean) => this.entries.filter(fits);
    const waits = [
      entry.key === 'web-key'
        ? this.#wait(
            of((each) => each.key === 'web-key'),
            (each) => each.counts,
            5,
            1_000,
            entry,
          )
        : 0,
      this.#wait(this.entries, (each) => each.input + each.output, 60, 3_000, entry),
      /^gpt-/.test(entry.model)
        ? this.#wait(
            of((each) => /^gpt-/.test(each.model)),
            (each) => each.counts,
            7,
            2_000,
            entry,
          )
        : 0,
      this.#wait(
        of((each) => each.model === entry.model),
        (each) => each.input,
        25,
        700,
        entry,
      ),
    ];
    const wait = Math.max(...waits);
    if (wait === Number.POSITIVE_INFINITY) return { reason: 'never', retryAfterMs: wait };
    if (wait > 0) return { reason: 'wait', retryAfterMs: wait };
    return of((each) => each.isRunning).length >= 3 ? { reason: 'busy', retryAfterMs: 0 } : undefined;
  }

  end(entry: PlainEntry, end: { wasUnsent: boolean; inputTokens: number; outputTokens: number }, nowMs: number): void {
    entry.isRunning = false;
    // What has left a window does not come back, and changes nothing any more.
    if (nowMs >= entry.atMs + 3_000) return;
    entry.input = end.wasUnsent ? 0 : end.inputTokens;
    entry.output = end.wasUnsent ? 0 : end.outputTokens;
    if (end.wasUnsent) entry.counts = 0;
  }

  #wait(
    counted: PlainEntry[],
    weigh: (entry: PlainEntry) => number,
    amount: number,
    windowMs: number,
    entry: PlainEntry,
  ): number {
    const weight = Math.max(weigh === undefined ? 0 : weigh(entry), 1);
    const used = (atMs: number) =>
      counted.reduce((sum, each) => (atMs < each.atMs + windowMs ? sum + weigh(each) : sum), 0);
    const instants = [entry.atMs, ...counted.map((each) => each.atMs + windowMs)].filter((at) => at >= entry.atMs);
    instants.sort((a, b) => a - b);
    return (instants.find((at) => used(at) + weight <= amount) ?? Number.POSITIVE_INFINITY) - entry.atMs;
  }
}
