import { parseArgs } from 'node:util';
import { compareWithBill, type Verdict } from '../crash/compare-with-bill.ts';
import { ledgerOf } from '../crash/kill.ts';
import { House } from './house.ts';
import { heldAgainst, spentOf } from './outage.ts';
import { keysFor, type TimedCall, traffic } from './traffic.ts';

export interface CrashReport {
  readonly verdict: Verdict;
  /** See the report of an outage. */
  readonly overspendNanoUsd: bigint;
  readonly countedTwiceNanoUsd: bigint;
  readonly missingNanoUsd: bigint;
  readonly text: string;
}

/** Kills gateways that share a Redis under traffic, one after the other, and starts each again on what it left. */
export async function measureCrashes(kills: number, size = 2): Promise<CrashReport> {
  const keys = keysFor(kills * 2);
  const house = await House.open(size, keys);
  try {
    const calls: TimedCall[] = [];
    for (let done = 0; done < kills; done++) {
      const running = traffic(house, calls, 1.5);
      await Bun.sleep(700 + Math.random() * 300);
      await house.crash(done % size);
      await running;
    }
    await house.emulator.idle(20_000);
    // A gateway that was just started reads what it was left in the background.
    await Bun.sleep(2_000);
    await house.stopGateways();
    const found = heldAgainst(await spentOf(house, keys), await house.usedInRedis());
    const verdict = compareWithBill(await ledgerOf(house.place), house.emulator.bill, calls, []);
    const text = [
      `${kills} kills; the worst budget is ${found.overspendNanoUsd} nano-USD over its line`,
      `Redis counts ${found.countedTwiceNanoUsd} nano-USD more than the ledger, and lacks ${found.missingNanoUsd}`,
      verdict.text,
    ].join('\n');
    return { verdict, ...found, text };
  } finally {
    await house.close();
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { kills: { type: 'string' }, gateways: { type: 'string' } } });
  const report = await measureCrashes(Number(values.kills ?? 20), Number(values.gateways ?? 2));
  process.stdout.write(`${report.text}\n`);
  const isRight = report.verdict.wrong.length === 0 && report.overspendNanoUsd <= 0n && report.missingNanoUsd === 0n;
  process.exitCode = isRight ? 0 : 1;
}
