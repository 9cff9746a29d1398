import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Markup } from '../config/markup-rule.ts';

/**
 * One line of the ledger. Written once and never changed: what turns out wrong is put right by a further entry.
 *
 * `attempt`: what one call of a provider cost; id `<exchange id>.<attempt number>`. `correction`: a difference to the
 * entry named in `corrects`. `adjustment`: an amount entered by hand. `top-up` and `grant`: what was paid in, or given, as
 * prepaid credits; that is no spending, and summed under `credits` alone.
 */
export interface LedgerEntry {
  readonly id: string;
  readonly kind: 'attempt' | 'correction' | 'adjustment' | 'top-up' | 'grant';
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
  /** Nano-USD, negative for what is given back; of credits what was paid in; undefined when no price is known. */
  readonly costNanoUsd: bigint | undefined;
  /** What was used without a certain price; see `Cost.uncovered`. */
  readonly uncovered: readonly string[];
  /** Tokens were estimated: the provider's own figures never came. */
  readonly isEstimated: boolean;
  readonly corrects: string | undefined;
  /** By which it was charged; absent for what is charged at cost. */
  readonly markup?: Markup | undefined;
  /** Nano-USD charged beyond the cost, by the markup. */
  readonly upliftNanoUsd?: bigint | undefined;
  readonly note: string | undefined;
  /** The name of the key with which it was entered; undefined for attempts. */
  readonly enteredBy?: string | undefined;
  /** Whose credential it was, when it was a caller's own: `team:web`, or `request` for one that came with it. */
  readonly paidBy?: string | undefined;
  /** Nano-USD that its owner is billed; `costNanoUsd` is what counts here. Undefined too when that is not known. */
  readonly ownCostNanoUsd?: bigint | undefined;
}

/** Everything that was paid in, and what was paid in for an entity: the scopes of such an entry. */
export function creditScopes(entityId: string): readonly string[] {
  return ['credits', `credits:${entityId}`];
}

/** What was spent by an entry; undefined when no price is known. */
export function spentBy({ kind, costNanoUsd }: LedgerEntry): bigint | undefined {
  return kind === 'top-up' || kind === 'grant' ? 0n : costNanoUsd;
}

/** What is charged for an entry, markup included; undefined when no price is known. */
export function chargedFor(entry: LedgerEntry): bigint | undefined {
  const cost = spentBy(entry);
  return cost === undefined ? undefined : cost + (entry.upliftNanoUsd ?? 0n);
}

/** What an entry is summed under. */
export interface RollupScopes {
  readonly list: readonly string[];
  readonly json: string;
}

/** A caller's exchanges share one list of scopes, and differ in little else. */
const known = new WeakMap<readonly string[], Map<string, RollupScopes>>();
/** Per list of scopes; models' names may be the clients' inventions. */
const KNOWN_MAX = 64;

/** Everything, and each scope and label the entry has. The same object for the same list of scopes and labels. */
export function rollupScopes({ kind, scopes, model, provider, endpoint }: LedgerEntry): RollupScopes {
  if (kind === 'top-up' || kind === 'grant') return { list: scopes, json: JSON.stringify(scopes) };
  const key = `${model}\n${provider}\n${endpoint}`;
  let byLabels = known.get(scopes);
  if (byLabels === undefined) {
    byLabels = new Map();
    known.set(scopes, byLabels);
  }
  let found = byLabels.get(key);
  if (found === undefined) {
    const all = new Set(['all', ...scopes]);
    if (model !== undefined) all.add(`model:${model}`);
    if (provider !== undefined) all.add(`provider:${provider}`);
    if (endpoint !== undefined) all.add(`endpoint:${endpoint}`);
    const list = [...all];
    found = { list, json: JSON.stringify(list) };
    if (byLabels.size >= KNOWN_MAX) byLabels.clear();
    byLabels.set(key, found);
  }
  return found;
}
