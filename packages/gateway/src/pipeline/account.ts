import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import type { Cost } from '../ledger/cost.ts';
import type { Caller } from '../policy/caller.ts';
import { scopeKey } from '../policy/scope.ts';
import { nowMs } from '../runtime/clock.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { estimateUsage } from './estimate.ts';
import type { Services } from './services.ts';

/** Names asked for under a wildcard are the caller's own, and the ledger keeps sums for each. */
const MODEL_CHARS_MAX = 256;

/**
 * Notes in the ledger's journal that an attempt is about to be sent. What is free of charge has no account.
 *
 * @returns what must be waited for before it is sent; usually nothing.
 * @throws Fault `ledger_unavailable`: then it must not be sent.
 */
export function openAccount(
  { ledger, markups }: Services,
  exchange: Exchange,
  endpoint: Endpoint,
  row: AttemptRow,
): Promise<void> | undefined {
  if (exchange.operation !== 'generate') return undefined;
  const scopes = scopesOf(exchange);
  const atMs = Math.round(row.startedAtMs);
  const labels = {
    id: `${exchange.id}.${row.number}`,
    atMs,
    exchangeId: exchange.id,
    attempt: row.number,
    scopes,
    model: (exchange.body?.model ?? '').slice(0, MODEL_CHARS_MAX),
    provider: row.provider,
    endpoint: row.endpoint,
    modelServed: row.model,
    paidBy: row.paidBy,
    markup: markups.inForce(scopes, atMs),
  };
  exchange.account = ledger.begin(labels, estimateUsage(exchange).inputTokens ?? 0, endpoint.price);
  return ledger.durable();
}

/** What an attempt cost the gateway, and, when a caller's own credential paid, its owner. */
export interface AttemptCost extends Omit<Cost, 'nanoUsd'> {
  readonly nanoUsd: bigint | undefined;
  readonly ownNanoUsd?: bigint | undefined;
}

/** Enters what the running attempt cost. A second call does nothing. */
export function closeAccount(
  { ledger }: Services,
  exchange: Exchange,
  row: AttemptRow,
  cost: AttemptCost | undefined,
): void {
  if (exchange.account === undefined) return;
  ledger.settle(exchange.account, {
    settledAtMs: nowMs(),
    fault: row.fault,
    usage: row.usage,
    costNanoUsd: cost?.nanoUsd,
    uncovered: cost?.uncovered ?? [],
    ownCostNanoUsd: cost?.ownNanoUsd,
    isEstimated: row.isEstimated,
  });
  exchange.account = undefined;
}

/** Notes what a stream has used so far. */
export function noteProgress({ ledger }: Services, exchange: Exchange, usage: Usage): void {
  if (exchange.account !== undefined) ledger.progress(exchange.account, nowMs(), usage);
}

/** Callers live as long as the configuration, and their scopes with them. */
const texts = new WeakMap<Caller, readonly string[]>();

function scopesOf({ caller, endUser: named, limits, budgets }: Exchange): readonly string[] {
  if (caller === undefined) return [];
  let scopes = texts.get(caller);
  if (scopes === undefined) {
    scopes = caller.scopes.map(scopeKey);
    texts.set(caller, scopes);
  }
  const endUser = named?.id;
  const { tags = [] } = limits?.subject ?? {};
  if (endUser === undefined && tags.length === 0 && budgets === undefined) return scopes;
  const own = tags.map((id) => scopeKey({ type: 'tag', id }));
  if (endUser !== undefined) own.push(scopeKey({ type: 'end-user', id: endUser }));
  // What a budget counts must be summed under its name, so that the next start finds it.
  if (budgets !== undefined) own.push(...budgets.hold.ledgerScopes());
  // Mostly the caller's own: the same list then, of which the journal has written out the text already.
  return own.every((scope) => scopes.includes(scope)) ? scopes : [...new Set([...scopes, ...own])];
}
