import type { EffectivePolicy } from './effective-policy.ts';

/** What is stored about an end user, as far as requests go by it. */
export interface EndUser {
  readonly isBlocked: boolean;
  /** What requests for them may use; undefined for whatever their keys may. */
  readonly policy: EffectivePolicy | undefined;
}

/** The end users that are stored. */
export interface EndUserSource {
  readonly endUserCount: number;
  /** @param name As requests name them. */
  endUser(name: string): EndUser | undefined;
}
