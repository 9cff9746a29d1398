import { Fault } from '@turnpike/wire/fault.ts';
import { withPreviousSecret } from '../config/own-endpoint.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange } from '../exchange.ts';
import type { Shortage } from '../policy/budgets/budget-hold.ts';
import type { Refusal } from '../policy/limits/refusal.ts';
import type { PlanStep } from '../routing/plan.ts';
import { judgeRetry } from '../routing/retry.ts';
import { monotonicMs, nowMs } from '../runtime/clock.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { closeAccount, openAccount } from './account.ts';
import { dialects } from './dialects.ts';
import { editBody, outputFields } from './edit-body.ts';
import { estimateUsage } from './estimate.ts';
import { budgetFault, chargeHold, takeHold } from './hold.ts';
import { prepare } from './lane.ts';
import { freeSeat, limitFault, takeSeat } from './limit.ts';
import type { Services } from './services.ts';
import { recordAttempt } from './settle.ts';
import { type Answer, tryEndpoint } from './try-endpoint.ts';

/**
 * Walks the plan until an endpoint answers. Nothing has reached the client yet, so a failed try costs it only time:
 * the next endpoint is tried at once, the same one after a wait, fallbacks last.
 *
 * @throws Fault the last try's, when none answered; `client_gone` at once when the client left.
 */
export async function attempt(services: Services, exchange: Exchange, body: Body): Promise<Answer> {
  const steps = [...(exchange.plan?.steps ?? [])];
  let failure: { fault: Fault; step: PlanStep } | undefined;
  let full: Refusal | undefined;
  const refused = new Set<Endpoint>();
  let short: { shortage: Shortage; endpoint: Endpoint } | undefined;
  let older: PlanStep | undefined;
  for (const [at, step] of steps.entries()) {
    if (failure !== undefined && step !== older) {
      const isSame = failure.step.endpoint === step.endpoint;
      const repeats = exchange.attempts.filter((row) => isOf(row, step)).length;
      const verdict = judgeRetry(failure.fault, isSame || isExhausted(exchange, step), repeats, services.random);
      if (verdict.type === 'give-up') break;
      if (verdict.type === 'skip') continue;
      if (verdict.waitMs > 0) {
        await waitOrGone(verdict.waitMs, exchange.request.signal);
        refused.clear();
      }
    }
    if (refused.has(step.endpoint)) continue;
    const taking = takeSeat(services, exchange, step.endpoint);
    const refusal = taking instanceof Promise ? await taking : taking;
    if (refusal !== undefined) {
      if (full === undefined || refusal.retryAfterMs < full.retryAfterMs) full = refusal;
      refused.add(step.endpoint);
      noteNotTried(exchange, step, refusal.label);
      continue;
    }
    const held = takeHold(exchange, step.endpoint);
    const shortage = held instanceof Promise ? await held : held;
    if (shortage !== undefined) {
      freeSeat(exchange, undefined);
      short ??= { shortage, endpoint: step.endpoint };
      continue;
    }
    const outcome = await tryStep(services, exchange, body, step);
    if (!(outcome instanceof Fault)) return outcome;
    if (outcome.code === 'client_gone') throw outcome;
    failure = { fault: outcome, step };
    older = outcome.code === 'upstream_unauthorized' ? withOlderSecret(exchange, step) : undefined;
    if (older !== undefined) steps.splice(at + 1, 0, older);
  }
  if (failure === undefined && full === undefined && short !== undefined) {
    throw budgetFault(exchange, short.shortage, short.endpoint);
  }
  throw failure?.fault ?? (full === undefined ? new Fault('model_unavailable') : limitFault(full));
}

