import type { Fault } from '@turnpike/wire/fault.ts';

/** Longest wait before a try, in milliseconds. A provider that asks for more is not waited for. */
const WAIT_MS_MAX = 30_000;
const BACKOFF_FIRST_MS = 250;
const BACKOFF_MS_MAX = 8_000;

/** Whether a failed try may be followed by another, and after what wait. */
export type RetryVerdict = { type: 'give-up' } | { type: 'skip' } | { type: 'try'; waitMs: number };

/**
 * Judges the next step after `fault`.
 *
 * Another endpoint is tried at once. The same endpoint is tried again only when a repetition can help, after the
 * provider's `Retry-After` or else an exponential backoff with full jitter.
 *
 * @param sameEndpoint Would the next try go where the fault came from?
 * @param repeats How often this endpoint was tried already.
 * @param random Uniform in [0, 1).
 */
export function judgeRetry(fault: Fault, sameEndpoint: boolean, repeats: number, random: () => number): RetryVerdict {
  if (fault.retry !== 'elsewhere') return { type: 'give-up' };
  if (!sameEndpoint) return { type: 'try', waitMs: 0 };
  if (!helpsToRepeat(fault)) return { type: 'skip' };
  if (fault.retryAfterMs !== undefined) {
    return fault.retryAfterMs <= WAIT_MS_MAX ? { type: 'try', waitMs: fault.retryAfterMs } : { type: 'skip' };
  }
  const ceiling = Math.min(BACKOFF_FIRST_MS * 2 ** Math.max(0, repeats - 1), BACKOFF_MS_MAX);
  return { type: 'try', waitMs: ceiling * (0.5 + random() / 2) };
}

/** Credentials and names do not mend themselves in a second. */
function helpsToRepeat(fault: Fault): boolean {
  switch (fault.code) {
    case 'upstream_unauthorized':
    case 'upstream_forbidden':
    case 'upstream_not_found':
    case 'feature_unsupported':
      return false;
    default:
      return true;
  }
}
