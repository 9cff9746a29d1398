import { describe, expect, test } from 'bun:test';
import { Fault, type FaultCode } from '@turnpike/wire/fault.ts';
import { judgeRetry } from './retry.ts';

const half = () => 0.5;

describe('judgeRetry', () => {
  test('a fault of the caller is never tried again', () => {
    for (const code of ['body_invalid', 'upstream_rejected', 'upstream_too_large'] satisfies FaultCode[]) {
      expect(judgeRetry(new Fault(code), false, 0, half)).toEqual({ type: 'give-up' });
    }
  });

  test('another endpoint is tried at once', () => {
    const fault = new Fault('upstream_rate_limited', { retryAfterMs: 60_000 });
    expect(judgeRetry(fault, false, 1, half)).toEqual({ type: 'try', waitMs: 0 });
  });

  test('the same endpoint is tried after the wait its provider asked for', () => {
    const fault = new Fault('upstream_rate_limited', { retryAfterMs: 1_500 });
    expect(judgeRetry(fault, true, 1, half)).toEqual({ type: 'try', waitMs: 1_500 });
  });

  test('a wait longer than half a minute is not waited for', () => {
    const fault = new Fault('upstream_overloaded', { retryAfterMs: 31_000 });
    expect(judgeRetry(fault, true, 1, half)).toEqual({ type: 'skip' });
  });

  test('without advice the waits double up to a bound', () => {
    const waits = [1, 2, 3, 9].map((repeats) =>
      judgeRetry(new Fault('upstream_failed'), true, repeats, () => 0.999999),
    );
    const rounded = waits.map((verdict) => (verdict.type === 'try' ? Math.round(verdict.waitMs) : -1));
    expect(rounded).toEqual([250, 500, 1_000, 8_000]);
  });

  test('a credential that was refused is not offered again', () => {
    expect(judgeRetry(new Fault('upstream_unauthorized'), true, 1, half)).toEqual({ type: 'skip' });
    expect(judgeRetry(new Fault('upstream_unauthorized'), false, 1, half)).toEqual({ type: 'try', waitMs: 0 });
  });
});
