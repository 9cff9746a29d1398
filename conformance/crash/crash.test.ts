/**
 * The ledger over processes that die: every kill, torn byte and lost acknowledgement leaves it as the provider's bill has
 * it. `bun conformance/crash/simulation.ts --runs N` and `bun conformance/crash/kill.ts --kills N` run for longer.
 */
import { expect, test } from 'bun:test';
import { postgresPrograms } from '@turnpike/gateway/store/postgres-server.test-support.ts';
import { killAndCompare } from './kill.ts';
import { describeTally, simulate } from './simulation.ts';
import { describeThroughput, measureThroughput } from './throughput.ts';

test('a simulated process killed at any step loses nothing and counts nothing twice', async () => {
  const tally = await simulate(400, 1);
  process.stdout.write(`${describeTally(tally)}\n`);
  expect(tally.wrong).toEqual([]);
  expect(tally.kills).toBeGreaterThan(1_000);
  // Struck everywhere: within records, at commits before and after, and while files come and go.
  for (const step of ['write', 'before commit', 'acknowledgement', 'replace', 'remove', 'open', 'sync', 'lock']) {
    expect([step, (tally.killsAt.get(step) ?? 0) > 5]).toEqual([step, true]);
  }
  expect(tally.exact).toBeGreaterThan(tally.estimated);
}, 60_000);

test('a running gateway killed under load agrees with its provider’s bill, exchange by exchange', async () => {
  const verdict = await killAndCompare({ kills: 7, seed: 11 });
  process.stdout.write(`${verdict.text}\n`);
  expect(verdict.wrong).toEqual([]);
  expect(verdict.exact).toBeGreaterThan(100);
  expect(verdict.estimated).toBeGreaterThan(0);
}, 120_000);

test('so do two gateways on one data directory, of which one is killed', async () => {
  const verdict = await killAndCompare({ kills: 3, seed: 12, gateways: 2 });
  process.stdout.write(`${verdict.text}\n`);
  expect(verdict.wrong).toEqual([]);
  expect(verdict.exact).toBeGreaterThan(50);
}, 120_000);

test('so does one whose ledger is in PostgreSQL', async () => {
  if (postgresPrograms() === undefined) {
    if (process.env.CI) throw new Error('There is no PostgreSQL server on this machine.');
    process.stdout.write('Left out, for want of a PostgreSQL server: kills of a gateway on PostgreSQL.\n');
    return;
  }
  const verdict = await killAndCompare({ kills: 4, seed: 13, onPostgres: true });
  process.stdout.write(`${verdict.text}\n`);
  expect(verdict.wrong).toEqual([]);
  expect(verdict.exact).toBeGreaterThan(50);
}, 120_000);

test('a settled exchange costs the traffic microseconds', async () => {
  const measured = await measureThroughput(10_000);
  process.stdout.write(`${describeThroughput(measured)}\n`);
  // Bounds for any machine, however busy; the figures above are the measurement.
  expect(measured.journalUs).toBeLessThan(100);
  expect(measured.shippedPerSecond).toBeGreaterThan(1_000);
}, 60_000);
