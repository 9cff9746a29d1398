/**
 * Cross-origin headers for a browser at `origin`. Only configured origins are answered (`*` allows any); without
 * configuration there are none, and browsers keep out.
 *
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function corsHeaders(origin: string | null, allowed: readonly string[]): Record<string, string> {
  if (origin === null || allowed.length === 0) return {};
  if (!allowed.includes('*') && !allowed.includes(origin)) return {};
  return {
    'access-control-allow-origin': allowed.includes('*') ? '*' : origin,
    'access-control-expose-headers': '*',
    vary: 'origin',
  };
}

/** The answer to a preflight, in addition to {@link corsHeaders}. */
export function preflightHeaders(methods: readonly string[], requestedHeaders: string | null): Record<string, string> {
  return {
    allow: methods.join(', '),
    'access-control-allow-methods': methods.join(', '),
    // Echoed rather than `*`: a star does not cover `authorization`.
    'access-control-allow-headers': requestedHeaders ?? 'authorization, content-type, x-api-key',
    'access-control-max-age': '600',
  };
}
