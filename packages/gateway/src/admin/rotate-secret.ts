import * as z from 'zod/mini';
import { isSealedBy, resealCredential } from '../identity/credential-entity.ts';
import { type Entity, readEntityRow } from '../identity/entity.ts';
import { SealError } from '../identity/secret-seal.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';
import { AdminFault } from './admin-fault.ts';
import { commitAudited } from './change.ts';
import type { AdminOperation } from './operation.ts';

/** Credentials read at once. */
const PAGE = 500;

/** Puts the server secret a gateway was started with in force in the database. */
export const rotateSecretOperation: AdminOperation = {
  id: 'rotateSecret',
  method: 'POST',
  path: '/secret/rotate',
  scope: 'credentials:write',
  isGlobal: true,
  summary: 'Encrypt everything stored under the previous server secret anew, under the current one.',
  status: 200,
  answer: z.object({
    isRotated: z.boolean().check(z.describe('False: the current secret was in force already.')),
    credentials: z.int().check(z.describe('How many credentials were encrypted anew.')),
    unreadable: z
      .array(z.string())
      .check(z.describe('Names of credentials that neither secret opens; they were left as they are.')),
  }),
  run: rotateSecret,
};

function rotateSecret(context: AdminContext): Promise<AdminAnswer> {
  const { house } = context;
  return commitAudited(context, async () => {
    const { seal, meta } = await knownHere(() => house.secrets.rotation());
    const puts: Entity[] = [];
    const unreadable: string[] = [];
    for await (const before of credentials(context)) {
      if (isSealedBy(before, seal)) continue;
      const after = resealCredential(before, house.secrets, seal);
      if (after === undefined) unreadable.push(before.name);
      // The same version: what the gateways have in memory still holds.
      else puts.push(after);
    }
    const body = { isRotated: meta.length > 0, credentials: puts.length, unreadable };
    if (meta.length === 0 && puts.length === 0) return { answer: { status: 200, body } };
    return {
      action: 'secret.rotate',
      kind: 'secret',
      entityId: 'secret',
      before: undefined,
      after: body,
      puts,
      deletes: [],
      entries: [],
      meta,
      status: 200,
      body,
    };
  });
}

async function* credentials({ house }: AdminContext): AsyncGenerator<Entity> {
  let after: string | undefined;
  for (;;) {
    const page = await house.store.records.listEntities({ kind: 'credential', limit: PAGE, after });
    yield* page.map(readEntityRow);
    after = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

/**
 * What the secret in force gives.
 *
 * @throws AdminFault `store_unavailable` when the database goes by a secret that this process does not have.
 */
export async function knownHere<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof SealError)) throw error;
    throw new AdminFault('store_unavailable', {
      message: 'The server secret was changed, and this gateway does not have the one in force.',
      hint: 'Start it anew with the present TURNPIKE_SECRET.',
    });
  }
}
