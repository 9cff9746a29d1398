import type { AdminContext } from '../admin/admin-context.ts';
import { AdminFault } from '../admin/admin-fault.ts';
import { hasScope, isBounded } from '../identity/admin-scope.ts';
import type { LedgerEntry } from '../ledger/entry.ts';
import type { ExchangeRow } from '../telemetry/exchange-row.ts';

/** Attempts and corrections of one exchange. */
const ENTRIES_MAX = 1_000;

/** An exchange, and what it cost by the ledger. */
export interface Generation {
  readonly row: ExchangeRow;
  /** Nano-USD of all its attempts whose price is known. */
  readonly costNanoUsd: bigint;
  /** What providers bill for it, whoever they bill; undefined when that is not known of some attempt. */
  readonly billedNanoUsd: bigint | undefined;
  /** What of that goes to owners of credentials of their own. */
  readonly ownCostNanoUsd: bigint;
  /** Was it answered with a credential of the caller's own? */
  readonly isOwn: boolean;
}

/**
 * The exchange of this id, or whose answer had it. A key finds its own; one that may read the logs of the whole gateway
 * finds any.
 *
 * @throws AdminFault `record_unknown`
 */
export async function findGeneration({ house, caller, rights }: AdminContext, id: string): Promise<Generation> {
  const seesAll = hasScope(rights, 'logs:read') && !isBounded(rights);
  await house.flushLogs();
  const byId = await house.store.exchange(id);
  const row =
    byId !== undefined && (seesAll || byId.keyName === caller.name)
      ? byId
      : await house.store.exchangeAnswered(id, seesAll ? undefined : caller.name);
  if (row === undefined) {
    throw new AdminFault('record_unknown', { param: 'id', message: `There is no generation "${id.slice(0, 200)}".` });
  }
  const attempts = await house.store.ledgerEntries({
    limit: ENTRIES_MAX,
    exchangeId: row.id,
    // Found by time, which has an index.
    fromMs: Math.floor(row.startedAtMs),
    toMs: Math.ceil(row.startedAtMs + row.durationMs) + 1,
  });
  // What was put right later stands elsewhere in time; of that there is little.
  const byHand = await house.store.ledgerByHand(Math.floor(row.startedAtMs));
  const corrections = byHand.filter(
    ({ id: entryId, exchangeId }) => exchangeId === row.id && !attempts.some((entry) => entry.id === entryId),
  );
  const entries = [...attempts, ...corrections];
  return {
    row,
    costNanoUsd: entries.reduce((sum, entry) => sum + (entry.costNanoUsd ?? 0n), 0n),
    billedNanoUsd: billed(entries),
    ownCostNanoUsd: entries.reduce((sum, entry) => sum + (entry.ownCostNanoUsd ?? 0n), 0n),
    isOwn: row.attempts.at(-1)?.paidBy !== undefined,
  };
}

function billed(entries: readonly LedgerEntry[]): bigint | undefined {
  let sum = 0n;
  for (const { kind, paidBy, costNanoUsd, ownCostNanoUsd } of entries) {
    const known = paidBy === undefined ? costNanoUsd : ownCostNanoUsd;
    if (known === undefined && kind === 'attempt') return undefined;
    sum += known ?? 0n;
  }
  return sum;
}

/** `openai/gpt-4o`: the provider, and its own name of the model; what was asked for when nothing answered. */
export function modelOf({ provider, modelServed, modelAsked }: ExchangeRow): string {
  return provider === undefined || modelServed === undefined ? modelAsked : `${provider}/${modelServed}`;
}
