import { Fault } from '@turnpike/wire/fault.ts';
import type { AdminHouse } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { requireUnbounded } from '../../admin/reach.ts';
import { idempotencyOf, readJsonBody } from '../../admin/read-request.ts';
import { type AdminRights, hasScope } from '../../identity/admin-scope.ts';
import { effectivePolicy } from '../../identity/effective-policy.ts';
import type { Caller } from '../../policy/caller.ts';
import { StoreError } from '../../store/store.ts';
import { litellmRefusal } from './litellm-fault.ts';
import { litellmOperations } from './litellm-operations.ts';
import type { FaceContext, LitellmOperation } from './operation.ts';
import { readFields, requireKnownQuery } from './read-fields.ts';

/** Rights that nothing is within: what is a key's own is found by the key itself. */
const nothing: AdminRights = { scopes: [], organisationId: '', teamId: '' };

/** Who asks for what needs no key. */
const nobody: Caller = {
  id: '',
  name: '',
  isAdmin: false,
  scopes: [],
  policy: effectivePolicy([]),
  ownerIds: [],
  mayBringCredentials: false,
  refusal: undefined,
  admin: undefined,
};

/**
 * Answers what people who ran LiteLLM's proxy call to manage it: in its words, over our own entities, changes and
 * ledger.
 */
export class LitellmFace {
  readonly #house: AdminHouse;

  constructor(house: AdminHouse) {
    this.#house = house;
  }

  /** Never rejects. */
  async answer(request: Request, address: () => string | undefined): Promise<Response> {
    try {
      return await this.#answer(request, address);
    } catch (error) {
      return litellmRefusal(this.#faultOf(error));
    }
  }

  async #answer(request: Request, address: () => string | undefined): Promise<Response> {
    const fitting = operationsAt(new URL(request.url).pathname);
    const found = fitting.find(({ operation }) => operation.method === request.method);
    if (found?.operation.scope === 'public') {
      return written(await found.operation.run(this.#context(request, nobody, nothing, found.id, '')));
    }
    const caller = await this.#identified(request, address);
    if (found === undefined) throw unknownRoute(fitting, request.method);
    const { operation, id } = found;
    const { rights, isOwn } = admitted(caller, operation);
    const context = { ...this.#context(request, caller, rights, id, address() ?? ''), isOwn };
    if (operation.isGlobal === true && !isOwn) requireUnbounded(context);
    return written(await operation.run(await this.#read(request, operation, context)));
  }

  /** LiteLLM's own header comes first: it is there where another credential stands in the usual one. */
  async #identified(request: Request, address: () => string | undefined): Promise<Caller> {
    const own = request.headers.get('x-litellm-api-key');
    const headers = new Headers(request.headers);
    if (own !== null) headers.set('authorization', /^bearer /i.test(own) ? own : `Bearer ${own}`);
    const keys = this.#house.keys();
    await keys.verifying(headers);
    return keys.identify(headers, address);
  }

  #context(request: Request, caller: Caller, rights: AdminRights, id: string, origin: string): FaceContext {
    return {
      house: this.#house,
      caller,
      rights,
      origin,
      id,
      isOwn: true,
      query: Object.fromEntries(new URL(request.url).searchParams),
      body: {},
      expectedVersion: undefined,
      idempotency: undefined,
    };
  }

  async #read(request: Request, operation: LitellmOperation, context: FaceContext): Promise<FaceContext> {
    requireKnownQuery(context.query, operation.query ?? []);
    const { value, bytes } = await readJsonBody(request, operation.body !== undefined);
    const { body, refused = {}, isUpdate = false } = operation;
    return {
      ...context,
      body: body === undefined ? {} : readFields(body, value, refused, isUpdate),
      idempotency: operation.method === 'GET' ? undefined : idempotencyOf(request, bytes, this.#house.digest),
    };
  }

  #faultOf(error: unknown): Fault {
    if (error instanceof Fault) return error;
    const words = error instanceof Error ? error : String(error);
    this.#house.log.error('A request in the words of LiteLLM failed for a reason of ours.', { error: words });
    return new AdminFault(error instanceof StoreError ? 'store_unavailable' : 'internal', { cause: error });
  }
}

/** @throws AdminFault `scope_missing` */
function admitted(
  { admin, name }: Caller,
  { scope, isOwnAllowed }: LitellmOperation,
): { rights: AdminRights; isOwn: boolean } {
  if (admin !== undefined && scope !== 'public' && hasScope(admin, scope)) return { rights: admin, isOwn: false };
  if (isOwnAllowed === true) return { rights: nothing, isOwn: true };
  throw new AdminFault('scope_missing', { message: `The key "${name}" lacks the scope ${scope}.` });
}

function unknownRoute(fitting: readonly { operation: LitellmOperation }[], method: string): AdminFault {
  if (fitting.length === 0) return new AdminFault('route_unknown', { message: 'This path of LiteLLM is not served.' });
  const methods = fitting.map(({ operation }) => operation.method).join(', ');
  return new AdminFault('method_not_allowed', { message: `This path answers ${methods}, not ${method}.` });
}

function operationsAt(pathname: string): { operation: LitellmOperation; id: string }[] {
  const parts = (pathname.endsWith('/') ? pathname.slice(0, -1) : pathname).split('/');
  return litellmOperations.flatMap((operation) => {
    const wanted = operation.path.split('/');
    if (wanted.length !== parts.length) return [];
    const isFitting = wanted.every((part, at) => part === parts[at] || (part === '{id}' && parts[at] !== ''));
    return isFitting ? [{ operation, id: decoded(parts[wanted.indexOf('{id}')] ?? '') }] : [];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ''; // Not valid percent-encoding: nothing has such an id.
  }
}

function written({
  status,
  body,
  headers,
}: {
  status: number;
  body: unknown;
  headers?: Readonly<Record<string, string>>;
}) {
  const all = { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers };
  return new Response(JSON.stringify(body), { status, headers: all });
}
