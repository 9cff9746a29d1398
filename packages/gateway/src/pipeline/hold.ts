import { Fault } from '@turnpike/wire/fault.ts';
import { usd } from '../catalog/decimal.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange } from '../exchange.ts';
import { type AttemptBound, boundAttempt } from '../policy/budgets/attempt-bound.ts';
import type { Doubts, Shortage } from '../policy/budgets/budget-hold.ts';
import { costBound, outputWithin, unpricedTool } from '../policy/budgets/cost-bound.ts';
import type { ExchangeBudgets } from '../policy/budgets/exchange-budgets.ts';
import { boundRequest, type RequestBound } from '../policy/budgets/request-bound.ts';
import { readTags } from '../policy/limits/request-facts.ts';
import { estimateTokens } from '../policy/limits/token-cost.ts';
import { endUserOf } from './end-user.ts';
import type { Services } from './services.ts';

/** Nobody knows when those under way turn out cheaper: a hint for clients that would not wait at all. */
const HELD_RETRY_MS = 1_000;
/** The longest answer is held for while so many of it are left. */
const AMPLE_TIMES = 8n;

/**
 * Finds the budgets the exchange counts under and the most it can take. The money itself is held for each attempt, since
 * what one costs depends on the endpoint: see {@link takeHold}.
 */
export function hold({ budgets }: Services, exchange: Exchange, body: Body): void {
  const { caller, operation, request } = exchange;
  const concerned = caller === undefined || operation !== 'generate' ? undefined : budgets.of(caller);
  if (caller === undefined || concerned === undefined) return;
  const { bytes, lens, model } = body;
  const purse = budgets.open(concerned, {
    caller,
    model,
    endUser: concerned.needsEndUser ? endUserOf(exchange, body) : undefined,
    tags: concerned.needsTags ? readTags(bytes, lens, request.headers) : [],
  });
  if (purse.isEmpty) return;
  let bound: RequestBound | undefined;
  exchange.budgets = {
    hold: purse,
    now: () => budgets.now(),
    bound: () => {
      bound ??= boundOf(exchange, body);
      return bound;
    },
  };
}

/** What keeps an endpoint from serving the exchange now. Holds nothing. */
export function shortageAt({ budgets }: Exchange, endpoint: Endpoint): Shortage | undefined {
  if (budgets === undefined) return undefined;
  const { nanoUsd, capped, doubts } = needAt(budgets, endpoint);
  return budgets.hold.shortage(endpoint.provider.id, capped?.nanoUsd ?? nanoUsd, doubts);
}

/**
 * Holds the highest cost of an attempt in every budget it counts under. A promise only when processes share a budget.
 *
 * A request that leaves the length of its answer to the model is given the longest there can be, as long as much more is left;
 * near the line its answer is bound instead, so that it need not be refused: see `outputCap`.
 *
 * @returns why not, when it may not be made.
 */
export function takeHold(
  { budgets }: Exchange,
  endpoint: Endpoint,
): Shortage | undefined | Promise<Shortage | undefined> {
  if (budgets === undefined) return undefined;
  const { nanoUsd, capped, doubts } = needAt(budgets, endpoint);
  const { id } = endpoint.provider;
  budgets.outputCap = undefined;
  if (capped === undefined || nanoUsd === undefined) return budgets.hold.take(id, nanoUsd, doubts);
  if (nanoUsd === 0n || budgets.hold.hasLeft(id, nanoUsd * AMPLE_TIMES)) return budgets.hold.take(id, nanoUsd, doubts);
  budgets.outputCap = capped.outputTokens;
  return budgets.hold.take(id, capped.nanoUsd, doubts);
}

/** Turns the hold of the running attempt into what it cost. @param costNanoUsd Undefined when nobody can tell. */
export function chargeHold({ budgets }: Exchange, costNanoUsd: bigint | undefined): void {
  budgets?.hold.charge(costNanoUsd);
}

/** Ends the exchange's hold; what is still held belongs to an attempt whose end was not noted. */
export function settleHold(exchange: Exchange): void {
  chargeHold(exchange, exchange.attempts.at(-1)?.costNanoUsd);
}

