import { parseArgs } from 'node:util';
import { Admission, type Hold } from '@turnpike/gateway/policy/limits/admission.ts';
import { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import type { Refusal } from '@turnpike/gateway/policy/limits/refusal.ts';
import { randomFrom } from '../random.ts';
import { type Rig, startRig } from '../rig.ts';
import { ExactLaw } from './exact-law.ts';
import { percentile } from './figures.ts';

/** Limits, and more requests than they allow. */
interface Play {
  /** Entries of a key's `limits`. */
  readonly limits: readonly { requests: number; per: string; windowMs: number; endUser?: string; queue?: object }[];
  readonly requestsPerSecond: number;
  /** End users that ask, in turn. */
  readonly users: number;
}

/** What the limits of the gateway decided, as they did: the instant is that of their own clock. */
interface Decision {
  readonly user: string;
  readonly atMs: number;
  /** Set when it was refused. */
  readonly retryAfterMs?: number;
  readonly hasWaited: boolean;
}

/** What a play came to. */
interface RealFigures {
  asked: number;
  admitted: number;
  refused: number;
  waited: number;
  /** The most beyond a limit in one window, as a part of it. */
  overshoot: number;
  /** From the instant that a refusal named to the one at which it fits, in milliseconds. */
  retryErrorsMs: number[];
  /** What refused requests took, there and back: so much later at most does a client come back. */
  roundTripsMs: number[];
  /** How long after the instant at which it fitted a request that waited was admitted, in milliseconds. */
  wakeErrorsMs: number[];
}

const plays: Readonly<Record<string, Play>> = {
  'requests per second': {
    limits: [{ requests: 50, per: '1s', windowMs: 1_000 }],
    requestsPerSecond: 120,
    users: 1,
  },
  'three windows': {
    limits: [
      { requests: 20, per: '500ms', windowMs: 500 },
      { requests: 60, per: '2s', windowMs: 2_000 },
      { requests: 200, per: '8s', windowMs: 8_000 },
    ],
    requestsPerSecond: 80,
    users: 1,
  },
  'each end user': {
    limits: [{ requests: 10, per: '1s', windowMs: 1_000, endUser: '*' }],
    requestsPerSecond: 150,
    users: 8,
  },
  'a queue': {
    limits: [{ requests: 50, per: '1s', windowMs: 1_000, queue: { maxWait: '2s', maxLength: 60 } }],
    requestsPerSecond: 90,
    users: 1,
  },
};

/** Plays against a running gateway, over sockets, in real time. */
async function playFor(play: Play, seconds: number, seed: number): Promise<RealFigures> {
  const limits = play.limits.map(({ windowMs: _windowMs, ...entry }) => entry);
  const { decisions, stop } = tapLimits();
  const rig = await startRig({ config: { keys: [{ name: 'crowd', key: KEY, limits }] } });
  try {
    const roundTripsMs = await ask(rig, play, seconds, randomFrom(seed));
    return { ...judge(play, decisions), roundTripsMs };
  } finally {
    await rig.stop();
    stop();
  }
}

const KEY = 'sk-real-time-0123456789';

/** Notes what limiters in this process decide. */
function tapLimits(): { decisions: Decision[]; stop: () => void } {
  const decisions: Decision[] = [];
  const { admit } = Limiter.prototype;
  Limiter.prototype.admit = function (rules, subject, cost, options) {
    const user = subject.endUser ?? '';
    const verdict = admit.call(this, rules, subject, cost, options);
    const note = (verdict: Admission | Refusal, hasWaited: boolean) => {
      if (!(verdict instanceof Admission)) {
        decisions.push({ user, atMs: this.now(), retryAfterMs: verdict.retryAfterMs, hasWaited });
        return;
      }
      const [hold] = verdict.standings as readonly Partial<Hold>[];
      decisions.push({ user, atMs: hold?.atMs ?? this.now(), hasWaited });
    };
    if (verdict instanceof Promise) void verdict.then((verdict) => note(verdict, true));
    else note(verdict, false);
    return verdict;
  };
  return {
    decisions,
    stop: () => {
      Limiter.prototype.admit = admit;
    },
  };
}

/** @returns how long refused requests took, there and back, in milliseconds. */
async function ask(rig: Rig, play: Play, seconds: number, random: () => number): Promise<number[]> {
  const asked: Promise<number | undefined>[] = [];
  const untilMs = performance.now() + seconds * 1_000;
  for (let turn = 0; performance.now() < untilMs; turn++) {
    asked.push(askOnce(rig, `user-${turn % play.users}`));
    await Bun.sleep((-Math.log(1 - random()) * 1_000) / play.requestsPerSecond);
  }
  return (await Promise.all(asked)).filter((ms) => ms !== undefined);
}

async function askOnce({ url }: Rig, user: string): Promise<number | undefined> {
  const askedMs = performance.now();
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'openai-chat', user, max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] }),
  });
  const tookMs = performance.now() - askedMs;
  await answer.arrayBuffer();
  if (answer.status !== 200 && answer.status !== 429)
    throw new Error(`An answer of ${answer.status} was not expected.`);
  return answer.status === 429 ? tookMs : undefined;
}

