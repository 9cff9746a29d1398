import { Fault } from '@turnpike/wire/fault.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange } from '../exchange.ts';
import type { Admission, LimitEnd } from '../policy/limits/admission.ts';
import type { CompiledRule } from '../policy/limits/compiled-rule.ts';
import type { ExchangeLimits } from '../policy/limits/exchange-limits.ts';
import type { CallerRules } from '../policy/limits/limiter.ts';
import { askedPriority } from '../policy/limits/queue-place.ts';
import type { Refusal, RefusedWaiting } from '../policy/limits/refusal.ts';
import { readTags } from '../policy/limits/request-facts.ts';
import { estimateTokens, type TokenCost } from '../policy/limits/token-cost.ts';
import type { Patience } from '../policy/limits/waiter.ts';
import { monotonicMs } from '../runtime/clock.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { endUserOf } from './end-user.ts';
import type { Services } from './services.ts';

/** Nobody knows when one of those under way ends: a hint for clients that would not wait at all. */
const BUSY_RETRY_MS = 1_000;

/**
 * Counts the exchange against every limit that concerns it, or against none. A promise only when it waits in a queue, or
 * when processes count together.
 *
 * @throws Fault `rate_limited`; `quota_unavailable` when a limit refuses what it cannot ask for; `priority_invalid`,
 * `priority_forbidden`; `client_gone` and `shutting_down` while it waits.
 */
export function limit(services: Services, exchange: Exchange, body: Body): void | Promise<void> {
  const { caller } = exchange;
  const rules = caller === undefined ? undefined : services.limiter.rulesOf(caller);
  if (rules === undefined) return;
  const limits = limitsOf(services, exchange, body, rules);
  if (limits === undefined) return;
  const own = services.limiter.rulesFor(rules, limits.subject);
  limits.attemptRules = own.attempt;
  exchange.limits = limits;
  if (own.exchange.length === 0) return;
  const options = own.mayWait ? { patience: patienceOf(exchange, limits, own.exchange) } : undefined;
  const verdict = services.limiter.admit(own.exchange, limits.subject, limits.cost, options);
  if (verdict instanceof Promise) return verdict.then((verdict) => enter(limits, verdict));
  enter(limits, verdict);
}

/** @throws Fault `priority_invalid`, `priority_forbidden` */
function patienceOf(exchange: Exchange, limits: ExchangeLimits, rules: readonly CompiledRule[]): () => Patience {
  const { request, startedMonotonicMs } = exchange;
  const priority = askedPriority(rules, limits.subject, request.headers);
  return () => {
    const clientMs = clientTimeoutMs(request.headers);
    const beganMs = monotonicMs();
    return {
      signal: request.signal,
      priority,
      waitMsMax: clientMs && Math.max(0, clientMs - (beganMs - startedMonotonicMs)),
      onWait: () => {
        exchange.holdOpen();
        limits.queuedFromMs = beganMs;
      },
    };
  };
}

/** How long the official clients wait for an answer; their headers say it in whole seconds, rounded down. */
function clientTimeoutMs(headers: Headers): number | undefined {
  const seconds = Number(headers.get('x-stainless-timeout') ?? headers.get('x-stainless-read-timeout') ?? 0);
  return seconds > 0 ? seconds * 1_000 : undefined;
}

function endWaiting(limits: ExchangeLimits): void {
  if (limits.queuedFromMs !== undefined) limits.queuedMs ??= monotonicMs() - limits.queuedFromMs;
}

function enter(limits: ExchangeLimits, verdict: Admission | Refusal): void {
  limits.standings = verdict.standings;
  endWaiting(limits);
  if ('reason' in verdict) throw limitFault(verdict);
  limits.admission = verdict;
}

/** What keeps an endpoint from taking the exchange now. Counts nothing. */
export function refusalOfEndpoint(services: Services, exchange: Exchange, endpoint: Endpoint): Refusal | undefined {
  const place = placeAt(services, exchange, endpoint);
  return place && services.limiter.refusal(place.rules, withProvider(place.limits, endpoint), place.limits.cost);
}

/**
 * Counts an attempt against the limits of its endpoint and provider. A promise only when processes count together.
 *
 * @returns why not, when it may not be made.
 */
export function takeSeat(
  services: Services,
  exchange: Exchange,
  endpoint: Endpoint,
): Refusal | undefined | Promise<Refusal | undefined> {
  const place = placeAt(services, exchange, endpoint);
  if (place === undefined) return undefined;
  const { limits, rules } = place;
  const verdict = services.limiter.admit(rules, withProvider(limits, endpoint), limits.cost);
  if (verdict instanceof Promise) return verdict.then((verdict) => sit(limits, verdict));
  return sit(limits, verdict);
}

