import { createHash } from 'node:crypto';
import { priceScheduleOf } from '../catalog/catalogue.ts';
import { outputBoundOf } from '../catalog/output-bounds.ts';
import type { Price } from '../catalog/price.ts';
import type { ConfiguredEndpoint } from './configuration.ts';
import { dataTermsOf } from './data-terms.ts';
import type { ProviderState } from './discover.ts';
import { catalogueIdOf } from './provider-name.ts';
import type { Deadlines, Endpoint } from './snapshot.ts';
import type { CredentialLack, CredentialSource, StoredCredential } from './stored-credential.ts';

/** Nothing, whatever it does: the stand-in models. */
const freePrice: Price = { input: 0n, output: 0n, source: 'sandbox' };

export interface EndpointContext {
  deadlines: Deadlines;
  /** Milliseconds since the epoch; prices may depend on date and time of day. */
  nowMs: () => number;
  /** Stored credentials by name. */
  credentials: CredentialSource;
}

/** Why an endpoint cannot be used, or undefined when it can. */
export function missingOf(configured: ConfiguredEndpoint, state: ProviderState): string | undefined {
  if (configured.apiKey !== undefined || configured.credential !== undefined) return undefined;
  if (state.credential !== undefined) return undefined;
  const { provider } = state;
  if (provider.auth.type === 'none' || provider.keyOptional === true || configured.baseUrl !== undefined)
    return undefined;
  return `${provider.name} has no credential (${state.reason})`;
}

/** The endpoint that a configured one is, with everything its provider lends it. */
export function makeEndpoint(
  configured: ConfiguredEndpoint,
  model: string,
  state: ProviderState,
  context: EndpointContext,
): Endpoint {
  const { provider } = state;
  const stored = storedFor(configured, state, context);
  const found = stored === undefined || 'lack' in stored ? undefined : stored;
  const baseUrl = configured.baseUrl ?? found?.baseUrl ?? state.provider.baseUrl;
  const isOwnAddress = configured.baseUrl !== undefined && !isSameOrigin(configured.baseUrl, state.provider.baseUrl);
  const inherited = isOwnAddress && !configured.inheritsCredential ? undefined : state.credential;
  const own = configured.credential === undefined ? configured.apiKey : found?.secret;
  const credential = configured.credential === undefined ? (own ?? inherited) : own;
  const lack = stored !== undefined && 'lack' in stored ? stored.lack : missingOf(configured, state);
  const priced = catalogueIdOf(provider);
  const schedule = priced === undefined ? undefined : priceScheduleOf(priced, configured.priceModel ?? model);
  const fixed = configured.price ?? (provider.id === 'sandbox' ? freePrice : undefined);
  return {
    id: configured.id ?? idOf(configured, provider.id, model),
    provider,
    model,
    baseUrl,
    credential,
    ...(lack !== undefined && { lack }),
    ...(found?.previous !== undefined && { previous: found.previous }),
    headers: found === undefined ? configured.headers : { ...found.headers, ...configured.headers },
    weight: configured.weight,
    order: configured.order,
    deadlines: { ...context.deadlines, ...configured.deadlines },
    // Read at each use: some prices change with the date or the time of day.
    get price() {
      return fixed ?? schedule?.at(context.nowMs());
    },
    inputTokensMax: configured.inputTokensMax ?? schedule?.contextWindow,
    outputTokensMax:
      configured.outputTokensMax ??
      (priced === undefined ? undefined : outputBoundOf(priced, configured.priceModel ?? model)),
    data: dataTermsOf(configured.data, isSameOrigin(baseUrl, state.provider.baseUrl) ? provider.data : undefined),
    limits: configured.limits,
  };
}

/** The stored credential an endpoint names. It goes to its own address and to no other. */
function storedFor(
  { credential: name, baseUrl }: ConfiguredEndpoint,
  { provider }: ProviderState,
  { credentials }: EndpointContext,
): StoredCredential | CredentialLack | undefined {
  if (name === undefined) return undefined;
  const stored = credentials(name);
  if ('lack' in stored) return stored;
  if (stored.providerId !== provider.id) {
    return { lack: `its credential "${name}" is one of the provider ${stored.providerId}` };
  }
  if (baseUrl !== undefined && !isSameOrigin(baseUrl, stored.baseUrl ?? provider.baseUrl)) {
    return { lack: `its credential "${name}" is for another address` };
  }
  return stored;
}

/** `provider/model`, and a mark of what is its own when it has something of its own. The same over reloads. */
function idOf(configured: ConfiguredEndpoint, providerId: string, model: string): string {
  const { apiKey, credential, baseUrl, headers } = configured;
  const name = `${providerId}/${model}`;
  const isPlain = apiKey === undefined && credential === undefined && baseUrl === undefined;
  if (isPlain && Object.keys(headers).length === 0) return name;
  const own = JSON.stringify([
    apiKey ?? null,
    baseUrl ?? null,
    headers,
    ...(credential === undefined ? [] : [credential]),
  ]);
  return `${name}#${createHash('sha256').update(own).digest('hex').slice(0, 8)}`;
}

export function isSameOrigin(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;
}

/** An endpoint that is nothing but a model of a provider. */
export function plainEndpoint(providerId: string | undefined, model: string): ConfiguredEndpoint {
  return {
    id: undefined,
    providerId,
    model,
    apiKey: undefined,
    credential: undefined,
    baseUrl: undefined,
    headers: {},
    weight: 1,
    order: 0,
    deadlines: {},
    price: undefined,
    priceModel: undefined,
    inheritsCredential: false,
    limits: [],
  };
}