function judge({ limits }: Play, decisions: readonly Decision[]): Omit<RealFigures, 'roundTripsMs'> {
  const figures = { asked: decisions.length, admitted: 0, refused: 0, waited: 0, overshoot: 0 };
  const retryErrorsMs: number[] = [];
  const wakeErrorsMs: number[] = [];
  const admittedMs: number[] = [];
  const hasQueue = limits.some(({ queue }) => queue !== undefined);
  const lawsOf = new Map<string, ExactLaw[]>();
  const inOrder = hasQueue ? decisions.toSorted((one, other) => one.atMs - other.atMs) : decisions;
  for (const { user, atMs, retryAfterMs, hasWaited } of inOrder) {
    const laws = lawsOf.get(user) ?? limits.map(({ requests, windowMs }) => new ExactLaw(requests, windowMs));
    lawsOf.set(user, laws);
    if (retryAfterMs !== undefined) {
      figures.refused++;
      // With a queue it depends on those that wait: the suite holds that in simulated time.
      if (hasQueue) continue;
      const fitsAtMs = Math.max(...laws.map((law) => law.fitsAtMs(atMs, 1)));
      retryErrorsMs.push(Math.abs(atMs + retryAfterMs - fitsAtMs));
      continue;
    }
    figures.admitted++;
    for (const law of laws) {
      figures.overshoot = Math.max(figures.overshoot, (law.used(atMs) + 1 - law.amount) / law.amount);
      law.add(atMs, 1);
    }
    // Under one limit: what it waited for was the one that many places before it.
    const [limit] = limits;
    const kept = admittedMs.at(-(limit?.requests ?? 0));
    if (hasWaited && admittedMs.length >= (limit?.requests ?? 0) && kept !== undefined) {
      figures.waited++;
      wakeErrorsMs.push(atMs - kept - (limit?.windowMs ?? 0));
    }
    admittedMs.push(atMs);
  }
  return { ...figures, retryErrorsMs, wakeErrorsMs };
}

function lineOf({ asked, admitted, refused, waited, overshoot, ...errors }: RealFigures): string {
  const spread = (values: readonly number[]) =>
    `p50 ${percentile(values, 0.5).toFixed(1)}, p99 ${percentile(values, 0.99).toFixed(1)}, at most ${percentile(values, 1).toFixed(1)} ms`;
  const { retryErrorsMs, wakeErrorsMs, roundTripsMs } = errors;
  return [
    `${asked} asked, ${admitted} admitted, ${refused} refused`,
    `overshoot ${(100 * overshoot).toFixed(2)} %`,
    ...(retryErrorsMs.length > 0 ? [`Retry-After off by ${spread(retryErrorsMs)}`] : []),
    ...(roundTripsMs.length > 0 ? [`refusals took ${spread(roundTripsMs)}`] : []),
    ...(waited > 0 ? [`${waited} waited, and were admitted ${spread(wakeErrorsMs)} after it fitted`] : []),
  ].join('; ');
}

/**
 * Prints what the limits of one process come to, over sockets and in real time, against the exact law:
 * `bun run conformance/limits/real-time.ts --seconds 20`.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seconds: { type: 'string', default: '20' }, seed: { type: 'string', default: '1' } },
  });
  for (const [name, play] of Object.entries(plays)) {
    console.log(`${name}: ${lineOf(await playFor(play, Number(values.seconds), Number(values.seed)))}`);
  }
}

if (import.meta.main) await main();
