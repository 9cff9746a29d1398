import type { Quirks } from '@turnpike/wire/quirks.ts';
import type { Provider } from './provider.ts';

interface CompatibleOptions {
  baseUrlVariables?: readonly string[];
  catalogueId?: string | null;
}

/** A provider that speaks OpenAI's chat dialect, with the variables its name suggests. */
export function openaiCompatible(
  id: string,
  name: string,
  baseUrl: string,
  envKeys: readonly string[],
  options: CompatibleOptions = {},
): Provider {
  const stem = id.toUpperCase();
  return {
    id,
    name,
    dialect: 'openai-chat',
    baseUrl,
    envKeys,
    envBaseUrl: { names: options.baseUrlVariables ?? [`${stem}_BASE_URL`, `${stem}_API_BASE`] },
    auth: { type: 'bearer' },
    quirks: {},
    ...(options.catalogueId === undefined ? {} : { catalogueId: options.catalogueId }),
  };
}

/** A server of one's own: no credential needed, available once its address (or a credential) is set. */
export function ownServer(
  id: string,
  name: string,
  baseUrl: string,
  envKeys: readonly string[],
  addressVariables: readonly string[],
): Provider {
  return {
    ...openaiCompatible(id, name, baseUrl, envKeys),
    envBaseUrl: { names: addressVariables, join: '/v1' },
    keyOptional: true,
    catalogueId: null,
  };
}

/**
 * Hosts of open models on vLLM-like servers. Their references all know `max_tokens` and `system`; what they make of
 * reasoning in the history differs by model, so it is left out with a loss.
 */
export function openWeights(): { quirks: Quirks; catalogueId: string | null } {
  return {
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'none' },
    catalogueId: null,
  };
}
