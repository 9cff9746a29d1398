import type { QueueRule } from './limit-queue.ts';
import type { LimitRule } from './limit-rule.ts';
import { defaultProblem, readRuleAbout, scopeTypeOf } from './rule-about.ts';
import type { LimitEntry } from './rule-schemas.ts';

const measures = ['requests', 'tokens', 'inputTokens', 'outputTokens', 'concurrency'] as const;

const windowsMs: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
};
const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longest window: a year. */
const WINDOW_MS_MAX = 366 * 86_400_000;
const WAIT_MS_MAX = 3_600_000;
const QUEUE_LENGTH = 100;

/** The rules an entry of a `limits` list stands for, one for each thing it counts; or what is wrong with it. */
export function readLimitEntry(entry: LimitEntry): readonly LimitRule[] | { message: string; hint: string } {
  const counted = measures.filter((measure) => entry[measure] !== undefined);
  if (counted.length === 0) return { message: 'limits nothing', hint: `Give it one of ${measures.join(', ')}.` };
  const windowMs = entry.per === undefined ? undefined : windowOf(entry.per);
  if (windowMs === undefined && counted.some((measure) => measure !== 'concurrency')) {
    return { message: 'has no window', hint: 'Add per: second, minute, hour, day, or a length such as 15m.' };
  }
  if (windowMs !== undefined && counted.every((measure) => measure === 'concurrency')) {
    return { message: 'has a window, and concurrency needs none', hint: 'Take per out.' };
  }
  if (windowMs !== undefined && windowMs > WINDOW_MS_MAX) {
    return { message: 'has a window longer than a year', hint: 'Use a shorter one.' };
  }
  const queue = entry.queue === undefined ? undefined : readQueue(entry);
  if (queue !== undefined && 'message' in queue) return queue;
  const problem = defaultProblem(entry);
  if (problem !== undefined) return problem;
  const about = { ...readRuleAbout(entry), ...(entry.default === true && { isDefault: true }) };
  return counted.map((measure) => ({
    measure,
    amount: entry[measure] ?? 0,
    windowMs: measure === 'concurrency' ? 0 : (windowMs ?? 0),
    ...about,
    ...(entry.unreachable !== undefined && { unreachable: entry.unreachable }),
    ...(queue !== undefined && { queue }),
  }));
}

function readQueue({ queue, scope, each }: LimitEntry): QueueRule | { message: string; hint: string } {
  if (scope?.provider !== undefined || each?.includes('provider') === true) {
    return { message: 'has a queue, and is about a provider', hint: 'What is full is passed over: take queue out.' };
  }
  const maxWaitMs = lengthOf(queue?.maxWait ?? '');
  if (!(maxWaitMs > 0 && maxWaitMs <= WAIT_MS_MAX)) {
    return { message: 'has a queue whose maxWait is longer than an hour', hint: 'Use a shorter one.' };
  }
  return {
    maxWaitMs,
    lengthMax: queue?.maxLength ?? QUEUE_LENGTH,
    by: scopeTypeOf(queue?.by ?? 'key'),
    shares: (queue?.shares ?? []).map(({ id, weight = 1, priority = 'normal' }) => ({ id, weight, priority })),
    mayRaise: queue?.priorityHeader === 'any',
  };
}

function windowOf(per: string): number {
  const named = windowsMs[per];
  if (named !== undefined) return named;
  return lengthOf(per);
}

/** Milliseconds of `90s`, `15m` …; NaN of anything else. */
function lengthOf(text: string): number {
  const unit = /[a-z]+$/.exec(text)?.[0] ?? '';
  return Number.parseInt(text, 10) * (unitsMs[unit] ?? Number.NaN);
}
