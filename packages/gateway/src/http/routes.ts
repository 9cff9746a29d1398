import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { Operation } from '../exchange.ts';
import type { ManagementFace } from '../pipeline/services.ts';

/** What a path answers. */
export type Route =
  | { type: 'operation'; face: DialectId; operation: Operation }
  | { type: 'models' }
  | { type: 'model'; id: string }
  | { type: 'health' }
  | { type: 'ready' }
  | { type: 'admin' }
  | { type: 'management'; face: ManagementFace }
  | { type: 'root' };

const EXACT: Readonly<Record<string, Route>> = {
  '/chat/completions': { type: 'operation', face: 'openai-chat', operation: 'generate' },
  '/messages': { type: 'operation', face: 'anthropic-messages', operation: 'generate' },
  '/messages/count_tokens': { type: 'operation', face: 'anthropic-messages', operation: 'count-tokens' },
  '/models': { type: 'models' },
};

const OUTSIDE: Readonly<Record<string, Route>> = {
  '/': { type: 'root' },
  '/healthz': { type: 'health' },
  '/readyz': { type: 'ready' },
};

/**
 * Prefixes the API is served under. `/v1` is what the official SDKs use; the others are the base URLs people bring from
 * elsewhere (no prefix: LiteLLM; `/api/v1`: OpenRouter; `/openai/v1`: Groq), so that changing the host is enough.
 */
const PREFIXES = ['/v1', '/api/v1', '/openai/v1', ''] as const;

const VERCEL = /^\/v1\/(credits|generation|report)$/;
const OPENROUTER = /^\/api\/v1\/(key|auth\/key|keys|keys\/[^/]+|credits|generation|activity)$/;

/** What LiteLLM's proxy is managed by. */
const LITELLM =
  /^\/(v1\/model\/info$|v2\/(key\/info|team\/list|user\/info|model\/info)$|(key|team|user|organization|customer|end_user|budget|model|model_group|spend|global|tag|health|routes)(\/|$))/;

/** The route of a path; undefined when there is none. A trailing slash is tolerated. */
export function routeOf(pathname: string): Route | undefined {
  const outside = OUTSIDE[pathname];
  if (outside !== undefined) return outside;
  if (pathname.startsWith('/admin/api/')) return { type: 'admin' };
  const path = pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname;
  for (const prefix of PREFIXES) {
    if (!path.startsWith(prefix)) continue;
    const rest = path.slice(prefix.length);
    const exact = EXACT[rest];
    if (exact !== undefined) return exact;
    if (rest.startsWith('/models/')) {
      const id = decoded(rest.slice('/models/'.length));
      if (id !== undefined && id !== '') return { type: 'model', id };
    }
  }
  if (VERCEL.test(path)) return { type: 'management', face: 'vercel' };
  if (OPENROUTER.test(path)) return { type: 'management', face: 'openrouter' };
  return LITELLM.test(path) ? { type: 'management', face: 'litellm' } : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // Not valid percent-encoding: no such path.
  }
}

/** Methods a route answers, for `Allow`. */
export function methodsOf(route: Route): readonly string[] {
  if (route.type === 'admin' || route.type === 'management') return ['GET', 'POST', 'PATCH', 'DELETE', 'OPTIONS'];
  return route.type === 'operation' ? ['POST', 'OPTIONS'] : ['GET', 'HEAD', 'OPTIONS'];
}

/** The dialect an error about `pathname` is best told in. */
export function faceOfPath(pathname: string, headers: Headers): DialectId {
  const isAnthropic = pathname.includes('/messages') || headers.has('anthropic-version');
  return isAnthropic ? 'anthropic-messages' : 'openai-chat';
}
