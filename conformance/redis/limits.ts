import { parseArgs } from 'node:util';
import type { LimitRule } from '@turnpike/gateway/config/limit-rule.ts';
import { Limiter } from '@turnpike/gateway/policy/limits/limiter.ts';
import { realTimers } from '@turnpike/gateway/quota/timers.ts';
import { RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { lineOf } from '../limits/figures.ts';
import { callerNamed } from '../limits/fleet.ts';
import { type Figures, playOn, type Scene } from '../limits/simulation.ts';
import type { Time } from '../limits/virtual-time.ts';
import { randomFrom } from '../random.ts';
import { lineOfBudget, measureBudget } from './budgets.ts';
import { type FleetOptions, RedisFleet, steadyMs } from './redis-fleet.ts';

const realTime: Time = {
  ...realTimers,
  get nowMs() {
    return steadyMs();
  },
  sleep: (ms) => Bun.sleep(ms),
  runUntil: (untilMs) => Bun.sleep(Math.max(0, untilMs - realTime.nowMs)),
};

const LASTS_MS = 300;
/** A place in a hurry: a window of two seconds in place of a minute. */
const WINDOW_MS = 2_000;

function rule(measure: LimitRule['measure'], amount: number): LimitRule {
  return { measure, amount, windowMs: measure === 'concurrency' ? 0 : WINDOW_MS, scope: {}, each: [] };
}

type Play = Pick<Scene, 'rules' | 'requestsPerSecond' | 'burst' | 'tokensMax' | 'lastsMsMax'>;

/** Half of what the limits allow. */
export const away: Readonly<Record<string, Play>> = {
  requests: { rules: [rule('requests', 1_000)], requestsPerSecond: 250 },
  tokens: { rules: [rule('tokens', 200_000)], requestsPerSecond: 100, tokensMax: 900, lastsMsMax: LASTS_MS },
  concurrency: { rules: [rule('concurrency', 200)], requestsPerSecond: 200, lastsMsMax: LASTS_MS },
};

/** Twice as much as is allowed, and bursts. */
export const atLine: Readonly<Record<string, Play>> = {
  requests: { rules: [rule('requests', 150)], requestsPerSecond: 150, burst: 60 },
  tokens: { rules: [rule('tokens', 50_000)], requestsPerSecond: 120, burst: 40, tokensMax: 900, lastsMsMax: LASTS_MS },
  concurrency: { rules: [rule('concurrency', 20)], requestsPerSecond: 250, burst: 40, lastsMsMax: LASTS_MS },
};

export interface LimitOptions extends FleetOptions {
  readonly seconds: number;
  readonly seed: number;
}

/** Plays a scene on gateways' limiters over a Redis server, in real time, against the exact law. */
export async function measureLimits(server: RedisServer, play: Play, options: LimitOptions): Promise<Figures> {
  const { seconds, seed } = options;
  const fleet = await RedisFleet.open(server, options);
  const members = fleet.nodes.map((node) => {
    const limiter = new Limiter({ quota: node });
    limiter.apply(play.rules);
    return { limiter };
  });
  const stage = {
    members,
    caller: callerNamed('crowd'),
    get calls() {
      return fleet.calls;
    },
  };
  try {
    const scene = { ...play, seconds, seed, nodes: members.length };
    return await playOn(stage, scene, realTime, randomFrom(seed), 2 * LASTS_MS);
  } finally {
    await fleet.close();
  }
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { nodes: text, seconds: text, seed: text } });
  const nodes = Number(values.nodes ?? 4);
  const options = { nodes, seconds: Number(values.seconds ?? 20), seed: Number(values.seed ?? 1) };
  const server = await RedisServer.start();
  for (const [place, plays] of Object.entries({ 'away from the line': away, 'at the line': atLine })) {
    for (const [name, play] of Object.entries(plays)) {
      console.log(`${nodes} nodes, ${place}, ${name}: ${lineOf(await measureLimits(server, play, options))}`);
    }
  }
  console.log(
    `${nodes} nodes, a budget: ${lineOfBudget(await measureBudget(server, { nodes, callers: 64, takes: 50_000 }))}`,
  );
  await server.stop();
}
