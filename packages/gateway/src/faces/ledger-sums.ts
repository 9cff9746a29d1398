import { AdminFault } from '../admin/admin-fault.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import type { LedgerRollup, RollupQuery, Store } from '../store/store.ts';

/** The sums of a stretch of time under one name. */
export type DaySums = Omit<LedgerRollup, 'unpriced' | 'estimated' | 'failed' | 'upliftNanoUsd'>;

const PAGE = 1_000;
/** Entries read for one answer at most: a table is summed in the database, this is not. */
const ENTRIES_MAX = 200_000;

/** All sums the ledger keeps, whatever their number. */
export async function sumRollups(store: Store, ask: Omit<RollupQuery, 'limit' | 'beyond'>): Promise<DaySums[]> {
  const all: DaySums[] = [];
  for (let beyond: RollupQuery['beyond']; ; ) {
    const page = await store.ledgerRollups({ ...ask, limit: PAGE, beyond });
    all.push(...page);
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return all;
    beyond = { startMs: last.startMs, scope: last.scope };
  }
}

/**
 * Sums entries by what the ledger keeps no sums of: two things at once.
 *
 * @param namesOf Under which names an entry counts.
 * @param periodMs Length of the stretches.
 * @throws AdminFault `body_invalid` when there are too many.
 */
export async function sumEntries(
  store: Store,
  range: { scope: string | undefined; fromMs: number; toMs: number },
  namesOf: (entry: LedgerEntry) => readonly string[],
  periodMs = 86_400_000,
): Promise<DaySums[]> {
  const sums = new Map<string, { -readonly [Field in keyof DaySums]: DaySums[Field] }>();
  for await (const entry of entriesOf(store, range)) {
    const startMs = Math.floor(entry.atMs / periodMs) * periodMs;
    for (const scope of namesOf(entry)) {
      const key = `${startMs} ${scope}`;
      let sum = sums.get(key);
      if (sum === undefined) {
        sum = { scope, startMs, ...NOTHING };
        sums.set(key, sum);
      }
      sum.entries++;
      sum.costNanoUsd += entry.costNanoUsd ?? 0n;
      sum.ownCostNanoUsd += entry.ownCostNanoUsd ?? 0n;
      sum.inputTokens += entry.usage.inputTokens ?? 0;
      sum.outputTokens += entry.usage.outputTokens ?? 0;
      sum.cacheReadTokens += entry.usage.cacheReadTokens ?? 0;
      sum.cacheWriteTokens += entry.usage.cacheWriteTokens ?? 0;
      sum.reasoningTokens += entry.usage.reasoningTokens ?? 0;
    }
  }
  return [...sums.values()];
}

/** The entries of a scope, or all, that began within [fromMs, toMs), the oldest first. @throws AdminFault `body_invalid` when there are too many. */
export async function* entriesOf(
  store: Store,
  range: { scope: string | undefined; fromMs: number; toMs: number },
): AsyncGenerator<LedgerEntry> {
  let beyond: { atMs: number; id: string } | undefined;
  for (let read = 0; ; read += PAGE) {
    if (read >= ENTRIES_MAX) {
      throw new AdminFault('body_invalid', {
        message: `More than ${ENTRIES_MAX} entries would have to be read.`,
        hint: 'Ask for fewer days, or without filters.',
      });
    }
    const page = await store.ledgerEntries({ ...range, order: 'oldest', limit: PAGE, beyond });
    yield* page;
    const last = page.at(-1);
    if (page.length < PAGE || last === undefined) return;
    beyond = { atMs: last.atMs, id: last.id };
  }
}

const NOTHING = {
  entries: 0,
  costNanoUsd: 0n,
  ownCostNanoUsd: 0n,
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
};
