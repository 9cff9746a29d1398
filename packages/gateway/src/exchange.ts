import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import type { Fault } from '@turnpike/wire/fault.ts';
import type { Lens } from '@turnpike/wire/json/lens.ts';
import type { Endpoint, Snapshot } from './config/snapshot.ts';
import type { EffectivePolicy } from './identity/effective-policy.ts';
import type { OpenAttempt } from './ledger/ledger.ts';
import type { ExchangeBudgets } from './policy/budgets/exchange-budgets.ts';
import type { Caller } from './policy/caller.ts';
import type { ExchangeLimits } from './policy/limits/exchange-limits.ts';
import type { Plan } from './routing/plan.ts';
import type { AttemptRow } from './telemetry/exchange-row.ts';

/** What a client may ask of a model. */
export type Operation = 'generate' | 'count-tokens';

export type Lane = 'raw' | 'patch' | 'translate';

/**
 * The record of one client call: it walks the path of `pipeline/handle.ts`, and every stage adds what it found.
 * What the client sent never changes; what a stage decides is written once.
 */
export interface Exchange {
  readonly id: string;
  readonly startedAtMs: number;
  /** For durations. */
  readonly startedMonotonicMs: number;
  /** The dialect the client speaks. */
  readonly face: Dialect;
  readonly operation: Operation;
  /** The client's request: its headers, address and abort signal. The body is in `body` once read. */
  readonly request: Request;
  /** The client's address, as far as it is known. */
  readonly address: () => string | undefined;
  /** Keeps the client's connection although nothing is sent on it for long. */
  readonly holdOpen: () => void;
  /** The configuration in force when the exchange began; a reload does not touch it. */
  readonly snapshot: Snapshot;

  caller?: Caller;
  /** Whom it is for, once somebody asked: the request may not say. */
  endUser?: { readonly id: string | undefined };
  /** What its end user and its caller may use, both; absent when the caller's own is all there is. */
  policy?: EffectivePolicy;
  body?: Body;
  /** Credentials of providers that came in the body, which has them no more. Secret. */
  brought?: readonly { readonly providerId: string; readonly secret: string }[];
  /** What it counts against; absent as long as no limit concerns it. */
  limits?: ExchangeLimits;
  /** The running attempt, as the ledger knows it. */
  account?: OpenAttempt | undefined;
  /** What it is paid from; absent as long as no budget concerns it. */
  budgets?: ExchangeBudgets;
  plan?: Plan;
  attempts: AttemptRow[];
  /** How many settlements were made: the sixth law says one. */
  isSettled: boolean;
  firstByteMs?: number;
  losses: readonly Loss[];
  /** The last error a provider answered with, as it came: passed on unchanged when the client speaks its dialect. */
  upstreamError?: UpstreamErrorAnswer;
}

export interface UpstreamErrorAnswer {
  /** The fault it was read as. */
  readonly fault: Fault;
  readonly dialect: DialectId;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
}

/** The request body: bytes as received, and what the lens found in them. */
export interface Body {
  readonly bytes: Uint8Array;
  readonly lens: Lens;
  /** The model asked for. */
  readonly model: string;
  readonly isStream: boolean;
  /** What a policy or a budget changed of what the client sent; absent when nothing was changed. */
  readonly changes?: readonly Loss[] | undefined;
}

/** How an exchange ended, for settlement. */
export interface Outcome {
  readonly status: number;
  readonly fault?: Fault | undefined;
  /** Set when an attempt answered, fully or in part. */
  readonly served?: Served | undefined;
}

/** What the attempt that answered gave. */
export interface Served {
  readonly attempt: AttemptRow;
  readonly endpoint: Endpoint;
  readonly usage: Usage | undefined;
  /** Tokens are an estimate: the answer ended before the provider reported usage. */
  readonly isEstimated: boolean;
  readonly finish: string | undefined;
  /** The answer's own id, which the client sees unless it is empty. */
  readonly responseId: string | undefined;
}
