import type { OwnCredential, Payer } from './byok.ts';
import { isSameOrigin } from './endpoint-factory.ts';
import type { Endpoint } from './snapshot.ts';

/** By credential, then by endpoint: one object for each pair, as long as both live. */
const made = new WeakMap<OwnCredential, WeakMap<Endpoint, Endpoint>>();

/**
 * The endpoint with a caller's own credential in place of the shared one: without the headers and limits of that, which
 * belong to its account. What it costs is its owner's affair, unless it is to count.
 *
 * @returns undefined when the endpoint is not at the address the credential is for.
 */
export function withOwnCredential(endpoint: Endpoint, own: OwnCredential, counts: boolean): Endpoint | undefined {
  const { credential } = own;
  const { provider } = endpoint;
  if (credential.providerId !== provider.id || provider.auth.type === 'none') return undefined;
  const isAtProvider = isSameOrigin(endpoint.baseUrl, provider.baseUrl);
  const isAtOwn = credential.baseUrl !== undefined && isSameOrigin(endpoint.baseUrl, credential.baseUrl);
  if (!isAtProvider && !isAtOwn) return undefined;
  let ofOne = made.get(own);
  if (ofOne === undefined) {
    ofOne = new WeakMap();
    made.set(own, ofOne);
  }
  let found = ofOne.get(endpoint);
  if (found === undefined) {
    found = owned(endpoint, own, counts);
    ofOne.set(endpoint, found);
  }
  return found;
}

const lastResorts = new WeakMap<Endpoint, Endpoint>();
/** Above every `order` there is. */
const LAST_ORDER = 1_000_000_000;

/** The endpoint with its shared credential, to be tried after all others of the model. */
export function asLastResort(endpoint: Endpoint): Endpoint {
  let found = lastResorts.get(endpoint);
  if (found === undefined) {
    found = changed(endpoint, { order: endpoint.order + LAST_ORDER });
    lastResorts.set(endpoint, found);
  }
  return found;
}

/** The endpoint, which cannot be called, and why. */
export function withLack(endpoint: Endpoint, lack: string): Endpoint {
  return changed(endpoint, { lack });
}

/** The endpoint with what its credential was before it was rotated; undefined when that is over. */
export function withPreviousSecret(endpoint: Endpoint, nowMs: number): Endpoint | undefined {
  const { previous } = endpoint;
  if (previous === undefined || previous.untilMs <= nowMs) return undefined;
  return changed(endpoint, { credential: previous.secret, previous: undefined });
}

function owned(endpoint: Endpoint, { credential, paidBy }: OwnCredential, counts: boolean): Endpoint {
  const payer: Payer = { paidBy, listPrice: () => endpoint.price };
  return changed(endpoint, {
    credential: credential.secret,
    previous: credential.previous,
    headers: credential.headers,
    baseUrl: credential.baseUrl ?? endpoint.baseUrl,
    limits: [],
    lack: undefined,
    payer,
    ...(!counts && { price: uncounted }),
  });
}

const uncounted = { input: 0n, output: 0n, source: "the caller's own credential" };

/** A copy with some fields changed whose price is still read at each use. */
function changed(endpoint: Endpoint, fields: Partial<Endpoint>): Endpoint {
  const changes = Object.entries(fields).map(([name, value]) => [name, { value, enumerable: true }]);
  return Object.create(Object.prototype, {
    ...Object.getOwnPropertyDescriptors(endpoint),
    ...Object.fromEntries(changes),
  });
}
