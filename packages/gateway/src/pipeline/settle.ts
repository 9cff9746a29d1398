import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import { costOf } from '../ledger/cost.ts';
import { monotonicMs } from '../runtime/clock.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { closeAccount } from './account.ts';
import { chargeHold, settleHold } from './hold.ts';
import { settleLimits } from './limit.ts';
import type { Services } from './services.ts';

/** Notes what an attempt used and cost, in its row and in the ledger: before the client has the last byte of it. */
export function recordAttempt(
  services: Services,
  exchange: Exchange,
  row: AttemptRow,
  endpoint: Endpoint,
  usage: Usage | undefined,
  isEstimated: boolean,
): void {
  row.usage = usage;
  row.isEstimated = isEstimated;
  const cost = usage === undefined ? undefined : costOf(usage, endpoint.price);
  row.costNanoUsd = cost?.nanoUsd;
  row.durationMs = exchange.startedAtMs + (monotonicMs() - exchange.startedMonotonicMs) - row.startedAtMs;
  const { payer } = endpoint;
  const own = payer === undefined || usage === undefined ? undefined : costOf(usage, payer.listPrice());
  const paid = own === undefined ? cost : { nanoUsd: cost?.nanoUsd, uncovered: own.uncovered, ownNanoUsd: own.nanoUsd };
  closeAccount(services, exchange, row, paid);
  chargeHold(exchange, row.costNanoUsd);
}

/**
 * Ends the exchange: what it used and cost goes into its log row. Exactly once, whatever happened before: a second call
 * is a defect, and is refused rather than counted.
 */
export function settle(services: Services, exchange: Exchange, outcome: Outcome): void {
  if (exchange.isSettled) return;
  exchange.isSettled = true;
  settleLimits(exchange);
  settleHold(exchange);
  const { served, fault } = outcome;
  services.record({
    id: exchange.id,
    startedAtMs: exchange.startedAtMs,
    durationMs: monotonicMs() - exchange.startedMonotonicMs,
    firstByteMs: exchange.firstByteMs,
    queuedMs: exchange.limits?.queuedMs,
    keyName: exchange.caller?.name,
    face: exchange.face.id,
    operation: exchange.operation,
    modelAsked: exchange.body?.model ?? '',
    isStream: exchange.body?.isStream ?? false,
    status: outcome.status,
    fault: fault?.code,
    faultMessage: fault?.message,
    provider: served?.endpoint.provider.id,
    endpoint: served?.endpoint.id,
    modelServed: served?.endpoint.model,
    lane: served?.attempt.lane,
    finish: served?.finish,
    responseId: keptId(served?.responseId),
    usage: served?.usage,
    isEstimated: served?.isEstimated ?? false,
    costNanoUsd: totalCost(exchange.attempts),
    losses: exchange.losses,
    attempts: exchange.attempts,
    plan: exchange.plan?.reasons ?? [],
  });
  services.active.leave();
}

/** Longest id of an answer that is kept, in characters; providers use some forty. */
const ID_CHARS_MAX = 200;

function keptId(id: string | undefined): string | undefined {
  return id === undefined || id === '' || id.length > ID_CHARS_MAX ? undefined : id;
}

/** The sum over attempts; unknown as soon as one of them is. */
function totalCost(attempts: readonly AttemptRow[]): bigint | undefined {
  let total = 0n;
  for (const { costNanoUsd } of attempts) {
    if (costNanoUsd === undefined) return undefined;
    total += costNanoUsd;
  }
  return total;
}
