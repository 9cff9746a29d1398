import * as z from 'zod/mini';
import { usd } from '../catalog/decimal.ts';
import { percentText } from '../config/markup-rule.ts';
import type { LedgerEntry } from '../ledger/entry.ts';

/** Amounts, as the API shows them. */
export const moneyView = {
  costUsd: z.nullable(
    z
      .string()
      .check(z.describe('US dollars, exact; of a top-up or grant, what was paid in; null when no price is known.')),
  ),
  costNanoUsd: z.nullable(z.string().check(z.describe('Nano-USD, as text: it may pass 2^53.'))),
};

export const entryView = z.looseObject({
  id: z.string(),
  kind: z.enum(['attempt', 'correction', 'adjustment', 'top-up', 'grant']),
  atMs: z.number(),
  settledAtMs: z.number(),
  scopes: z.array(z.string()),
  isEstimated: z.boolean(),
  paidBy: z.optional(z.string().check(z.describe("Whose credential, when it was a caller's own."))),
  ownCostUsd: z.optional(z.string().check(z.describe('US dollars its owner is billed, where that is known.'))),
  ...moneyView,
  markup: z.optional(z.object({ percent: z.string(), perCallUsd: z.string() })),
  upliftUsd: z.optional(z.string().check(z.describe('Charged beyond the cost, by the markup.'))),
});

/** An entry as the API shows it. */
export function entryOf({
  costNanoUsd,
  ownCostNanoUsd,
  markup,
  upliftNanoUsd,
  ...entry
}: LedgerEntry): Record<string, unknown> {
  return {
    ...entry,
    ...(ownCostNanoUsd !== undefined && { ownCostUsd: usd(ownCostNanoUsd) }),
    costUsd: costNanoUsd === undefined ? null : usd(costNanoUsd),
    costNanoUsd: costNanoUsd?.toString() ?? null,
    ...(markup !== undefined && {
      markup: { percent: percentText(markup), perCallUsd: usd(markup.perCallNanoUsd) },
    }),
    ...(upliftNanoUsd !== undefined && { upliftUsd: usd(upliftNanoUsd) }),
  };
}
