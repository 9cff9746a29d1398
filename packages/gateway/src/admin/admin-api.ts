import { Fault } from '@turnpike/wire/fault.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import { hasScope } from '../identity/admin-scope.ts';
import type { Caller } from '../policy/caller.ts';
import { StoreError } from '../store/store.ts';
import type { AdminAnswer, AdminContext, AdminHouse } from './admin-context.ts';
import { AdminFault, faultBody } from './admin-fault.ts';
import { findOperation } from './find-operation.ts';
import { operations } from './openapi.ts';
import { type AdminOperation, BASE_PATH } from './operation.ts';
import { requireUnbounded } from './reach.ts';
import { checked, expectedVersion, idempotencyOf, readJsonBody } from './read-request.ts';

/** Answers `/admin/api/…`. */
export class AdminApi {
  readonly #house: AdminHouse;

  constructor(house: AdminHouse) {
    this.#house = house;
  }

  /** Never rejects. Whoever has no key for this API learns nothing else from it, not even which paths there are. */
  async answer(request: Request, address: () => string | undefined): Promise<Response> {
    try {
      const keys = this.#house.keys();
      await keys.verifying(request.headers);
      const caller = keys.identify(request.headers, address);
      const { rights } = this.#admitted(caller);
      const { operation, id } = operationOf(request);
      if (operation.scope !== undefined && !hasScope(rights, operation.scope)) {
        throw new AdminFault('scope_missing', {
          message: `The key "${caller.name}" lacks the scope ${operation.scope}.`,
          hint: 'Give it the scope, or use a key that has it.',
        });
      }
      const context = { house: this.#house, caller, rights, origin: address() ?? '', id };
      if (operation.isGlobal === true) requireUnbounded({ ...context, ...NOTHING_READ });
      return written(await operation.run(await this.#read(request, operation, context)));
    } catch (error) {
      return this.#refusal(error);
    }
  }

  #admitted(caller: Caller): { rights: NonNullable<Caller['admin']> } {
    if (caller.admin !== undefined && caller.admin.scopes.length > 0) return { rights: caller.admin };
    throw new AdminFault('scope_missing', {
      message: `The key "${caller.name}" may not use the admin API.`,
      hint: 'Use the admin key, or one that was given adminScopes.',
    });
  }

  async #read(
    request: Request,
    operation: AdminOperation,
    known: Pick<AdminContext, 'house' | 'caller' | 'rights' | 'origin' | 'id'>,
  ): Promise<AdminContext> {
    const query = Object.fromEntries(new URL(request.url).searchParams);
    const { value, bytes } = await readJsonBody(request, operation.body !== undefined);
    return {
      ...known,
      query: operation.query === undefined ? {} : checked(operation.query, query),
      body: operation.body === undefined ? {} : checked(operation.body, value),
      expectedVersion: operation.isVersioned === true ? expectedVersion(request.headers) : undefined,
      idempotency: operation.method === 'POST' ? idempotencyOf(request, bytes, this.#house.digest) : undefined,
    };
  }

  #refusal(error: unknown): Response {
    const fault = this.#faultOf(error);
    const headers: Record<string, string> = { 'content-type': 'application/json', 'cache-control': 'no-store' };
    if (fault.status === 401) headers['www-authenticate'] = 'Bearer';
    return new Response(JSON.stringify(faultBody(fault)), { status: fault.status, headers });
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const words = error instanceof Error ? error : String(error);
    this.#house.log.error('A request to the admin API failed for a reason of ours.', { error: words });
    return new AdminFault(error instanceof StoreError ? 'store_unavailable' : 'internal', { cause: error });
  }
}

const NOTHING_READ = { query: {}, body: {}, expectedVersion: undefined, idempotency: undefined };

/** @throws AdminFault `route_unknown`, `method_not_allowed` */
function operationOf({ method, url }: Request): { operation: AdminOperation; id: string } {
  const { pathname } = new URL(url);
  const path = pathname.startsWith(`${BASE_PATH}/`) ? pathname.slice(BASE_PATH.length) : '';
  return findOperation(
    operations,
    { method, path },
    { message: 'This is no path of the admin API.', hint: `GET ${BASE_PATH}/openapi.json describes it.` },
  );
}

function written({ status, body, headers }: AdminAnswer): Response {
  const all = { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers };
  if (body instanceof ReadableStream) return new Response(body, { status, headers: all });
  if (status === 204) return new Response(null, { status, headers: { 'cache-control': 'no-store', ...headers } });
  // The lossless writer: the log may hold numbers that are to be shown as a provider wrote them.
  return new Response(stringifyJson(body as Json), { status, headers: all });
}
