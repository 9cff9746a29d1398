import { Fault } from '@turnpike/wire/fault.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import type { AdminAnswer, AdminContext, AdminHouse } from '../admin/admin-context.ts';
import { AdminFault } from '../admin/admin-fault.ts';
import { findOperation } from '../admin/find-operation.ts';
import { requireUnbounded } from '../admin/reach.ts';
import { checked, idempotencyOf, readJsonBody } from '../admin/read-request.ts';
import { type AdminRights, hasScope } from '../identity/admin-scope.ts';
import type { Caller } from '../policy/caller.ts';
import { StoreError } from '../store/store.ts';
import type { FaceOperation } from './face-operation.ts';

/** What tells one service's API from another's. */
export interface Face {
  readonly operations: readonly FaceOperation[];
  /** The service's body for an error. */
  readonly writeFault: (fault: Fault) => Json;
}

const NO_RIGHTS: AdminRights = { scopes: [], organisationId: undefined, teamId: undefined };

/** Answers the management API of another service with the entities, the ledger and the rights there are here. */
export class FaceApi {
  readonly #house: AdminHouse;
  readonly #face: Face;

  constructor(house: AdminHouse, face: Face) {
    this.#house = house;
    this.#face = face;
  }

  /** Never rejects. Without a key that is in force there is no answer but that. */
  async answer(request: Request, address: () => string | undefined): Promise<Response> {
    try {
      const keys = this.#house.keys();
      await keys.verifying(request.headers);
      const caller = keys.identify(request.headers, address);
      const { operation, id } = this.#operationOf(request);
      requireAccess(caller, operation);
      const context = await this.#read(request, operation, caller, { origin: address() ?? '', id });
      if (operation.isGlobal === true) requireUnbounded(context);
      return written(await operation.run(context));
    } catch (error) {
      return this.#refusal(error);
    }
  }

  async #read(
    request: Request,
    operation: FaceOperation,
    caller: Caller,
    known: Pick<AdminContext, 'origin' | 'id'>,
  ): Promise<AdminContext> {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    const { value, bytes } = await readJsonBody(request, operation.body !== undefined);
    return {
      ...known,
      house: this.#house,
      caller,
      rights: caller.admin ?? NO_RIGHTS,
      query: operation.query === undefined ? {} : checked(operation.query, query),
      body: operation.body === undefined ? {} : checked(operation.body, value),
      expectedVersion: undefined,
      idempotency: operation.method === 'POST' ? idempotencyOf(request, bytes, this.#house.digest) : undefined,
    };
  }

  /** @throws AdminFault `route_unknown`, `method_not_allowed` */
  #operationOf({ method, url }: Request): { operation: FaceOperation; id: string } {
    const { pathname } = new URL(url);
    const path = pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
    return findOperation(this.#face.operations, { method, path }, { message: 'This path is not served here.' });
  }

  #refusal(error: unknown): Response {
    const fault = this.#faultOf(error);
    const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    if (fault.status === 401) headers['www-authenticate'] = 'Bearer';
    return new Response(stringifyJson(this.#face.writeFault(fault)), { status: fault.status, headers });
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const words = error instanceof Error ? error : String(error);
    this.#house.log.error('A request to a management API failed for a reason of ours.', { error: words });
    return new AdminFault(error instanceof StoreError ? 'store_unavailable' : 'internal', { cause: error });
  }
}

/** @throws AdminFault `scope_missing` */
function requireAccess({ admin, name }: Caller, { access }: FaceOperation): void {
  if (access === 'caller' || (admin !== undefined && hasScope(admin, access))) return;
  throw new AdminFault('scope_missing', {
    message: `The key "${name}" is no management key for this: it lacks the scope ${access}.`,
  });
}

function written({ status, body, headers }: AdminAnswer): Response {
  const all = { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers };
  // The lossless writer: amounts are decimals no number of JavaScript holds.
  return new Response(stringifyJson(body as Json), { status, headers: all });
}
