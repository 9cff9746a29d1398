import type * as z from 'zod/mini';
import type { AdminScope } from '../identity/admin-scope.ts';
import type { AdminAnswer, AdminContext } from './admin-context.ts';

/** One thing the admin API does: the source of its route, its check, its schema check and its page in OpenAPI. */
export interface AdminOperation {
  /** `createTeam`. */
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Below `/admin/api/v1`; may hold `{id}` as one segment. */
  readonly path: string;
  /** What the key must have; undefined: any right at all. */
  readonly scope: AdminScope | undefined;
  /** About the whole gateway: not for keys that belong to an organisation or a team. */
  readonly isGlobal?: boolean;
  readonly summary: string;
  readonly query?: z.ZodMiniType;
  readonly body?: z.ZodMiniType;
  readonly status: number;
  /** Of the answer; undefined when it is no JSON. */
  readonly answer: z.ZodMiniType | undefined;
  /** Does it change one record, so that `If-Match` can say which version was seen? */
  readonly isVersioned?: boolean;
  readonly run: (context: AdminContext) => Promise<AdminAnswer> | AdminAnswer;
}

export const BASE_PATH = '/admin/api/v1';
