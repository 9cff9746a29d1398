import type { Price } from '../catalog/price.ts';
import type { StoredCredential } from './stored-credential.ts';

/**
 * Whose credential pays. `prefer`: the caller's own where there is one for the provider, else the shared one. `fallback`: the
 * same, and the shared one where the own one failed. `only`: the caller's own. `never`: the shared one.
 */
export const byokModes = ['prefer', 'fallback', 'only', 'never'] as const;
export type ByokMode = (typeof byokModes)[number];

/** A credential that belongs to a caller, who pays with it. */
export interface OwnCredential {
  readonly credential: Omit<StoredCredential, 'name'>;
  /** Whose it is, as `<kind>:<name>`, or `request` when it came with the request. */
  readonly paidBy: string;
}

/** Of an endpoint that a caller's own credential is used at. */
export interface Payer {
  readonly paidBy: string;
  /** What its owner is billed by. The endpoint's own price is what the gateway's budgets count. */
  readonly listPrice: () => Price | undefined;
}
