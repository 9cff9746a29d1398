import type { PreviousSecret, StoredCredential } from '../config/stored-credential.ts';
import type { Entity } from './entity.ts';
import { SealError, type SecretSeal } from './secret-seal.ts';

/** What of a credential is encrypted. */
export interface CredentialSecrets {
  readonly secret: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly previous?: PreviousSecret | undefined;
}

export const CREDENTIAL_PURPOSE = 'provider credentials';

/** The credential with these secrets sealed in it, as the next version of them. */
export function sealCredential(entity: Entity, secrets: CredentialSecrets, seal: SecretSeal): Entity {
  const draft = { ...entity, body: { ...entity.body, secretVersion: (entity.body.secretVersion ?? 0) + 1 } };
  return { ...draft, body: { ...draft.body, sealed: seal.seal(JSON.stringify(secrets), aboutOf(draft)) } };
}

/** What opens sealed texts. */
export type Opener = Pick<SecretSeal, 'open'>;

/** @throws SealError when the server's secret is another, or the record was changed by something else. */
export function openCredential(entity: Entity, opener: Opener): CredentialSecrets {
  return JSON.parse(opener.open(entity.body.sealed ?? '', aboutOf(entity))) as CredentialSecrets;
}

export function isSealedBy(entity: Entity, seal: SecretSeal): boolean {
  return opened(entity, seal) !== undefined;
}

/** The same secrets sealed by another; undefined when they cannot be opened. */
export function resealCredential(entity: Entity, opener: Opener, seal: SecretSeal): Entity | undefined {
  const secrets = opened(entity, opener);
  if (secrets === undefined) return undefined;
  return { ...entity, body: { ...entity.body, sealed: seal.seal(JSON.stringify(secrets), aboutOf(entity)) } };
}

/** As endpoints use it; undefined when it cannot be opened. */
export function readCredential(entity: Entity, opener: Opener): StoredCredential | undefined {
  const { provider = '', baseUrl } = entity.body;
  const secrets = opened(entity, opener);
  return secrets && { name: entity.name, providerId: provider, baseUrl, ...secrets };
}

function opened(entity: Entity, opener: Opener): CredentialSecrets | undefined {
  try {
    return openCredential(entity, opener);
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/**
 * What the secrets are bound to: whoever can write to the database can neither put them under another name, owner or
 * address, nor put an older version in place of a newer one's number.
 */
function aboutOf({ id, name, organisationId, teamId, projectId, userId, body }: Entity): string {
  return JSON.stringify([
    id,
    body.secretVersion ?? null,
    name,
    body.provider ?? null,
    body.baseUrl ?? null,
    organisationId ?? null,
    teamId ?? null,
    projectId ?? null,
    userId ?? null,
    body.keyId ?? null,
  ]);
}
