import * as z from 'zod/mini';
import { type JwtIssuer, jwtAlgorithms, jwtRoles } from './jwt-issuer.ts';
import { issuerPolicySchema } from './policy-schema.ts';

const text = (description: string) => z.string().check(z.minLength(1), z.describe(description));
const url = (description: string) =>
  z.string().check(z.regex(/^https?:\/\/[^\s]+$/), z.describe(`${description} An http(s) address.`));

const claimsSchema = z
  .strictObject({
    user: z.optional(text('The user. Default sub.')),
    team: z.optional(text('The team, or a list of which the first known counts.')),
    organisation: z.optional(text('The organisation.')),
    roles: z.optional(text('Roles or scopes, to be mapped by roleMapping.')),
    tags: z.optional(text('Tags: a text or a list.')),
  })
  .check(z.describe('Paths of claims: names with dots between them.'));

const issuerSchema = z
  .strictObject({
    name: z
      .string()
      .check(z.regex(/^[A-Za-z0-9_-]{1,64}$/), z.describe('Begins the names of its callers: name:subject.')),
    issuer: url('What iss has to be.'),
    audience: z.union([text('What aud has to be.'), z.array(text('One of those aud may be.')).check(z.minLength(1))]),
    jwksUrl: z.optional(url('Where its public keys are. Default: by discovery.')),
    algorithms: z.optional(
      z
        .array(z.enum(jwtAlgorithms))
        .check(z.minLength(1), z.describe('Signatures accepted. Default RS256, ES256, EdDSA.')),
    ),
    claims: z.optional(claimsSchema),
    teamMapping: z.optional(
      z.record(z.string(), text('A team.')).check(z.describe('From what the claim says to a team.')),
    ),
    roleMapping: z.optional(
      z.record(z.string(), z.enum(jwtRoles)).check(z.describe('From what the claim says to a role.')),
    ),
    policy: z.optional(issuerPolicySchema),
    unknownUsers: z.optional(
      z.enum(['refuse', 'allow']).check(z.describe('Users that are not stored. Default refuse.')),
    ),
    clockSkewSec: z.optional(
      z.int().check(z.minimum(0), z.maximum(60), z.describe('How far clocks may differ. Default 60.')),
    ),
  })
  .check(z.describe('Whose tokens are accepted.'));

export const authSchema = z.strictObject({
  cutOffMaxMs: z.optional(
    z
      .int()
      .check(
        z.minimum(1_000),
        z.describe(
          'How long keys of the database, and tokens, are served after it could last be read; then they are refused. Default: as long as it takes.',
        ),
      ),
  ),
  jwt: z.optional(z.strictObject({ issuers: z.array(issuerSchema) })),
});

export function readJwtIssuer(entry: z.infer<typeof issuerSchema>): JwtIssuer {
  return {
    name: entry.name,
    issuer: entry.issuer,
    audience: typeof entry.audience === 'string' ? [entry.audience] : entry.audience,
    jwksUrl: entry.jwksUrl,
    algorithms: entry.algorithms ?? ['RS256', 'ES256', 'EdDSA'],
    claims: { user: 'sub', ...entry.claims },
    teamMapping: entry.teamMapping,
    roleMapping: entry.roleMapping ?? {},
    policy: entry.policy ?? {},
    unknownUsers: entry.unknownUsers ?? 'refuse',
    clockSkewSec: entry.clockSkewSec ?? 60,
  };
}
