import type { RedisServer } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { randomFrom } from '../random.ts';
import { type FleetOptions, RedisFleet } from './redis-fleet.ts';

export interface BudgetOptions extends FleetOptions {
  /** Of all nodes together, at once. */
  readonly callers: number;
  /** The line is so many times what a call holds. */
  readonly takes: number;
}

export interface BudgetFigures {
  readonly spent: bigint;
  readonly line: bigint;
  readonly taken: number;
  /** Of calls before nine tenths were spent, and how many of them waited for Redis. */
  readonly away: number;
  readonly awayWaited: number;
}

const HOLD = 1_000_000n;

/** Callers on several nodes spend one budget until each of them is refused. */
export async function measureBudget(server: RedisServer, options: BudgetOptions): Promise<BudgetFigures> {
  const { callers, takes } = options;
  const fleet = await RedisFleet.open(server, options);
  const line = HOLD * BigInt(takes);
  const random = randomFrom(takes);
  const counts = { taken: 0, away: 0, awayWaited: 0 };
  let spent = 0n;
  const call = async (at: number) => {
    const lease = fleet.nodes[at % fleet.nodes.length]?.lease('b:one:', async () => []);
    if (lease === undefined) return;
    for (;;) {
      const isAway = spent * 10n < line * 9n;
      const isThere = lease.tryTake(HOLD, line);
      const asked = isThere ? 'taken' : await lease.take(HOLD);
      if (isAway) counts.away++;
      if (isAway && !isThere) counts.awayWaited++;
      if (asked === 'refused') return;
      if (asked === 'cut') throw new Error('Redis did not answer in time.');
      counts.taken++;
      await Bun.sleep(1 + random() * 4);
      const actual = (HOLD * BigInt(Math.floor(50 + random() * 51))) / 100n;
      spent += actual;
      lease.settle(HOLD, actual, 0);
    }
  };
  try {
    await Promise.all(Array.from({ length: callers }, (_, at) => call(at)));
    return { spent, line, ...counts };
  } finally {
    await fleet.close();
  }
}

export function lineOfBudget({ spent, line, taken, away, awayWaited }: BudgetFigures): string {
  const share = ((100 * awayWaited) / Math.max(1, away)).toFixed(2);
  return `${taken} calls, ${line - spent} of ${line} left; ${share} % of calls before nine tenths were spent waited`;
}
