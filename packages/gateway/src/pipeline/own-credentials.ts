import { Fault } from '@turnpike/wire/fault.ts';
import type { OwnCredential } from '../config/byok.ts';
import { asLastResort, withLack, withOwnCredential } from '../config/own-endpoint.ts';
import type { Endpoint, ModelRoute } from '../config/snapshot.ts';
import type { Exchange } from '../exchange.ts';
import type { Caller } from '../policy/caller.ts';
import type { Brought } from './brought-in-body.ts';
import { policyOf } from './end-user.ts';
import type { Services } from './services.ts';

/** Brings credentials of the caller's along: `openai=sk-…`, several with commas between them. */
const HEADER = 'x-turnpike-provider-key';

/** The credentials with which an exchange is paid. */
export interface Purse {
  /** Has the caller one of its own for this provider? */
  has(providerId: string): boolean;
  /** The route as the caller is served by it. */
  applied(route: ModelRoute): ModelRoute;
}

/**
 * What the caller pays with. Undefined when that is the shared credentials, and nothing else could be: mostly.
 *
 * @throws Fault `credential_forbidden`, `credential_invalid`
 */
export function purseOf(services: Services, exchange: Exchange): Purse | undefined {
  const { caller } = exchange;
  const policy = policyOf(exchange);
  if (caller === undefined || policy === undefined) return undefined;
  const header = exchange.request.headers.get(HEADER);
  const { own, shared, fallsBack } = policy.credentials;
  const isBringing = header !== null || exchange.brought !== undefined;
  if (!isBringing && shared && (!own || services.vault.isNobodys)) return undefined;
  const brought = isBringing ? broughtBy(exchange, caller, header) : undefined;
  if (brought !== undefined) services.hide([...brought.values()].map(({ credential }) => credential.secret));
  const find = (providerId: string) => brought?.get(providerId) ?? services.vault.ownOf(caller.ownerIds, providerId);
  const of = (providerId: string) => (own ? find(providerId) : undefined);
  const counts = exchange.snapshot.byokCounts;
  const applied = (endpoint: Endpoint): Endpoint => {
    const found = of(endpoint.provider.id);
    const paid = found && withOwnCredential(endpoint, found, counts);
    if (paid !== undefined) return paid;
    const isShared = endpoint.credential !== undefined || endpoint.lack !== undefined;
    return shared || !isShared ? endpoint : withLack(endpoint, lackOf(caller, endpoint, own));
  };
  return {
    has: (providerId) => of(providerId) !== undefined,
    applied: (route) => {
      const endpoints = route.endpoints.map(applied);
      return {
        ...route,
        endpoints: fallsBack ? [...endpoints, ...lastResorts(route.endpoints, endpoints)] : endpoints,
      };
    },
  };
}

/** For those that the caller pays for: the same with what they had. */
function lastResorts(shared: readonly Endpoint[], applied: readonly Endpoint[]): Endpoint[] {
  const own = shared.filter((endpoint, at) => endpoint.lack === undefined && applied[at]?.payer !== undefined);
  return own.map(asLastResort);
}

function lackOf({ name }: Caller, { provider }: Endpoint, own: boolean): string {
  return own
    ? `the key "${name}" is to use a credential of its own, and has none for ${provider.name}`
    : `the key "${name}" is to use neither a credential of its own nor a shared one`;
}

function broughtBy(exchange: Exchange, caller: Caller, header: string | null): Map<string, OwnCredential> {
  if (!caller.mayBringCredentials || policyOf(exchange)?.credentials.own === false) {
    throw new Fault('credential_forbidden', {
      message: `The key "${caller.name}" may not bring credentials of providers along (${HEADER}).`,
    });
  }
  const brought = new Map<string, OwnCredential>();
  for (const { providerId, secret } of [...inHeader(header), ...(exchange.brought ?? [])]) {
    if (!SECRET.test(secret)) throw invalid('are of 8 to 4096 visible characters each');
    const provider = exchange.snapshot.providers.get(providerId);
    // What came is never repeated: who mixes things up may have put a secret in place of a name.
    if (provider === undefined) throw invalid('are for a provider that is not known here');
    if (provider.auth.type === 'none') throw invalid(`are for a provider that takes none: "${providerId}"`);
    if (brought.has(providerId)) throw invalid(`are two for the provider "${providerId}"`);
    brought.set(providerId, {
      credential: { providerId, secret, baseUrl: undefined, headers: {} },
      paidBy: 'request',
    });
  }
  return brought;
}

const SECRET = /^[\x21-\x7e]{8,4096}$/;

function inHeader(header: string | null): Brought[] {
  if (header === null) return [];
  return header.split(',').map((part) => {
    const [, providerId, secret] = /^\s*([^=\s]+)\s*=\s*(\S+)\s*$/.exec(part) ?? [];
    if (providerId === undefined || secret === undefined) {
      throw new Fault('credential_invalid', {
        message: `The header ${HEADER} is a list of provider=key, with commas between them.`,
      });
    }
    return { providerId, secret };
  });
}

function invalid(what: string): Fault {
  return new Fault('credential_invalid', { message: `The credentials that came with the request ${what}.` });
}
