import { AdminFault } from '../../admin/admin-fault.ts';
import { usd } from '../../catalog/decimal.ts';
import type { Price } from '../../catalog/price.ts';
import type { EndpointEntry } from '../../config/endpoint-schema.ts';
import { deadlinesOf } from '../../config/litellm-models.ts';
import { readLitellmPrice } from '../../config/litellm-prices.ts';
import { baseUrlOfApiBase, targetOfLitellmModel } from '../../config/litellm-providers.ts';
import { catalogueIdOf } from '../../config/provider-name.ts';
import { providerTable } from '../../providers/table.ts';
import type { ModelParams } from './model-fields.ts';

/** What LiteLLM calls a deployment: an endpoint of a model, and the secret it was given with. */
export interface Deployment {
  readonly endpoint: EndpointEntry;
  readonly secret: string | undefined;
  /** Where the secret is sent; undefined for the provider's own address. */
  readonly baseUrl: string | undefined;
}

const measures = [
  ['rpm', 'requests'],
  ['tpm', 'tokens'],
  ['itpm', 'inputTokens'],
  ['otpm', 'outputTokens'],
  ['max_parallel_requests', 'concurrency'],
] as const;

/**
 * @param id Of the deployment.
 * @param baseModel Whose price it has, when it states none.
 * @throws AdminFault `body_invalid` for a provider that is not served.
 */
export function deploymentOf(id: string, params: ModelParams, baseModel: string | undefined): Deployment {
  const { model, api_base, custom_llm_provider, api_key, litellm_credential_name: credential } = params;
  const target = targetOfLitellmModel(model, api_base ?? undefined, custom_llm_provider ?? undefined);
  if (target.kind !== 'served' || target.providerId === undefined) {
    const why =
      target.kind === 'unserved' ? `${target.provider} is not served` : `${model} does not say which provider has it`;
    throw new AdminFault('body_invalid', {
      param: 'litellm_params.model',
      message: `litellm_params.model is not supported here: ${why}.`,
    });
  }
  if (api_key && credential) {
    throw new AdminFault('body_invalid', {
      param: 'litellm_params.litellm_credential_name',
      message: 'litellm_credential_name stands beside api_key: give one of the two.',
    });
  }
  const { providerId } = target;
  const baseUrl = api_base ? baseUrlOfApiBase(api_base, providerId) : undefined;
  const price = priceOf(params, providerId, baseModel?.split('/').at(-1) ?? target.model);
  const deadlines = deadlinesOf(params.timeout, params.stream_timeout);
  const limits = measures.flatMap(([field, measure]) => {
    const amount = params[field];
    if (amount === null || amount === undefined) return [];
    return [{ [measure]: amount, ...(measure !== 'concurrency' && { per: 'minute' }) }];
  });
  const endpoint: EndpointEntry = {
    id,
    provider: providerId,
    model: target.model,
    ...(baseUrl !== undefined && { baseUrl }),
    ...(credential && { credential }),
    ...(params.weight && { weight: params.weight }),
    ...(params.order !== null && params.order !== undefined && { order: params.order }),
    ...(Object.keys(deadlines).length > 0 && { deadlines }),
    ...(price !== undefined && { price }),
    ...(limits.length > 0 && { limits }),
  };
  return { endpoint, secret: api_key ?? undefined, baseUrl };
}

/** In US dollars per million tokens. */
function priceOf(params: ModelParams, providerId: string, model: string): EndpointEntry['price'] {
  const provider = providerTable.find(({ id }) => id === providerId);
  const catalogueId = provider === undefined ? undefined : catalogueIdOf(provider);
  const price = readLitellmPrice(params, {}, catalogueId, model);
  if (price === undefined) return undefined;
  const { tiers, ...flat } = price;
  return {
    ...rates(flat),
    ...(tiers && { tiers: tiers.map((tier) => ({ aboveInputTokens: tier.aboveInputTokens, ...rates(tier.price) })) }),
  };
}

function rates(price: Omit<Price, 'tiers'>) {
  const { input, output, cacheRead, cacheWrite, cacheWrite1h, inputAudio, outputAudio, outputReasoning } = price;
  const others = { cacheRead, cacheWrite, cacheWrite1h, inputAudio, outputAudio, outputReasoning };
  const stated = Object.entries(others).flatMap(([name, rate]) => (rate === undefined ? [] : [[name, usd(rate)]]));
  return { input: usd(input), output: usd(output), ...Object.fromEntries(stated) };
}
