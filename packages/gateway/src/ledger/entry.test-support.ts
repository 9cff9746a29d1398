import type { LedgerEntry } from './entry.ts';

/** An entry of an attempt; tests change what they are about. */
export function ledgerEntry(changes: Partial<LedgerEntry> & { id: string }): LedgerEntry {
  return {
    kind: 'attempt',
    atMs: Date.UTC(2026, 4, 17, 10, 30),
    settledAtMs: Date.UTC(2026, 4, 17, 10, 31),
    exchangeId: changes.id.split('.')[0],
    attempt: 1,
    scopes: ['key:web'],
    model: 'chat',
    provider: 'openai',
    endpoint: 'openai/gpt',
    modelServed: 'gpt',
    fault: undefined,
    usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 3, serverToolCalls: { web_search_requests: 1 } },
    costNanoUsd: 1_000n,
    uncovered: [],
    isEstimated: false,
    corrects: undefined,
    note: undefined,
    ...changes,
  };
}
