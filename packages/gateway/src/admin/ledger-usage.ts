import type { FigureName, UsageLine } from '../ledger/reconcile.ts';
import type { LedgerPage, Store } from '../store/store.ts';

/** Entries read at a time: a few milliseconds' worth, between which calls go on. */
const PAGE = 500;

/**
 * What the ledger has of a provider within [fromMs, toMs), by UTC day and model served; what was put right by hand included.
 * Calls that a caller's own credential paid for are on somebody else's bill, and left out.
 */
export async function ledgerUsage(store: Store, provider: string, fromMs: number, toMs: number): Promise<UsageLine[]> {
  const sums = new Map<string, { date: string; model: string; figures: Record<FigureName, bigint> }>();
  for (let beyond: LedgerPage['beyond']; ; ) {
    const page = await store.ledgerEntries({
      scope: `provider:${provider}`,
      fromMs,
      toMs,
      limit: PAGE,
      order: 'oldest',
      beyond,
    });
    for (const entry of page) {
      if (entry.paidBy !== undefined) continue;
      const date = new Date(entry.atMs).toISOString().slice(0, 10);
      const model = entry.modelServed ?? '';
      let sum = sums.get(`${date} ${model}`);
      if (sum === undefined) {
        const figures = {
          inputTokens: 0n,
          outputTokens: 0n,
          cacheReadTokens: 0n,
          cacheWriteTokens: 0n,
          costNanoUsd: 0n,
        };
        sum = { date, model, figures };
        sums.set(`${date} ${model}`, sum);
      }
      sum.figures.costNanoUsd += entry.costNanoUsd ?? 0n;
      for (const name of ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const) {
        sum.figures[name] += tokens(entry.usage[name], entry.kind === 'attempt');
      }
    }
    if (page.length < PAGE) return [...sums.values()];
    beyond = page.at(-1);
    await Bun.sleep(0);
  }
}

/** Providers have reported figures that are none; a correction may take some away. */
function tokens(figure: number | undefined, isAttempt: boolean): bigint {
  if (figure === undefined || !Number.isSafeInteger(figure) || (isAttempt && figure < 0)) return 0n;
  return BigInt(figure);
}
