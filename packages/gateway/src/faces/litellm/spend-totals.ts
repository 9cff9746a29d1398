import { numberOfNanoUsd } from './money.ts';

/** US dollars by name. */
export function spendTotals(sums: ReadonlyMap<string, bigint>): Record<string, number> {
  return Object.fromEntries([...sums].map(([name, nanoUsd]) => [name, numberOfNanoUsd(nanoUsd)]));
}
