import type { ScopeType } from './scope-type.ts';

/** The first goes first. */
export const priorities = ['high', 'normal', 'low'] as const;
export type Priority = (typeof priorities)[number];

/** Who shares a queue: what the caller or the request says of itself. */
export const queueCallers = ['key', 'user', 'serviceAccount', 'team', 'organisation', 'project', 'endUser'] as const;

/** How requests wait for a limit. */
export interface QueueRule {
  /** Above 0, at most an hour. */
  readonly maxWaitMs: number;
  /** Requests that wait at once, at most. */
  readonly lengthMax: number;
  /** Each of these is one caller. Requests that name none are told apart by their key. */
  readonly by: ScopeType;
  /** The first that fits the caller counts. Callers that none fits have weight 1 and normal priority. */
  readonly shares: readonly QueueShare[];
  /** May requests ask for a higher priority than their caller has? For a lower one always. */
  readonly mayRaise: boolean;
}

export interface QueueShare {
  /** An id, or a pattern with `*`. */
  readonly id: string;
  /** So many times the share of a caller of weight 1 and the same priority. */
  readonly weight: number;
  readonly priority: Priority;
}
