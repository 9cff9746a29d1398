import type { GroupedPolicy } from './policy.ts';

/** Signatures by a private key only: with a shared secret, whoever can check a token can make one. */
export const jwtAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
] as const;
export type JwtAlgorithm = (typeof jwtAlgorithms)[number];

/** The roles a token can be given in the admin API. */
export const jwtRoles = ['owner', 'admin', 'member', 'viewer'] as const;
type JwtRole = (typeof jwtRoles)[number];

/** Whose tokens are accepted in place of keys, and what their claims mean; from `auth.jwt.issuers`. */
export interface JwtIssuer {
  /** Begins the names of its callers. */
  readonly name: string;
  /** What `iss` has to be. */
  readonly issuer: string;
  /** Any of these has to be in `aud`. */
  readonly audience: readonly string[];
  /** Absent: found by the issuer's discovery document. */
  readonly jwksUrl: string | undefined;
  readonly algorithms: readonly JwtAlgorithm[];
  /** Paths of claims. */
  readonly claims: {
    readonly user?: string | undefined;
    readonly team?: string | undefined;
    readonly organisation?: string | undefined;
    readonly roles?: string | undefined;
    readonly tags?: string | undefined;
  };
  /** From what the claim says to the team's name. Absent: it says the team's name or id. */
  readonly teamMapping: Readonly<Record<string, string>> | undefined;
  /** From what the claim says to a role. */
  readonly roleMapping: Readonly<Record<string, JwtRole>>;
  /** What all its callers may use at most. */
  readonly policy: GroupedPolicy & { readonly allowRequestCredentials?: boolean | undefined };
  /** Users that are not stored: refused, or accepted under the name the token gives. */
  readonly unknownUsers: 'refuse' | 'allow';
  /** How far the issuer's clock may be off, 0 to 60. */
  readonly clockSkewSec: number;
}