function sit(limits: ExchangeLimits, verdict: Admission | Refusal): Refusal | undefined {
  if ('reason' in verdict) return verdict;
  limits.seat = verdict;
  return undefined;
}

/** Ends a failed attempt's place: the next one has its own. @param row Undefined when the attempt was not made. */
export function freeSeat(exchange: Exchange, row: AttemptRow | undefined): void {
  exchange.limits?.seat?.settle(endOf(row === undefined ? [] : [row]));
}

/** Ends the exchange's places; a second call does nothing. */
export function settleLimits(exchange: Exchange): void {
  const { limits, attempts } = exchange;
  if (limits === undefined) return;
  endWaiting(limits); // It may have ended there.
  limits.seat?.settle(endOf(attempts.slice(-1)));
  limits.admission?.settle(endOf(attempts));
}

export function limitFault(refusal: Refusal): Fault {
  const { label, used, weight, reason, queue } = refusal;
  const counts = `${used} used, this request counts ${weight}`;
  if (reason === 'never') {
    return new Fault('rate_limited', {
      message: `This request is larger than a limit allows at all: ${label}, and it may take ${weight}. Make it smaller, or bound its output with max_tokens.`,
    });
  }
  if (reason === 'unknown') {
    return new Fault('quota_unavailable', {
      message: `What other processes used of a limit cannot be asked, and the part of this one is used: ${label}.`,
      retryAfterMs: BUSY_RETRY_MS,
    });
  }
  const waiting = queue === undefined ? '' : ` ${waitingWords(queue)}`;
  if (reason === 'busy') {
    return new Fault('rate_limited', {
      message: `Limit reached: ${label}.${waiting} Try again when another request has ended.`,
      retryAfterMs: BUSY_RETRY_MS,
    });
  }
  const seconds = (Math.ceil(refusal.retryAfterMs) / 1000).toString();
  return new Fault('rate_limited', {
    message: `Limit reached: ${label} (${counts}).${waiting} Try again in ${seconds} s.`,
    retryAfterMs: Math.ceil(refusal.retryAfterMs),
  });
}

function waitingWords({ why, length, waitedMs }: RefusedWaiting): string {
  if (why === 'full') return `As many requests as may wait for it do: ${length}.`;
  const others = `${length} ${length === 1 ? 'other waits' : 'others wait'} for it`;
  return why === 'late'
    ? `Its turn would come after the time it may wait, and ${others}.`
    : `It waited ${(waitedMs / 1_000).toFixed(1)} s, and ${others}.`;
}

/** The limits of an endpoint, and of the caller at its provider; undefined when there are none. */
function placeAt(
  services: Services,
  exchange: Exchange,
  endpoint: Endpoint,
): { limits: ExchangeLimits; rules: readonly CompiledRule[] } | undefined {
  const ofEndpoint = services.limiter.rulesOfEndpoint(endpoint);
  const ofCaller = exchange.limits?.attemptRules ?? [];
  if (ofEndpoint === undefined && ofCaller.length === 0) return undefined;
  if (exchange.body !== undefined) exchange.limits ??= limitsOf(services, exchange, exchange.body, undefined);
  const { limits } = exchange;
  return limits && { limits, rules: [...ofCaller, ...(ofEndpoint ?? [])] };
}

/** @param rules The caller's; undefined when only endpoints have limits. */
function limitsOf(
  { limiter }: Services,
  exchange: Exchange,
  body: Body,
  rules: CallerRules | undefined,
): ExchangeLimits | undefined {
  const { caller, request, operation } = exchange;
  if (caller === undefined) return undefined;
  const { bytes, lens } = body;
  let cost: TokenCost | undefined;
  return {
    subject: {
      caller,
      model: body.model,
      endUser: rules?.needsEndUser === true ? endUserOf(exchange, body) : undefined,
      tags: rules?.needsTags === true ? readTags(bytes, lens, request.headers) : [],
    },
    cost: () => {
      if (operation === 'generate') cost ??= estimateTokens(bytes, lens);
      return cost;
    },
    now: () => limiter.now(),
    attemptRules: [],
    standings: [],
  };
}

function withProvider(limits: ExchangeLimits, endpoint: Endpoint) {
  return { ...limits.subject, provider: endpoint.provider.id };
}

function endOf(attempts: readonly AttemptRow[]): LimitEnd {
  let inputTokens = 0;
  let outputTokens = 0;
  for (const { usage } of attempts) {
    inputTokens += usage?.inputTokens ?? 0;
    outputTokens += usage?.outputTokens ?? 0;
  }
  return { wasUnsent: attempts.length === 0, inputTokens, outputTokens };
}
