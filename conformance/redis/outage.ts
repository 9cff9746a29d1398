import { parseArgs } from 'node:util';
import { openStore } from '@turnpike/gateway/store/open-store.ts';
import { compareWithBill, type Verdict } from '../crash/compare-with-bill.ts';
import { ledgerOf } from '../crash/kill.ts';
import { House, type HouseKey } from './house.ts';
import { ask, type Kind, keysFor, PROBE_KEY, type TimedCall, traffic } from './traffic.ts';

/** Redis ends and comes back empty, or stands still with its connections open, or is emptied while it runs. */
export type Outage = 'stopped' | 'hung' | 'emptied';

export interface Phase {
  readonly name: string;
  readonly calls: readonly TimedCall[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of calls far from any line, over that of calls without a rule, in the same phase. */
  readonly addedP99Ms: number;
  /** Until who asks Redis is not turned away any more; undefined during an outage. */
  readonly backAfterMs: number | undefined;
  /** From the answer to a revocation on one gateway until another refuses the key. */
  readonly revokedAfterMs: number;
}

export interface OutageReport {
  readonly phases: readonly Phase[];
  /** The most that any budget is over its line, in nano-USD; below 0 when none is. */
  readonly overspendNanoUsd: bigint;
  /** What Redis counts beyond the ledger in the end, over all budgets; and the most that it lacks of one. */
  readonly countedTwiceNanoUsd: bigint;
  readonly missingNanoUsd: bigint;
  readonly verdict: Verdict;
  readonly text: string;
}

/** Traffic on several gateways before, during and after outages of the Redis that they share. */
export async function measureOutages(outages: readonly Outage[], seconds: number, size = 2): Promise<OutageReport> {
  const calmSeconds = Math.min(seconds, 30);
  const keys = keysFor(calmSeconds + outages.length * (seconds + calmSeconds));
  const house = await House.open(size, keys);
  try {
    const calls: TimedCall[] = [];
    await traffic(house, calls, Math.min(seconds, 3)); // Until the compilers have seen it.
    const phases = [await phase('before', house, calls, calmSeconds)];
    for (const outage of outages) {
      const end = await begin(outage, house);
      phases.push(await phase(outage, house, calls, seconds));
      await end();
      phases.push(await phase('after', house, calls, calmSeconds));
    }
    await house.emulator.idle(20_000);
    await house.stopGateways();
    const used = await house.usedInRedis();
    const spent = await spentOf(house, keys);
    const verdict = compareWithBill(await ledgerOf(house.place), house.emulator.bill, calls, []);
    const report = { phases, ...heldAgainst(spent, used), verdict };
    return { ...report, text: describe(report) };
  } finally {
    await house.close();
  }
}

async function begin(outage: Outage, { redis }: House): Promise<() => Promise<void>> {
  switch (outage) {
    case 'stopped':
      await redis.kill();
      return () => redis.resume();
    case 'hung':
      redis.hang();
      return async () => redis.wake();
    case 'emptied':
      await redis.run('FLUSHALL');
      return async () => undefined;
  }
}

async function phase(name: string, house: House, all: TimedCall[], seconds: number): Promise<Phase> {
  const from = all.length;
  const [, revokedAfterMs, backAfterMs] = await Promise.all([
    traffic(house, all, seconds),
    revoke(house, all),
    name === 'hung' || name === 'stopped' ? undefined : comeBack(house, all),
  ]);
  const calls = all.slice(from);
  const timeOf = (share: number, ...kinds: Kind[]) => {
    const own = calls.filter(({ isComplete, kind }) => isComplete && (kinds.length === 0 || kinds.includes(kind)));
    const times = own.map(({ durationMs }) => durationMs).sort((one, other) => one - other);
    return times[Math.floor(times.length * share)] ?? 0;
  };
  const addedP99Ms = timeOf(0.99, 'far') - timeOf(0.99, 'unbound');
  return { name, calls, p50Ms: timeOf(0.5), p99Ms: timeOf(0.99), addedP99Ms, revokedAfterMs, backAfterMs };
}

/** @returns how long calls that Redis must be asked for are turned away. */
async function comeBack(house: House, calls: TimedCall[]): Promise<number> {
  const startedMs = performance.now();
  for (;;) {
    const call = await ask(house, 0, 'tight', PROBE_KEY);
    calls.push(call);
    if (call.status !== 503) return performance.now() - startedMs;
    await Bun.sleep(20);
  }
}

/** Makes a key on one gateway, uses it on another and revokes it on the first. @returns how long it is still good there. */
async function revoke(house: House, calls: TimedCall[]): Promise<number> {
  const made = (await (await house.admin(0, 'POST', '/keys', { name: `short-lived-${Math.random()}` })).json()) as {
    id: string;
    key: string;
  };
  const isGood = async () => {
    const call = await ask(house, 1, 'unbound', made.key);
    calls.push(call);
    return call.isComplete;
  };
  while (!(await isGood())) await Bun.sleep(5);
  const { status } = await house.admin(0, 'DELETE', `/keys/${made.id}`);
  if (status >= 300) throw new Error(`The key could not be revoked: ${status}.`);
  const revokedMs = performance.now();
  while (await isGood()) await Bun.sleep(2);
  return performance.now() - revokedMs;
}

interface Spent {
  readonly nanoUsd: bigint;
  readonly lineNanoUsd: bigint;
}

export async function spentOf({ place }: House, keys: readonly HouseKey[]): Promise<Spent[]> {
  const store = await openStore(place);
  const spent: Spent[] = [];
  for (const { name, budgets } of keys) {
    const [budget] = (budgets ?? []) as { amount: number }[];
    if (budget === undefined) continue;
    const nanoUsd = await store.spendBetween(`key:${name}`, 0, Number.MAX_SAFE_INTEGER);
    spent.push({ nanoUsd, lineNanoUsd: BigInt(Math.round(budget.amount * 1e9)) });
  }
  await store.close();
  return spent;
}

/** Accounts in Redis do not tell whose they are: both are compared in the order of their amounts. */
export function heldAgainst(spent: readonly Spent[], used: readonly bigint[]) {
  const ledger = spent.map(({ nanoUsd }) => nanoUsd).sort(compare);
  const redis = [...used, ...Array.from({ length: ledger.length - used.length }, () => 0n)].sort(compare);
  const beyond = ledger.map((nanoUsd, at) => (redis[at] ?? 0n) - nanoUsd);
  const sum = (amounts: readonly bigint[]) => amounts.reduce((one, other) => one + other, 0n);
  return {
    overspendNanoUsd:
      spent
        .map(({ nanoUsd, lineNanoUsd }) => nanoUsd - lineNanoUsd)
        .sort(compare)
        .at(-1) ?? 0n,
    countedTwiceNanoUsd: sum(beyond.filter((amount) => amount > 0n)),
    missingNanoUsd: -sum(beyond.filter((amount) => amount < 0n)),
  };
}

function compare(one: bigint, other: bigint): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** How many calls of a kind had which status. */
export function statuses(calls: readonly TimedCall[], kind: Kind): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of calls.filter((call) => call.kind === kind))
    counts[`${status}`] = (counts[`${status}`] ?? 0) + 1;
  return counts;
}