export function budgetFault(exchange: Exchange, shortage: Shortage, endpoint: Endpoint): Fault {
  const { budgets } = exchange;
  const { label, reason, limitNanoUsd, spentNanoUsd, heldNanoUsd, neededNanoUsd, fitsAtMs } = shortage;
  if (budgets !== undefined) budgets.shortage = shortage;
  if (reason === 'unpriced') {
    return new Fault('price_unknown', {
      message: `The price of ${endpoint.id} is not known, and the ${label} must not be crossed. Give the endpoint a price in the configuration, or set unpriced: allow for the budget.`,
      param: 'model',
    });
  }
  if (reason === 'unbounded') {
    const gap = budgets === undefined ? undefined : needAt(budgets, endpoint).doubts.unbounded;
    return new Fault('cost_unbounded', {
      message:
        gap === undefined
          ? `The request names no bound on its output, and the ${label} must not be crossed. Set max_tokens, or outputTokensMax for the endpoint in the configuration.`
          : `The request has ${gap} of which nobody knows the most it can cost, and the ${label} must not be crossed. Bound it, or set unbounded: estimate for the budget.`,
    });
  }
  if (reason === 'unknown') {
    return new Fault('quota_unavailable', {
      message: `What other processes have spent of the ${label} cannot be asked, and the part of this one is used.`,
      retryAfterMs: HELD_RETRY_MS,
    });
  }
  const figures = `${usd(spentNanoUsd)} USD spent, ${usd(heldNanoUsd)} USD held by requests under way, at most ${usd(neededNanoUsd)} USD needed by this one`;
  const room = budgets === undefined ? '' : roomText(budgets, shortage, endpoint);
  const nowMs = budgets?.now() ?? 0;
  if (reason === 'never') {
    return new Fault('budget_spent', {
      message: `This request may cost more than the whole ${label}: ${figures}, of ${usd(limitNanoUsd)} USD.${room}`,
    });
  }
  if (reason === 'held') {
    return new Fault('budget_spent', {
      message: `The ${label} is held by others: ${figures}, of ${usd(limitNanoUsd)} USD.${room} Or try again when they have ended.`,
      retryAfterMs: HELD_RETRY_MS,
    });
  }
  const isFinal = fitsAtMs === Number.POSITIVE_INFINITY;
  const reset = isFinal ? 'It is not filled again by itself.' : `It fits from ${new Date(fitsAtMs).toISOString()} on.`;
  return new Fault('budget_spent', {
    message: `The ${label} is spent: ${figures}, of ${usd(limitNanoUsd)} USD.${room} ${reset}`,
    ...(!isFinal && { retryAfterMs: Math.max(0, fitsAtMs - nowMs) }),
  });
}

/** What would fit, when something does. */
function roomText(budgets: ExchangeBudgets, shortage: Shortage, endpoint: Endpoint): string {
  const { price } = endpoint;
  const left = shortage.limitNanoUsd - shortage.spentNanoUsd - shortage.heldNanoUsd;
  if (price === undefined || left <= 0n) return '';
  const bound = boundAttempt(budgets.bound(), endpoint);
  const tokens = Math.floor(outputWithin(left, price, bound) / bound.answers);
  return tokens < 1 ? '' : ` With max_tokens of at most ${tokens} it would fit now.`;
}

interface Need {
  /** The highest cost of an attempt; undefined when the price is not known. */
  readonly nanoUsd: bigint | undefined;
  /** The same, when each answer is bound to so much; undefined where there is no need for that. */
  readonly capped?: { readonly nanoUsd: bigint; readonly outputTokens: number } | undefined;
  /** What may make it dearer. */
  readonly doubts: Doubts;
}

function needAt(budgets: ExchangeBudgets, endpoint: Endpoint): Need {
  const { price } = endpoint;
  if (price === undefined) return { nanoUsd: undefined, doubts: {} };
  const bound = boundAttempt(budgets.bound(), endpoint);
  const doubts = { unbounded: gapOf(bound, endpoint), isOutputOpen: bound.isOutputOpen };
  const nanoUsd = costBound(price, bound);
  const { outputCap } = bound;
  if (outputCap === undefined) return { nanoUsd, doubts };
  const capped = { nanoUsd: costBound(price, bound, outputCap * bound.answers), outputTokens: outputCap };
  return { nanoUsd, capped, doubts };
}

/** Why the highest cost is not known, for people. */
function gapOf(bound: AttemptBound, { price }: Endpoint): string | undefined {
  if (bound.unbounded !== undefined || price === undefined) return bound.unbounded;
  const tool = unpricedTool(price, bound);
  return tool === undefined ? undefined : `${tool}, whose price is not known,`;
}

function boundOf({ limits, request }: Exchange, { bytes, lens }: Body): RequestBound {
  return boundRequest(bytes, lens, limits?.cost() ?? estimateTokens(bytes, lens), request.headers);
}
