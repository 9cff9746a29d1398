import { Fault } from '@turnpike/wire/fault.ts';
import type { JwtIssuer } from '../config/jwt-issuer.ts';
import type { Caller } from '../policy/caller.ts';
import { type AdminRights, roleScopes } from './admin-scope.ts';
import { buildCaller } from './build-caller.ts';
import { claimTexts } from './claim-path.ts';
import type { Entity } from './entity.ts';
import type { KeyDirectory } from './key-directory.ts';

/** What a token that was found to be genuine says. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * Who calls with a token, as the directory has it now: as with a key that belongs to the user, team and organisation the
 * token names, under the issuer's policy.
 *
 * @throws Fault `token_invalid` when it names what is not there, or what does not go together.
 */
export function buildTokenCaller(issuer: JwtIssuer, claims: Claims, directory: KeyDirectory): Caller {
  const [subject] = claimTexts(claims, 'sub');
  if (subject === undefined) throw new Fault('token_invalid', { message: 'The token lacks the claim "sub".' });
  const place = placeOf(issuer, claims, directory);
  const { user, userName, team, organisationId } = place;
  const key: Entity = {
    id: `jwt:${issuer.name}:${subject}`,
    kind: 'key',
    name: `${issuer.name}:${subject}`,
    organisationId,
    teamId: team?.id,
    userId: user?.id,
    projectId: undefined,
    version: 1,
    createdAtMs: 0,
    updatedAtMs: 0,
    digest: undefined,
    previousDigest: undefined,
    body: {
      policy: issuer.policy,
      tags: issuer.claims.tags === undefined ? [] : claimTexts(claims, issuer.claims.tags),
    },
  };
  const caller = buildCaller(key, directory);
  const scopes =
    user === undefined && userName !== undefined
      ? [...caller.scopes, { type: 'user', id: userName } as const]
      : caller.scopes;
  return { ...caller, scopes, issuer: issuer.name, admin: rightsOf(issuer, claims, team?.id, organisationId) };
}

function placeOf(issuer: JwtIssuer, claims: Claims, directory: KeyDirectory) {
  const userName = single(claims, issuer.claims.user);
  const user = userName === undefined ? undefined : directory.level('user', userName);
  if (user === undefined && issuer.unknownUsers === 'refuse') throw unknown('user', issuer.claims.user);
  const team = teamOf(issuer, claims, directory);
  const organisationName = single(claims, issuer.claims.organisation);
  const organisation = organisationName === undefined ? undefined : directory.level('organisation', organisationName);
  if (organisationName !== undefined && organisation === undefined) {
    throw unknown('organisation', issuer.claims.organisation);
  }
  const organisations = new Set(
    [organisation?.id, team?.organisationId, user?.organisationId].filter((id) => id !== undefined),
  );
  if (organisations.size > 1) {
    throw new Fault('token_invalid', {
      message: 'The user, team and organisation the token names do not go together.',
    });
  }
  return { user, userName, team, organisationId: [...organisations][0] };
}

/** Of several, the first there is. */
function teamOf({ claims: paths, teamMapping }: JwtIssuer, claims: Claims, directory: KeyDirectory) {
  const named = paths.team === undefined ? [] : claimTexts(claims, paths.team);
  if (named.length === 0) return undefined;
  for (const name of named) {
    const reference = teamMapping === undefined ? name : ownText(teamMapping, name);
    const team = reference === undefined ? undefined : directory.level('team', reference);
    if (team !== undefined) return team;
  }
  throw unknown('team', paths.team);
}

/** Rights are those of roles in the token's team, or else its organisation: without either there are none. */
function rightsOf(
  { claims: paths, roleMapping }: JwtIssuer,
  claims: Claims,
  teamId: string | undefined,
  organisationId: string | undefined,
): AdminRights | undefined {
  if (paths.roles === undefined || (teamId === undefined && organisationId === undefined)) return undefined;
  const scopes = new Set(
    claimTexts(claims, paths.roles)
      .flatMap((text) => text.split(' '))
      .flatMap((name) => {
        const role = ownText(roleMapping, name);
        return role === undefined ? [] : roleScopes[role];
      }),
  );
  if (scopes.size === 0) return undefined;
  return { scopes: [...scopes], organisationId: teamId === undefined ? organisationId : undefined, teamId };
}

function single(claims: Claims, path: string | undefined): string | undefined {
  const texts = path === undefined ? [] : claimTexts(claims, path);
  if (texts.length > 1) throw new Fault('token_invalid', { message: `The token's claim "${path}" names several.` });
  return texts[0];
}

function ownText<T extends string>(map: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function unknown(kind: string, path: string | undefined): Fault {
  return new Fault('token_invalid', {
    message: `The token's claim "${path}" names no ${kind} that is known here.`,
  });
}
