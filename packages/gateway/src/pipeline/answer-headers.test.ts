import { describe, expect, test } from 'bun:test';
import { usd } from '../catalog/decimal.ts';
import { passProviderHeaders } from './answer-headers.ts';

describe('usd', () => {
  test('is exact to the nano-dollar', () => {
    expect(usd(0n)).toBe('0');
    expect(usd(1n)).toBe('0.000000001');
    expect(usd(1_234_000n)).toBe('0.001234');
    expect(usd(12_000_000_000n)).toBe('12');
    expect(usd(9_007_199_254_740_993_123_456_789n)).toBe('9007199254740993.123456789');
    expect(usd(-1_500_000_000n)).toBe('-1.5');
  });
});

test('only headers that clients use pass from the provider', () => {
  const from = new Headers({
    'x-ratelimit-remaining-requests': '9',
    'Anthropic-RateLimit-Tokens-Reset': '2026-01-01T00:00:00Z',
    'request-id': 'req_1',
    'retry-after': '2',
    'set-cookie': 'session=secret',
    'X-RateLimit-Limit-Requests': '10',
    server: 'cloudflare',
    'x-request-id-internal': 'no',
  });
  const to: Record<string, string> = {};
  passProviderHeaders(from, to);
  expect(Object.keys(to).sort()).toEqual([
    'anthropic-ratelimit-tokens-reset',
    'request-id',
    'retry-after',
    'x-ratelimit-limit-requests',
    'x-ratelimit-remaining-requests',
  ]);
});
