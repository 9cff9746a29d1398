import { usd } from '../catalog/decimal.ts';
import type { Exchange } from '../exchange.ts';

/**
 * What clients of LiteLLM's proxy read from the headers of an answer, in its names: the exchange, what it cost, and how the budget of the
 * key alone stands. Costs of streams are not known when they start.
 */
export function litellmHeaders({ id, budgets }: Exchange, headers: Headers): void {
  headers.set('x-litellm-call-id', id);
  const cost = headers.get('x-turnpike-cost-usd');
  if (cost !== null) headers.set('x-litellm-response-cost', cost);
  for (const { budget, account } of budgets?.hold.standings ?? []) {
    const { scope, limitNanoUsd } = budget.rule;
    if (limitNanoUsd === undefined || budget.each.length > 0) continue;
    if (scope.key === undefined || Object.keys(scope).length > 1) continue;
    headers.set('x-litellm-key-spend', usd(account.spentNanoUsd));
    headers.set('x-litellm-key-max-budget', usd(limitNanoUsd));
    return;
  }
}
