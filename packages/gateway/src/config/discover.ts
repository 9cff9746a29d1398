import { joinSegment } from '../providers/join-segment.ts';
import type { Provider } from '../providers/provider.ts';
import { providerTable } from '../providers/table.ts';
import type { Configuration, ConfiguredProvider, Environment } from './configuration.ts';

/** A provider as the environment and the configuration make it. */
export interface ProviderState {
  /** With the base address in force. */
  provider: Provider;
  credential: string | undefined;
  isAvailable: boolean;
  /** Why it is available, or what is missing: `OPENAI_API_KEY is set`, `set GROQ_API_KEY`. */
  reason: string;
}

/**
 * The state of every known provider: those the configuration names, then the table's.
 * A variable that is set but empty counts as not set.
 */
export function providerStates(configuration: Configuration, environment: Environment): Map<string, ProviderState> {
  const variables = { ...environment, ...configuration.variables };
  const states = new Map<string, ProviderState>();
  for (const configured of configuration.providers) {
    states.set(configured.provider.id, configuredState(configured, variables));
  }
  for (const provider of providerTable) {
    if (states.has(provider.id)) continue;
    const state = discoverProvider(provider, variables);
    // Without discovery a provider still lends its address and credential to configured models, but serves no others.
    states.set(provider.id, configuration.discovery ? state : { ...state, isAvailable: false });
  }
  return states;
}

function configuredState(configured: ConfiguredProvider, variables: Environment): ProviderState {
  const { provider, apiKey, isAddressConfigured } = configured;
  if (apiKey !== undefined) {
    const address = isAddressConfigured ? undefined : addressOf(provider, variables);
    const baseUrl = address?.baseUrl ?? provider.baseUrl;
    return { provider: { ...provider, baseUrl }, credential: apiKey, isAvailable: true, reason: 'configured' };
  }
  const state = discoverProvider(isAddressConfigured ? { ...provider, envBaseUrl: undefined } : provider, variables);
  const isKeyless = provider.keyOptional === true || provider.auth.type === 'none';
  if (!state.isAvailable && isKeyless && isAddressConfigured)
    return { ...state, isAvailable: true, reason: 'configured' };
  return state;
}

/** A provider of the table as the environment has it: the first usual variable that is set makes it available. */
export function discoverProvider(provider: Provider, variables: Environment): ProviderState {
  const key = provider.envKeys.find((name) => isSet(variables[name]));
  const address = addressOf(provider, variables);
  const found = address === undefined ? provider : { ...provider, baseUrl: address.baseUrl };
  const credential = key === undefined ? undefined : variables[key]?.trim();
  if (provider.keyOptional === true) {
    // The address decides for servers of one's own: a stray key says nothing about a server running.
    if (address !== undefined)
      return { provider: found, credential, isAvailable: true, reason: `${address.name} is set` };
    const names = provider.envBaseUrl?.names[0] ?? 'baseUrl';
    return { provider: found, credential, isAvailable: false, reason: `set ${names}` };
  }
  if (key === undefined) {
    const names = provider.envKeys[0];
    const reason = names === undefined ? 'give it an apiKey' : `set ${names}`;
    return { provider: found, credential, isAvailable: false, reason };
  }
  return { provider: found, credential, isAvailable: true, reason: `${key} is set` };
}

function addressOf(provider: Provider, variables: Environment): { name: string; baseUrl: string } | undefined {
  for (const name of provider.envBaseUrl?.names ?? []) {
    const value = variables[name];
    if (isSet(value)) return { name, baseUrl: joinSegment(withScheme(value), provider.envBaseUrl?.join) };
  }
  return undefined;
}

function withScheme(address: string): string {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(address.trim()) ? address : `http://${address.trim()}`;
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value.trim() !== '';
}
