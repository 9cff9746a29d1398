import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { Usage } from '@turnpike/wire/canon/usage.ts';

/** What the log keeps of one exchange. Written once, after settlement. No content, no secrets. */
export interface ExchangeRow {
  id: string;
  startedAtMs: number;
  durationMs: number;
  /** From the request's arrival to the first byte sent to the client; absent when none was. */
  firstByteMs: number | undefined;
  /** How long it waited in a queue of the limits; absent when it did not have to. */
  queuedMs: number | undefined;
  /** Name of the key that called, `admin`, or undefined when it was refused before that was known. */
  keyName: string | undefined;
  /** What the client spoke, and asked for. */
  face: string;
  operation: string;
  modelAsked: string;
  isStream: boolean;
  status: number;
  /** Code of the fault catalogue, when it failed. */
  fault: string | undefined;
  faultMessage: string | undefined;
  /** The attempt that answered: */
  provider: string | undefined;
  endpoint: string | undefined;
  modelServed: string | undefined;
  lane: 'raw' | 'patch' | 'translate' | undefined;
  finish: string | undefined;
  /** The id in the answer's body, as the provider gave it; undefined when it gave none. */
  responseId: string | undefined;
  usage: Usage | undefined;
  /** True when tokens were estimated because the stream ended before the provider reported usage. */
  isEstimated: boolean;
  /** Nano-USD; undefined when no price is known. */
  costNanoUsd: bigint | undefined;
  losses: readonly Loss[];
  attempts: readonly AttemptRow[];
  /** Why these endpoints in this order. */
  plan: readonly string[];
}

export interface AttemptRow {
  number: number;
  provider: string;
  endpoint: string;
  model: string;
  /** Whose credential, when it was a caller's own: `team:web`, or `request`. */
  paidBy?: string | undefined;
  lane: 'raw' | 'patch' | 'translate';
  startedAtMs: number;
  durationMs: number;
  /** HTTP status of the provider; undefined when no answer came. */
  status: number | undefined;
  fault: string | undefined;
  upstreamRequestId: string | undefined;
  usage: Usage | undefined;
  isEstimated: boolean;
  costNanoUsd: bigint | undefined;
}
