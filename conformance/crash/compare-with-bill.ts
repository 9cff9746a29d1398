import type { BillEntry } from '@turnpike/emulator/bill.ts';
import type { LedgerEntry } from '@turnpike/gateway/ledger/entry.ts';
import type { Call } from './callers.ts';

export interface Verdict {
  /** A line for each thing that must not be. */
  wrong: string[];
  entries: number;
  exact: number;
  estimated: number;
  /** Entries for which no request reached the provider: killed in between. Estimated. */
  unsent: number;
  text: string;
}

const INPUT_NANO = 1_000n;
const OUTPUT_NANO = 2_000n;
/** Progress is journalled once a second, by a clock that looks every 25 ms. */
const PROGRESS_MS = 1_000 + 250;

/**
 * Holds a ledger against a provider's bill.
 *
 * - Every request the provider had has its entry, and no entry counts twice.
 * - An entry that is not estimated equals the bill, to the token and the nano-dollar.
 * - Whatever a client had to the end is not estimated.
 * - An estimate has at least what a client had seen a progress period before the kill, and never more output than the
 *   provider would have billed for the whole answer.
 */
export function compareWithBill(
  ledger: { entries: readonly LedgerEntry[]; rolledUpNanoUsd: bigint },
  bill: readonly BillEntry[],
  calls: readonly Call[],
  leftBehind: readonly string[],
): Verdict {
  const wrong = leftBehind.map((file) => `left behind in the journal: ${file}`);
  const byModel = groupBy(ledger.entries, (entry) => entry.modelServed ?? '');
  const billByModel = groupBy(bill, (entry) => entry.model);
  const counts = { exact: 0, estimated: 0, unsent: 0 };
  let exactSum = 0n;
  let exactBill = 0n;
  let deviation = 0n;
  let estimatedBill = 0n;
  for (const call of calls) {
    const entries = (byModel.get(call.model) ?? []).sort((a, b) => (a.attempt ?? 0) - (b.attempt ?? 0));
    const billed = billByModel.get(call.model) ?? [];
    byModel.delete(call.model);
    if (entries.length < billed.length) wrong.push(`${call.model}: lost, the provider had ${billed.length} requests`);
    if (call.isComplete && entries.at(-1)?.isEstimated !== false) wrong.push(`${call.model}: ended, but is estimated`);
    for (const [at, entry] of entries.entries()) {
      const paid = billed[at];
      const cost = entry.costNanoUsd ?? -1n;
      if (paid === undefined) {
        counts.unsent++;
        deviation += cost;
        if (!entry.isEstimated) wrong.push(`${entry.id}: settled, but the provider had no such request`);
      } else if (entry.isEstimated) {
        counts.estimated++;
        const due = costOfBill(paid);
        estimatedBill += due;
        deviation += cost - due;
        wrong.push(...checkEstimate(entry, paid, at === entries.length - 1 ? call.contentAtMs : [], call.killedAtMs));
      } else {
        counts.exact++;
        exactSum += cost;
        exactBill += costOfBill(paid);
        if (cost !== costOfBill(paid)) wrong.push(`${entry.id}: ${cost}, the bill says ${costOfBill(paid)}`);
      }
    }
  }
  for (const model of byModel.keys()) wrong.push(`${model}: entered, but never asked for`);
  const sum = ledger.entries.reduce((total, { costNanoUsd }) => total + (costNanoUsd ?? 0n), 0n);
  if (sum !== ledger.rolledUpNanoUsd) wrong.push(`the sums say ${ledger.rolledUpNanoUsd}, the entries ${sum}`);
  const text = [
    `${calls.length} calls, ${bill.length} requests at the provider, ${ledger.entries.length} entries`,
    `exact: ${counts.exact} entries, ${exactSum} nano-USD; the bill for them: ${exactBill}`,
    `estimated: ${counts.estimated} entries, billed at ${estimatedBill} nano-USD when run to their end`,
    `never arrived at the provider: ${counts.unsent} entries, estimated`,
    `deviation of all estimates together: ${deviation} nano-USD`,
    `${wrong.length} wrong`,
    ...wrong.slice(0, 20),
  ].join('\n');
  return { wrong, entries: ledger.entries.length, ...counts, text };
}

function checkEstimate(
  entry: LedgerEntry,
  paid: BillEntry,
  contentAtMs: readonly number[],
  killedAtMs = Number.POSITIVE_INFINITY,
): string[] {
  const { outputTokens = 0 } = entry.usage;
  const wrong: string[] = [];
  const most = paid.plannedUsage?.outputTokens ?? 0;
  // Some events carry no token of their own (the start of a part, the end of it).
  if (paid.status === 200 && outputTokens > most + 3) wrong.push(`${entry.id}: ${outputTokens} estimated of ${most}`);
  const untilMs = killedAtMs - PROGRESS_MS;
  const seen = contentAtMs.filter((atMs) => atMs <= untilMs).length;
  if (outputTokens < seen) wrong.push(`${entry.id}: ${outputTokens} estimated, the client had ${seen} by then`);
  if ((entry.usage.inputTokens ?? 0) === 0) wrong.push(`${entry.id}: estimated without input`);
  return wrong;
}

/** What a provider charges: nothing for refusals, the whole answer otherwise, read to its end or not. */
function costOfBill({ status, usage, plannedUsage }: BillEntry): bigint {
  if (status !== 200) return 0n;
  const due = usage ?? plannedUsage;
  return BigInt(due?.inputTokens ?? 0) * INPUT_NANO + BigInt(due?.outputTokens ?? 0) * OUTPUT_NANO;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}
