import { usd } from '../catalog/decimal.ts';
import type { Exchange } from '../exchange.ts';
import { tightest } from '../policy/limits/admission.ts';
import type { ExchangeLimits } from '../policy/limits/exchange-limits.ts';

/**
 * What clients of LiteLLM's proxy read from the headers of an answer, in its names: the exchange, what it cost, and how the budget of the
 * key alone and its limits for the model stand. Costs of streams are not known when they start.
 */
export function litellmHeaders({ id, budgets, limits }: Exchange, headers: Headers): void {
  headers.set('x-litellm-call-id', id);
  const cost = headers.get('x-turnpike-cost-usd');
  if (cost !== null) headers.set('x-litellm-response-cost', cost);
  for (const { budget, account } of budgets?.hold.standings ?? []) {
    const { scope, limitNanoUsd } = budget.rule;
    if (limitNanoUsd === undefined || budget.each.length > 0) continue;
    if (scope.key === undefined || Object.keys(scope).length > 1) continue;
    headers.set('x-litellm-key-spend', usd(account.spentNanoUsd));
    headers.set('x-litellm-key-max-budget', usd(limitNanoUsd));
    break;
  }
  if (limits !== undefined) modelLimits(limits, headers);
}

/** What is left of the limits a key has for the model. */
function modelLimits({ standings, now }: ExchangeLimits, headers: Headers): void {
  for (const standing of standings) {
    const { scope, measure, each } = standing.compiled.rule;
    if (scope.key === undefined || scope.model === undefined || Object.keys(scope).length > 2 || each.length > 0)
      continue;
    if (measure !== 'requests' && measure !== 'tokens') continue;
    const reading = tightest([standing], [measure], now());
    if (reading === undefined) continue;
    headers.set(`x-litellm-key-remaining-${measure}-${headerName(scope.model)}`, String(reading.remaining));
  }
}

/** Names of models as parts of names of headers. */
function headerName(model: string): string {
  return model.replaceAll(/[^A-Za-z0-9._-]/g, '-');
}
