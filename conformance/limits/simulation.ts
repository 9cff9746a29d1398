import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import type { Caller } from '@turnpike/gateway/policy/caller.ts';
import { Admission } from '@turnpike/gateway/policy/limits/admission.ts';
import type { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import type { Refusal } from '@turnpike/gateway/policy/limits/refusal.ts';
import { randomFrom } from '../random.ts';
import { ExactLaw } from './exact-law.ts';
import { Fleet } from './fleet.ts';
import { type Time, VirtualTime } from './virtual-time.ts';

export interface Scene {
  readonly seed: number;
  readonly nodes: number;
  readonly rules: readonly LimitRule[];
  /** Of all processes together, in each second; arrivals are as random as of many independent clients. */
  readonly requestsPerSecond: number;
  /** Come at once, now and then, beside them. */
  readonly burst?: number;
  readonly seconds: number;
  /** What a request may take, at most, and then takes a part of. */
  readonly tokensMax?: number;
  /** How long an exchange lasts, at most. */
  readonly lastsMsMax?: number;
  /** What happens meanwhile. */
  readonly play?: (fleet: Fleet, time: VirtualTime) => void;
  /** Refusals and admissions are not held against the exact law meanwhile, in seconds from the start. */
  readonly unjudged?: readonly [fromSecond: number, toSecond: number];
}

/** What a run came to. */
export interface Figures {
  asked: number;
  admitted: number;
  refused: number;
  /** Requests that waited for the authority. */
  waited: number;
  /** The longest wait, in milliseconds. */
  waitMsMax: number;
  /** Waits of all requests, for percentiles. */
  readonly waitsMs: number[];
  /** The most that was admitted in one window beyond a limit, as a part of it. */
  overshoot: number;
  /** Refused although it had fitted at every instant since it asked. */
  phantoms: number;
  /** How far `Retry-After` was from the instant at which it fits, in milliseconds, the worst and all. */
  retryErrorMsMax: number;
  readonly retryErrorsMs: number[];
  calls: number;
  /** Places still taken when all exchanges had ended. */
  placesLeft: number;
}

/** Processes that count together, and one caller of theirs. */
export interface Stage {
  readonly members: readonly { readonly limiter: Limiter }[];
  readonly caller: Caller;
  /** Calls to the authority so far. */
  readonly calls: number;
}

const START_MS = 1_700_000_000_000;
/** After the last request everything ends, and what was leased is given back. */
const ENDS_MS = 120_000;

/** Plays a scene against the exact law, in simulated time. */
export async function simulate(scene: Scene): Promise<Figures> {
  const time = new VirtualTime(START_MS);
  const random = randomFrom(scene.seed);
  const fleet = new Fleet(scene.nodes, scene.rules, time, random);
  scene.play?.(fleet, time);
  return playOn(fleet, scene, time, random, ENDS_MS);
}

/** Plays a scene against the exact law. @param endsMs How long it goes on after the last request. */
export async function playOn(
  stage: Stage,
  scene: Scene,
  time: Time,
  random: () => number,
  endsMs: number,
): Promise<Figures> {
  const startMs = time.nowMs;
  const laws = scene.rules.map(({ amount, windowMs, measure }) => {
    // Where slots are shared, a request may have to wait that much longer than by the law.
    const slotMs = measure === 'requests' && amount <= 4_096 ? 1 : Math.max(1, windowMs / 4_096);
    return {
      exact: new ExactLaw(amount, windowMs === 0 ? Number.POSITIVE_INFINITY : windowMs),
      late: new ExactLaw(amount, windowMs === 0 ? Number.POSITIVE_INFINITY : windowMs + slotMs + 1),
    };
  });
  const figures = newFigures();
  const judge = new Judge(scene, laws, figures, startMs);
  const arrive = (limiter: Limiter) => void ask(stage.caller, limiter, scene, judge, time, random);
  const anyMember = () => stage.members[Math.floor(random() * stage.members.length)]?.limiter as Limiter;
  const next = () => {
    if (time.nowMs > startMs + scene.seconds * 1_000) return;
    arrive(anyMember());
    time.after((-Math.log(1 - random()) * 1_000) / scene.requestsPerSecond, next);
  };
  time.after(0, next);
  if (scene.burst !== undefined) {
    for (let second = 7; second < scene.seconds; second += 13) {
      time.after(second * 1_000, () => {
        for (let one = 0; one < (scene.burst ?? 0); one++) arrive(anyMember());
      });
    }
  }
  await time.runUntil(startMs + scene.seconds * 1_000 + endsMs);
  figures.calls = stage.calls;
  figures.placesLeft = judge.placesLeft;
  return figures;
}

interface Law {
  readonly exact: ExactLaw;
  readonly late: ExactLaw;
}

interface Asking {
  readonly tokens: number;
  hasFitted: boolean;
}

class Judge {
  readonly #asking = new Set<Asking>();
  readonly #scene: Scene;
  readonly #laws: readonly Law[];
  readonly figures: Figures;
  readonly #weights: (measure: LimitRule['measure'], tokens: number) => number;
  readonly #startMs: number;

  constructor(scene: Scene, laws: readonly Law[], figures: Figures, startMs: number) {
    this.#startMs = startMs;
    this.#scene = scene;
    this.#laws = laws;
    this.figures = figures;
    this.#weights = (measure, tokens) => (measure === 'requests' || measure === 'concurrency' ? 1 : tokens);
  }

  get placesLeft(): number {
    return this.#laws.reduce(
      (sum, { exact }) => sum + (Number.isFinite(exact.windowMs) ? 0 : exact.used(Number.MAX_VALUE)),
      0,
    );
  }

  fits(nowMs: number, tokens: number): boolean {
    return this.#laws.every(({ late }, at) => late.used(nowMs) + this.#weight(at, tokens) <= late.amount);
  }

  /** Watches one that asks for whether it fits all the while. */
  asks(nowMs: number, tokens: number): Asking {
    const asking = { tokens, hasFitted: this.fits(nowMs, tokens) };
    this.#asking.add(asking);
    return asking;
  }

  admitted(nowMs: number, asking: Asking): (actual: number, nowMs: number) => void {
    const { tokens } = asking;
    this.#asking.delete(asking);
    const isJudged = this.#isJudged(nowMs);
    const entries = this.#laws.map(({ exact, late }, at) => {
      const weight = this.#weight(at, tokens);
      const over = (exact.used(nowMs) + weight - exact.amount) / exact.amount;
      if (isJudged) this.figures.overshoot = Math.max(this.figures.overshoot, over);
      return { exact: exact.add(nowMs, weight), late: late.add(nowMs, weight) };
    });
    for (const other of this.#asking) other.hasFitted &&= this.fits(nowMs, other.tokens);
    return (actual, nowMs) => {
      for (const [at, { exact, late }] of this.#laws.entries()) {
        const { measure } = this.#scene.rules[at] as LimitRule;
        const weight = measure === 'concurrency' ? 0 : this.#weight(at, actual);
        const entry = entries[at];
        if (entry === undefined) continue;
        exact.change(entry.exact, weight, nowMs);
        late.change(entry.late, weight, nowMs);
      }
    };
  }

  refused(nowMs: number, asking: Asking, { reason, retryAfterMs }: Refusal): void {
    const { tokens, hasFitted } = asking;
    this.#asking.delete(asking);
    this.figures.refused++;
    if (!this.#isJudged(nowMs)) return;
    if (hasFitted) this.figures.phantoms++;
    if (reason !== 'wait') return;
    const fitsAtMs = Math.max(
      ...this.#laws.map(({ exact }, at) =>
        Number.isFinite(exact.windowMs) ? exact.fitsAtMs(nowMs, this.#weight(at, tokens)) : nowMs,
      ),
    );
    const errorMs = Math.abs(nowMs + retryAfterMs - fitsAtMs);
    this.figures.retryErrorsMs.push(errorMs);
    this.figures.retryErrorMsMax = Math.max(this.figures.retryErrorMsMax, errorMs);
  }

  #weight(at: number, tokens: number): number {
    return this.#weights((this.#scene.rules[at] as LimitRule).measure, tokens);
  }

  #isJudged(nowMs: number): boolean {
    const second = (nowMs - this.#startMs) / 1_000;
    const [from, to] = this.#scene.unjudged ?? [0, 0];
    return second < from || second >= to;
  }
}

