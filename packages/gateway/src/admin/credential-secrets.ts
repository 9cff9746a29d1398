import { nearestNames } from '../config/near-names.ts';
import { isBounded } from '../identity/admin-scope.ts';
import { type CredentialSecrets, openCredential, sealCredential } from '../identity/credential-entity.ts';
import type { Entity } from '../identity/entity.ts';
import { SealError } from '../identity/secret-seal.ts';
import { joinSegment } from '../providers/join-segment.ts';
import { nowMs } from '../runtime/clock.ts';
import type { AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { knownHere } from './rotate-secret.ts';

/** Of shorter secrets nothing is shown. */
const HINTED_CHARS_MIN = 16;

/**
 * The credential with what the request says of its secrets, sealed anew when any of it changed.
 *
 * @param before Undefined when it is being made.
 * @throws AdminFault `body_invalid`
 */
export async function withSecrets(context: AdminContext, draft: Entity, before?: Entity): Promise<Entity> {
  const { secret, headers } = context.body as { secret?: string; headers?: Record<string, string> | null };
  const baseUrl = draft.body.baseUrl === undefined ? undefined : joinSegment(draft.body.baseUrl, undefined);
  const next = { ...draft, body: { ...draft.body, baseUrl } };
  if (before === undefined) requireProvider(context, next);
  if (context.body.baseUrl !== undefined || headers !== undefined) requireFree(context);
  const isMoved = before !== undefined && before.body.baseUrl !== baseUrl;
  if (isMoved && secret === undefined) {
    throw new AdminFault('body_invalid', {
      param: 'secret',
      message: 'Whoever has it sent to another address must know it.',
      hint: 'Give the secret with the new baseUrl.',
    });
  }
  if (secret === undefined && headers === undefined) return next;
  const known =
    before === undefined || (secret !== undefined && headers !== undefined) ? undefined : await opened(context, before);
  return sealed(context, next, {
    secret: secret ?? known?.secret ?? '',
    headers: headers === undefined ? (known?.headers ?? {}) : (headers ?? {}),
    // Who gives a secret in this way has the former one forgotten.
    previous: secret === undefined ? known?.previous : undefined,
  });
}

/** The credential with the secret of the request, and what was before for `graceMs` more. */
export async function withNewSecret(context: AdminContext, before: Entity): Promise<Entity> {
  const { secret, graceMs = 0 } = context.body as { secret: string; graceMs?: number };
  const known = await opened(context, before);
  const previous = graceMs > 0 ? { secret: known.secret, untilMs: nowMs() + graceMs } : undefined;
  return sealed(context, before, { ...known, secret, previous });
}

async function sealed({ house }: AdminContext, credential: Entity, secrets: CredentialSecrets): Promise<Entity> {
  const body = {
    ...credential.body,
    headerNames: Object.keys(secrets.headers),
    hint: secrets.secret.length < HINTED_CHARS_MIN ? '…' : `…${secrets.secret.slice(-4)}`,
    secretChangedAtMs: nowMs(),
    previousUntilMs: secrets.previous?.untilMs,
  };
  const seal = await knownHere(() => house.secrets.sealInForce());
  return sealCredential({ ...credential, body }, secrets, seal);
}

/** Where requests of the gateway go, and with what headers, is for those to say who look after the whole of it. */
function requireFree({ rights, caller, body }: AdminContext): void {
  if (!isBounded(rights)) return;
  throw new AdminFault('scope_missing', {
    param: body.baseUrl === undefined ? 'headers' : 'baseUrl',
    message: `The key "${caller.name}" belongs to an organisation or a team, and cannot set baseUrl and headers.`,
  });
}

/** What is kept of it is needed to change a part. */
async function opened({ house }: AdminContext, before: Entity): Promise<CredentialSecrets> {
  try {
    return openCredential(before, house.secrets);
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    await knownHere(() => house.secrets.sealInForce());
    throw new AdminFault('body_invalid', {
      param: 'secret',
      message: 'What is stored of it cannot be decrypted.',
      hint: 'Give both secret and headers.',
    });
  }
}

function requireProvider({ house }: AdminContext, { body }: Entity): void {
  const { providers } = house.snapshot();
  const provider = providers.get(body.provider ?? '');
  if (provider === undefined) {
    const near = nearestNames(body.provider ?? '', [...providers.keys()], 2);
    throw new AdminFault('body_invalid', {
      param: 'provider',
      message: `There is no provider "${body.provider}".`,
      hint: near.length > 0 ? `Did you mean ${near.join(' or ')}?` : 'Define it under providers in the configuration.',
    });
  }
  if (provider.auth.type !== 'none') return;
  throw new AdminFault('body_invalid', {
    param: 'provider',
    message: `The provider "${provider.id}" takes no credential.`,
  });
}