function describe({ phases, verdict, ...report }: Omit<OutageReport, 'text'>): string {
  const kinds: readonly Kind[] = ['unbound', 'far', 'tight', 'local', 'refuse'];
  const lines = phases.flatMap(({ name, calls, p50Ms, p99Ms, addedP99Ms, revokedAfterMs, backAfterMs }) => [
    [
      `${name}: ${calls.length} calls, answers p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
      `far from a line ${addedP99Ms.toFixed(1)} ms more than without a rule`,
      `a revoked key was good for ${revokedAfterMs.toFixed(0)} ms elsewhere`,
      ...(backAfterMs === undefined ? [] : [`who must ask was turned away for ${backAfterMs.toFixed(0)} ms`]),
    ].join('; '),
    ...kinds.map((kind) => `  ${kind}: ${JSON.stringify(statuses(calls, kind))}`),
  ]);
  return [
    ...lines,
    `the worst budget is ${report.overspendNanoUsd} nano-USD over its line`,
    `Redis counts ${report.countedTwiceNanoUsd} nano-USD more than the ledger, and lacks ${report.missingNanoUsd}`,
    verdict.text,
  ].join('\n');
}

if (import.meta.main) {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { outage: text, seconds: text, gateways: text } });
  const outages = (values.outage ?? 'stopped').split(',') as Outage[];
  const report = await measureOutages(outages, Number(values.seconds ?? 30), Number(values.gateways ?? 2));
  process.stdout.write(`${report.text}\n`);
  const isRight = report.verdict.wrong.length === 0 && report.overspendNanoUsd <= 0n && report.missingNanoUsd === 0n;
  process.exitCode = isRight ? 0 : 1;
}
