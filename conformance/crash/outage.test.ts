/**
 * What the ledger rests on goes away for a while, under traffic. `bun conformance/crash/outage.ts --outage stopped --seconds 600`
 * measures for longer.
 */
import { beforeAll, expect, test } from 'bun:test';
import { postgresPrograms } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import { mayMount, measureOutage } from './outage.ts';

const hasServer = postgresPrograms() !== undefined;
const isAllowed = mayMount();
if (!isAllowed) process.stdout.write('Left out, for want of the right to mount one: a full disk under the journal.\n');

beforeAll(() => {
  if (hasServer) return;
  if (process.env.CI) throw new Error('There is no PostgreSQL server on this machine.');
  process.stdout.write('Left out, for want of a PostgreSQL server: outages of the database.\n');
});

for (const outage of ['stopped', 'hung'] as const) {
  test.skipIf(!hasServer)(
    `a database server that is ${outage} costs no answer and no entry`,
    async () => {
      const { phases, verdict, text } = await measureOutage({ outage, seconds: 1 });
      process.stdout.write(`${text}\n`);
      expect(verdict.wrong).toEqual([]);
      expect(phases.map(({ refused }) => refused)).toEqual([0, 0, 0]);
      expect(phases[1]?.answered).toBeGreaterThan(50);
    },
    60_000,
  );
}

for (const onJournalFailure of ['refuse', 'serve'] as const) {
  test.skipIf(!hasServer || !isAllowed)(
    `a full disk under the journal: ${onJournalFailure}, and nothing is lost`,
    async () => {
      const { phases, verdict, text } = await measureOutage({ outage: 'disk-full', seconds: 1, onJournalFailure });
      process.stdout.write(`${text}\n`);
      expect(verdict.wrong).toEqual([]);
      const [before, during, after] = phases;
      expect([before?.refused, after?.refused]).toEqual([0, 0]);
      // What still fits into the last block of the journal is served.
      if (onJournalFailure === 'serve') expect(during?.refused).toBe(0);
      else expect(during?.answered).toBeLessThan(10);
    },
    60_000,
  );
}
