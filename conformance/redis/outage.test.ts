/**
 * The Redis that gateways share goes away and comes back, under traffic. `bun conformance/redis/outage.ts --outage
 * stopped,hung,emptied --seconds 30` measures for longer, and says how long answers took.
 */
import { expect, test } from 'bun:test';
import { onRedis } from '@turnpike/gateway/redis/redis-server.test-support.ts';
import { postgresPrograms } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import { measureCrashes } from './crash.ts';
import { measureOutages, statuses } from './outage.ts';

onRedis('outages of the Redis that gateways share', () => {
  test.skipIf(!process.env.CI && postgresPrograms() === undefined)(
    'a Redis that hangs, or ends and forgets, costs no answer that its rules do not ask it for, no entry, and no line',
    async () => {
      const report = await measureOutages(['hung', 'stopped'], 1);
      process.stdout.write(`${report.text}\n`);
      const { phases, verdict, overspendNanoUsd, missingNanoUsd } = report;
      expect(verdict.wrong).toEqual([]);
      expect(overspendNanoUsd).toBeLessThanOrEqual(0n);
      expect(missingNanoUsd).toBe(0n);
      for (const { name, calls, revokedAfterMs } of phases) {
        // Far from a line leases are used up by nobody; without a rule nobody is asked.
        expect({ name, far: Object.keys(statuses(calls, 'far')) }).toEqual({ name, far: ['200'] });
        expect(revokedAfterMs).toBeLessThan(5_000);
      }
      for (const { calls } of phases.filter(({ name }) => name === 'hung' || name === 'stopped')) {
        expect(statuses(calls, 'local')['200']).toBeGreaterThan(0);
        expect(statuses(calls, 'refuse')['503']).toBeGreaterThan(0);
      }
      expect(phases.at(-1)?.backAfterMs).toBeLessThan(20_000);
    },
    120_000,
  );

  test.skipIf(!process.env.CI && postgresPrograms() === undefined)(
    'gateways that are killed leave nothing in Redis that the ledger does not have, and the other way round',
    async () => {
      const { verdict, overspendNanoUsd, missingNanoUsd, countedTwiceNanoUsd, text } = await measureCrashes(2);
      process.stdout.write(`${text}\n`);
      expect(verdict.wrong).toEqual([]);
      expect(overspendNanoUsd).toBeLessThanOrEqual(0n);
      expect([missingNanoUsd, countedTwiceNanoUsd]).toEqual([0n, 0n]);
    },
    120_000,
  );
});
