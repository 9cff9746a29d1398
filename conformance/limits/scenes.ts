import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import type { Scene } from './simulation.ts';

const MINUTE_MS = 60_000;

function rule(measure: LimitRule['measure'], amount: number, windowMs: number): LimitRule {
  return { measure, amount, windowMs, scope: {}, each: [] };
}

type Play = Omit<Scene, 'seed' | 'nodes' | 'seconds'>;

/** Away from the line: half of what the limits allow. */
export const away: Readonly<Record<string, Play>> = {
  requests: { rules: [rule('requests', 6_000, MINUTE_MS)], requestsPerSecond: 50 },
  tokens: { rules: [rule('tokens', 600_000, MINUTE_MS)], requestsPerSecond: 10, tokensMax: 900, lastsMsMax: 3_000 },
  concurrency: { rules: [rule('concurrency', 400, 0)], requestsPerSecond: 80, lastsMsMax: 4_000 },
  'five rules': {
    rules: [
      rule('requests', 6_000, MINUTE_MS),
      rule('requests', 200_000, 60 * MINUTE_MS),
      rule('tokens', 4_000_000, MINUTE_MS),
      rule('outputTokens', 4_000_000, MINUTE_MS),
      rule('concurrency', 400, 0),
    ],
    requestsPerSecond: 50,
    tokensMax: 900,
    lastsMsMax: 4_000,
  },
};

/** At the line: twice as much as is allowed, and bursts. */
export const atLine: Readonly<Record<string, Play>> = {
  requests: { rules: [rule('requests', 600, MINUTE_MS)], requestsPerSecond: 20, burst: 100 },
  tokens: {
    rules: [rule('tokens', 100_000, MINUTE_MS)],
    requestsPerSecond: 12,
    burst: 40,
    tokensMax: 900,
    lastsMsMax: 3_000,
  },
  concurrency: { rules: [rule('concurrency', 20, 0)], requestsPerSecond: 20, burst: 40, lastsMsMax: 4_000 },
  'five rules': {
    rules: [
      rule('requests', 600, MINUTE_MS),
      rule('requests', 2_000, 5 * MINUTE_MS),
      rule('tokens', 250_000, MINUTE_MS),
      rule('requests', 20, 1_000),
      rule('concurrency', 25, 0),
    ],
    requestsPerSecond: 15,
    burst: 60,
    tokensMax: 900,
    lastsMsMax: 3_000,
  },
};
