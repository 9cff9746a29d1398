import type * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../admin/admin-context.ts';
import type { AdminScope } from '../identity/admin-scope.ts';

/** One thing a management API of another service does here: the source of its route and of its checks. */
export interface FaceOperation {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** As in the service's documentation, from the root; may hold `{id}` as one segment. */
  readonly path: string;
  /** The right of the admin API the key must have, or `caller`: any key in force, which sees what is its own. */
  readonly access: AdminScope | 'caller';
  /** About the whole gateway: not for keys that belong to an organisation or a team. */
  readonly isGlobal?: boolean;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  /** Of an operation anyone may ask for, `rights` holds no scope unless the key has some. */
  readonly run: (context: AdminContext) => Promise<AdminAnswer> | AdminAnswer;
}
