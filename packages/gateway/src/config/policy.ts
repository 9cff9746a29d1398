import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import type { ByokMode } from './byok.ts';
import type { DataDemands } from './data-terms.ts';

/** What a policy can allow. The exchange has these operations too. */
export const policyOperations = ['generate', 'count-tokens'] as const;
export type PolicyOperation = (typeof policyOperations)[number];

/** What one level (an organisation, a team, a key …) allows. A field that is absent restricts nothing. */
export interface Policy {
  /** Names or patterns with `*`. An empty list allows none. Likewise `providers` and `endpoints`. */
  readonly models?: readonly string[] | undefined;
  readonly providers?: readonly string[] | undefined;
  readonly endpoints?: readonly string[] | undefined;
  readonly operations?: readonly PolicyOperation[] | undefined;
  /** Most output tokens an exchange may ask for. */
  readonly outputTokensMax?: number | undefined;
  /** What becomes of a request that asks for more: refused, when absent. */
  readonly outputTokensAbove?: 'refuse' | 'clamp' | undefined;
  /** What fields of a request may say. */
  readonly parameters?: readonly ParameterRule[] | undefined;
  /** What must be known of endpoints that are sent anything. */
  readonly data?: DataDemands | undefined;
  /** Addresses and CIDR ranges calls may come from. */
  readonly ipAllow?: readonly string[] | undefined;
  /** Unix milliseconds from which nothing is allowed any more. */
  readonly expiresAtMs?: number | undefined;
  /** Tags a key must carry. */
  readonly tagsRequired?: readonly string[] | undefined;
  /** Tags, or patterns with `*` of which one tag each has to fit, that a request must carry, by itself or by its key. */
  readonly requestTagsRequired?: readonly string[] | undefined;
  /** Absent: `prefer`, which restricts nothing. */
  readonly byok?: ByokMode | undefined;
}

/** A policy with names of groups, whose models stand beside its own. */
export interface GroupedPolicy extends Policy {
  readonly modelGroups?: readonly string[] | undefined;
}

/** What one field of a request may say, in the words of the caller's dialect. One of the five kinds. */
export interface ParameterRule {
  /** With dots into objects: `metadata.project`. */
  readonly field: string;
  /** Only in requests of this dialect; absent: in all. */
  readonly face?: DialectId | undefined;
  /** It may not be there. */
  readonly forbidden?: true | undefined;
  /** It has to be there. */
  readonly required?: true | undefined;
  /** It is this, whether the request says so or nothing. */
  readonly value?: Json | undefined;
  /** It is one of these, when it is there. */
  readonly values?: readonly Json[] | undefined;
  /** It is a number within these, both included, when it is there. */
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  /** What becomes of a request that says otherwise: refused, when absent; or the field is made to fit. */
  readonly otherwise?: 'refuse' | 'change' | undefined;
}