async function tryStep(services: Services, exchange: Exchange, body: Body, step: PlanStep): Promise<Answer | Fault> {
  const { endpoint } = step;
  const row: AttemptRow = {
    number: exchange.attempts.length + 1,
    provider: endpoint.provider.id,
    endpoint: endpoint.id,
    model: endpoint.model,
    paidBy: endpoint.payer?.paidBy,
    lane: endpoint.provider.dialect === exchange.face.id ? 'raw' : 'translate',
    startedAtMs: exchange.startedAtMs + (monotonicMs() - exchange.startedMonotonicMs),
    durationMs: 0,
    status: undefined,
    fault: undefined,
    upstreamRequestId: undefined,
    usage: undefined,
    isEstimated: false,
    costNanoUsd: undefined,
  };
  exchange.attempts.push(row);
  const startedMs = monotonicMs();
  try {
    const sent = withinBudget(exchange, body);
    const prepared = prepare(exchange, sent, endpoint, dialects[endpoint.provider.dialect]);
    row.lane = prepared.lane;
    exchange.losses = prepared.losses;
    const noted = openAccount(services, exchange, endpoint, row);
    if (noted !== undefined) await noted;
    return await tryEndpoint(services, exchange, sent, { endpoint, prepared, row });
  } catch (error) {
    const fault = asFault(error);
    if (fault.upstream !== undefined) fault.upstream.provider = endpoint.provider.id;
    row.fault = fault.code;
    row.status ??= fault.upstream?.status;
    row.upstreamRequestId ??= fault.upstream?.requestId;
    row.costNanoUsd = 0n;
    row.durationMs = monotonicMs() - startedMs;
    // The provider had the request and bills at least for reading it. A try that it refused costs nothing.
    if (exchange.operation === 'generate' && mayBeBilled(fault))
      recordAttempt(services, exchange, row, endpoint, estimateUsage(exchange), true);
    else closeAccount(services, exchange, row, endpoint.payer === undefined ? NO_COST : NO_OWN_COST);
    chargeHold(exchange, row.costNanoUsd);
    freeSeat(exchange, row);
    return fault;
  }
}

/** An answer without a bound of its own is given one where its hold demands it. */
function withinBudget(exchange: Exchange, body: Body): Body {
  const outputCap = exchange.budgets?.outputCap;
  if (outputCap === undefined) return body;
  const [field] = outputFields(exchange);
  return editBody(body, { [field]: outputCap }, 'little is left of a budget');
}

/** We stopped listening, or the way broke: the provider may have answered nevertheless. */
function mayBeBilled({ code }: Fault): boolean {
  switch (code) {
    case 'client_gone':
    case 'upstream_first_byte_timeout':
    case 'upstream_timeout':
    case 'upstream_stalled':
    case 'upstream_cut_short':
    case 'upstream_too_large':
      return true;
    default:
      return false;
  }
}

const NO_COST = { nanoUsd: 0n, uncovered: [] };
const NO_OWN_COST = { ...NO_COST, ownNanoUsd: 0n };

/** What was free when the plan was made is not always free when its turn comes. */
function noteNotTried(exchange: Exchange, { endpoint }: PlanStep, label: string): void {
  noteInPlan(exchange, `${endpoint.id}: not tried, over its limit of ${label}`);
}

function noteInPlan(exchange: Exchange, reason: string): void {
  const { plan } = exchange;
  if (plan === undefined) return;
  if (!plan.reasons.includes(reason)) exchange.plan = { ...plan, reasons: [...plan.reasons, reason] };
}

/** The same once more with what its credential was before it was rotated, while that is to be tried. */
function withOlderSecret(exchange: Exchange, step: PlanStep): PlanStep | undefined {
  const endpoint = withPreviousSecret(step.endpoint, nowMs());
  if (endpoint === undefined) return undefined;
  noteInPlan(exchange, `${endpoint.id}: its credential was refused, the previous one is tried`);
  return { ...step, endpoint };
}

/** A second round over the same endpoints is a repetition even when another one was tried in between. */
function isExhausted(exchange: Exchange, step: PlanStep): boolean {
  return exchange.attempts.some((row) => isOf(row, step));
}

/** Another's credential makes it another. */
function isOf(row: AttemptRow, { endpoint }: PlanStep): boolean {
  return row.endpoint === endpoint.id && row.paidBy === endpoint.payer?.paidBy;
}

/** Anything thrown that is no Fault is a defect of ours: it is kept as the cause and answered as `internal`. */
export function asFault(error: unknown): Fault {
  return error instanceof Fault ? error : new Fault('internal', { cause: error });
}

function waitOrGone(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onGone = () => {
      clearTimeout(timer);
      reject(new Fault('client_gone'));
    };
    if (signal.aborted) {
      reject(new Fault('client_gone'));
      return;
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onGone);
      resolve();
    }, ms);
    signal.addEventListener('abort', onGone, { once: true });
  });
}
