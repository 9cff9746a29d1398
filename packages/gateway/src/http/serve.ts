import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import type { Exchange, Operation } from '../exchange.ts';
import { asFault } from '../pipeline/attempt.ts';
import { dialects } from '../pipeline/dialects.ts';
import { handle } from '../pipeline/handle.ts';
import { litellmHeaders } from '../pipeline/litellm-headers.ts';
import type { Services } from '../pipeline/services.ts';
import { monotonicMs, nowMs } from '../runtime/clock.ts';
import { newExchangeId } from '../runtime/exchange-id.ts';
import { clientAddress } from './client-address.ts';
import { corsHeaders, preflightHeaders } from './cors.ts';
import { anthropicModels, oneModel, openaiModels } from './models.ts';
import { faceOfPath, methodsOf, type Route, routeOf } from './routes.ts';

/** What can be asked of the connection a request came by. */
export interface Connection {
  /** Takes it out of the server's idle timeout: models may think for minutes without a byte. */
  readonly holdOpen: () => void;
  /** The client's address; undefined when the connection is gone. */
  readonly address: () => string | undefined;
}

/** Answers one HTTP request. */
export async function serve(services: Services, request: Request, by: Connection): Promise<Response> {
  const connection = behindProxies(services, request, by);
  const pathname = pathOf(request.url);
  const route = routeOf(pathname);
  const exchange =
    route?.type === 'operation' && request.method === 'POST'
      ? newExchange(services, request, connection, route)
      : undefined;
  const response =
    exchange !== undefined
      ? await handle(services, exchange)
      : route?.type === 'admin' && request.method !== 'OPTIONS'
        ? await services.admin(request, connection.address)
        : route?.type === 'management' && request.method !== 'OPTIONS'
          ? await services.management(route.face, request, connection.address)
          : await answer(services, request, pathname, route, connection);
  if (route?.type === 'operation' && pathname.startsWith('/api/v1/')) tellGeneration(response);
  if (exchange !== undefined && isUnprefixed(pathname)) litellmHeaders(exchange, response.headers);
  const { origins } = services.snapshot.server.cors;
  if (origins.length > 0) {
    for (const [name, value] of Object.entries(corsHeaders(request.headers.get('origin'), origins))) {
      response.headers.set(name, value);
    }
  }
  return response;
}

/** Addresses are looked up when somebody asks for one. */
function behindProxies({ snapshot }: Services, { headers }: Request, connection: Connection): Connection {
  const { trustedProxies } = snapshot.server;
  if (trustedProxies.length === 0) return connection;
  const address = () => clientAddress(connection.address(), headers.get('x-forwarded-for'), trustedProxies);
  return { ...connection, address };
}

/** LiteLLM's proxy is called at these paths. */
function isUnprefixed(pathname: string): boolean {
  return pathname.startsWith('/chat/') || pathname.startsWith('/messages');
}

/** OpenRouter's name for the id by which an exchange is found afterwards. */
function tellGeneration({ headers }: Response): void {
  const id = headers.get('x-turnpike-exchange-id');
  if (id !== null) headers.set('x-generation-id', id);
}

function newExchange(
  services: Services,
  request: Request,
  { holdOpen, address }: Connection,
  { face, operation }: { face: DialectId; operation: Operation },
): Exchange {
  const startedAtMs = nowMs();
  return {
    id: newExchangeId(startedAtMs),
    startedAtMs,
    startedMonotonicMs: monotonicMs(),
    face: dialects[face],
    operation,
    request,
    address,
    holdOpen,
    snapshot: services.snapshot,
    attempts: [],
    isSettled: false,
    losses: [],
  };
}

/** Everything that is no exchange. */
async function answer(
  services: Services,
  request: Request,
  pathname: string,
  route: Route | undefined,
  connection: Connection,
): Promise<Response> {
  try {
    if (route === undefined) {
      throw new Fault('route_unknown', {
        message: `${shortened(pathname)} is no path of this gateway. It serves POST /v1/chat/completions, POST /v1/messages, POST /v1/messages/count_tokens, GET /v1/models, /admin/api/v1, /healthz and /readyz.`,
      });
    }
    const methods = methodsOf(route);
    if (request.method === 'OPTIONS') {
      const wanted = request.headers.get('access-control-request-headers');
      return new Response(null, { status: 204, headers: preflightHeaders(methods, wanted) });
    }
    if (!methods.includes(request.method)) {
      throw new Fault('method_not_allowed', {
        message: `${shortened(pathname)} answers ${methods.join(', ')}, not ${request.method}.`,
      });
    }
    if (route.type === 'models' || route.type === 'model') await services.keys.verifying(request.headers);
    return read(services, request, route, connection);
  } catch (error) {
    return refusal(request, pathname, route, asFault(error));
  }
}

function read(services: Services, request: Request, route: Route, { address }: Connection): Response {
  const { snapshot } = services;
  switch (route.type) {
    case 'root':
      return Response.json({ name: 'turnpike', models: '/v1/models', health: '/healthz', ready: '/readyz' });
    case 'health':
      return new Response('ok\n');
    case 'ready':
      return services.active.isStopping ? new Response('shutting down\n', { status: 503 }) : new Response('ready\n');
    case 'models': {
      const caller = services.keys.identify(request.headers, address);
      return Response.json(
        isAnthropicClient(request)
          ? anthropicModels(snapshot, caller, new URL(request.url).searchParams)
          : openaiModels(snapshot, caller),
      );
    }
    case 'model': {
      const caller = services.keys.identify(request.headers, address);
      return Response.json(oneModel(snapshot, caller, route.id, isAnthropicClient(request)));
    }
    case 'operation':
    case 'admin':
    case 'management':
      throw new Fault('method_not_allowed');
  }
}

function refusal(request: Request, pathname: string, route: Route | undefined, fault: Fault): Response {
  const face = dialects[faceOfPath(pathname, request.headers)];
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (fault.code === 'method_not_allowed' && route !== undefined) headers.allow = methodsOf(route).join(', ');
  return new Response(JSON.stringify(face.writeFault(fault)), { status: fault.status, headers });
}

/** Anthropic's SDK always says its version; nobody else does. */
function isAnthropicClient(request: Request): boolean {
  return request.headers.has('anthropic-version');
}

/** The path of an absolute URL, without building a URL object for each request. */
function pathOf(url: string): string {
  const start = url.indexOf('/', url.indexOf('://') + 3);
  if (start < 0) return '/';
  const question = url.indexOf('?', start);
  return question < 0 ? url.slice(start) : url.slice(start, question);
}

function shortened(path: string): string {
  return path.length <= 200 ? path : `${path.slice(0, 200)}…`;
}
