import type { Usage } from '@turnpike/wire/canon/usage.ts';

/**
 * One line of the ledger. Written once and never changed: what turns out wrong is put right by a further entry.
 *
 * `attempt`: what one call of a provider cost; id `<exchange id>.<attempt number>`. `correction`: a difference to the
 * entry named in `corrects`. `adjustment`: an amount entered by hand.
 */
export interface LedgerEntry {
  readonly id: string;
  readonly kind: 'attempt' | 'correction' | 'adjustment';
  /** When the attempt began, Unix milliseconds: decides in which period it counts, whenever it is settled. */
  readonly atMs: number;
  readonly settledAtMs: number;
  readonly exchangeId: string | undefined;
  readonly attempt: number | undefined;
  /** Who it counts against, as `<type>:<id>`: `key:web`, `team:search`… */
  readonly scopes: readonly string[];
  /** As asked for by the client. */
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly endpoint: string | undefined;
  /** The provider's name of the model. */
  readonly modelServed: string | undefined;
  /** Code of the fault catalogue, when the attempt failed. */
  readonly fault: string | undefined;
  /** Without the provider's raw object. */
  readonly usage: Usage;
  /** Nano-USD, negative for credits; undefined when no price is known. */
  readonly costNanoUsd: bigint | undefined;
  /** What was used without a certain price; see `Cost.uncovered`. */
  readonly uncovered: readonly string[];
  /** Tokens were estimated: the provider's own figures never came. */
  readonly isEstimated: boolean;
  readonly corrects: string | undefined;
  readonly note: string | undefined;
}

/** What an entry is summed under: everything, and each scope and label it has. */
export function rollupScopes(entry: LedgerEntry): string[] {
  const scopes = new Set(['all', ...entry.scopes]);
  if (entry.model !== undefined) scopes.add(`model:${entry.model}`);
  if (entry.provider !== undefined) scopes.add(`provider:${entry.provider}`);
  if (entry.endpoint !== undefined) scopes.add(`endpoint:${entry.endpoint}`);
  return [...scopes];
}
