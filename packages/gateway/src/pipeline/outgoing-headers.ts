import type { Endpoint } from '../config/snapshot.ts';

/**
 * Client headers passed on to a provider of the named dialect. Everything else stays here: outgoing headers are built
 * from this list, never copied wholesale.
 */
const FORWARDED: Record<string, readonly string[]> = {
  'anthropic-messages': ['anthropic-version', 'anthropic-beta'],
  'openai-chat': ['openai-beta'],
};

const fixed = new WeakMap<Endpoint, Record<string, string>>();

/** The headers for a call of `endpoint`. `client` is set only when the client speaks the provider's dialect. */
export function outgoingHeaders(
  endpoint: Endpoint,
  isStream: boolean,
  client: Headers | undefined,
): Record<string, string> {
  let base = fixed.get(endpoint);
  if (base === undefined) {
    base = fixedHeaders(endpoint);
    fixed.set(endpoint, base);
  }
  const headers = { ...base };
  if (isStream) headers.accept = 'text/event-stream';
  if (client !== undefined) {
    for (const name of FORWARDED[endpoint.provider.dialect] ?? []) {
      const value = client.get(name);
      if (value !== null) headers[name] = value;
    }
  }
  return headers;
}

function fixedHeaders(endpoint: Endpoint): Record<string, string> {
  const { provider, credential } = endpoint;
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'turnpike',
  };
  if (credential !== undefined && provider.auth.type === 'bearer') headers.authorization = `Bearer ${credential}`;
  if (credential !== undefined && provider.auth.type === 'header') headers[provider.auth.name] = credential;
  for (const source of [provider.headers ?? {}, endpoint.headers]) {
    for (const [name, value] of Object.entries(source)) headers[name.toLowerCase()] = value;
  }
  return headers;
}
