import type * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import type { AdminScope } from '../../identity/admin-scope.ts';
import type { RefusedFields } from './read-fields.ts';

/** A request to the LiteLLM face, its sender admitted. */
export interface FaceContext extends AdminContext {
  /** The caller lacks the operation's scope, and may see what is its own and nothing else. */
  readonly isOwn: boolean;
  readonly query: Readonly<Record<string, string>>;
}

/** One thing the face answers: the source of its route, its check and the fields it takes. */
export interface LitellmOperation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** May hold `{id}` as one segment. */
  readonly path: string;
  /** What a key must have; `public`: no key is asked for. */
  readonly scope: AdminScope | 'public';
  /** A key without the scope may ask too, about itself. */
  readonly isOwnAllowed?: boolean;
  /** About the whole gateway: not for keys that belong to an organisation or a team. */
  readonly isGlobal?: boolean;
  /** Fields of the body; absent: it has none. */
  readonly body?: z.ZodMiniType;
  /** Fields LiteLLM takes and this gateway has no meaning for, each with the reason. */
  readonly refused?: RefusedFields;
  /** Are fields that are null left as they are, because they take something away? */
  readonly isUpdate?: boolean;
  readonly query?: readonly string[];
  readonly run: (context: FaceContext) => Promise<AdminAnswer> | AdminAnswer;
}

export function ok(body: unknown): AdminAnswer {
  return { status: 200, body };
}