async function ask(
  caller: Caller,
  limiter: Limiter,
  { tokensMax = 1, lastsMsMax = 0 }: Scene,
  judge: Judge,
  time: Time,
  random: () => number,
): Promise<void> {
  const { figures } = judge;
  const tokens = 1 + Math.floor(random() * tokensMax);
  const startedMs = time.nowMs;
  const asking = judge.asks(limiter.now(), tokens);
  figures.asked++;
  const cost = { inputTokens: tokens, outputTokens: 0, isBounded: true, answers: 1 };
  const rules = limiter.rulesOf(caller)?.exchange ?? [];
  const who = { caller, model: 'gpt-4o', endUser: undefined, tags: [] };
  const asked = limiter.admit(rules, who, () => cost);
  if (asked instanceof Promise) figures.waited++;
  const verdict = asked instanceof Promise ? await asked : asked;
  const waitMs = time.nowMs - startedMs;
  figures.waitsMs.push(waitMs);
  figures.waitMsMax = Math.max(figures.waitMsMax, waitMs);
  if (!(verdict instanceof Admission)) {
    judge.refused(limiter.now(), asking, verdict);
    return;
  }
  figures.admitted++;
  const correct = judge.admitted(limiter.now(), asking);
  if (lastsMsMax > 0) await time.sleep(random() * lastsMsMax);
  const actual = 1 + Math.floor(random() * tokens);
  correct(actual, limiter.now());
  verdict.settle({ wasUnsent: false, inputTokens: actual, outputTokens: 0 });
}

function newFigures(): Figures {
  return {
    asked: 0,
    admitted: 0,
    refused: 0,
    waited: 0,
    waitMsMax: 0,
    waitsMs: [],
    overshoot: 0,
    phantoms: 0,
    retryErrorMsMax: 0,
    retryErrorsMs: [],
    calls: 0,
    placesLeft: 0,
  };
}
