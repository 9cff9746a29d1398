import type { AdminAnswer } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { usd } from '../../catalog/decimal.ts';
import type { EndpointEntry } from '../../config/endpoint-schema.ts';
import type { Endpoint } from '../../config/snapshot.ts';
import { mayUse } from '../../policy/caller.ts';
import { type FaceContext, ok } from './operation.ts';

/** A deployment that is stored, in LiteLLM's fields. Its secret is never shown. */
export function shownDeployment(
  modelName: string,
  { id, provider, model, baseUrl, credential, weight, order }: EndpointEntry,
) {
  return {
    model_id: id ?? null,
    model_name: modelName,
    litellm_params: {
      model: `${provider}/${model}`,
      custom_llm_provider: provider,
      api_base: baseUrl ?? null,
      litellm_credential_name: credential ?? null,
      ...(weight !== undefined && { weight }),
      ...(order !== undefined && { order }),
    },
    model_info: { id: id ?? null, db_model: true },
  };
}

/** `/model/info`, `/v1/model/info`, `/v2/model/info`: what serves each model the caller may use, of the configuration and the database. */
export async function modelInfo(context: FaceContext): Promise<AdminAnswer> {
  const { house, query, caller } = context;
  await house.follow.catchUp();
  const snapshot = house.snapshot();
  const stored = new Set(house.directory.ofKind('model').map(({ name }) => name));
  const data = snapshot.models
    .filter(({ id }) => caller.isAdmin || mayUse(caller, id))
    .filter(({ id }) => !query.model || id === query.model)
    .flatMap(({ id }) => (snapshot.resolveModel(id)?.endpoints ?? []).map((endpoint) => infoOf(id, endpoint, stored)))
    .filter(({ model_info }) => !query.litellm_model_id || model_info.id === query.litellm_model_id);
  if (query.litellm_model_id && data.length === 0) {
    throw new AdminFault('record_unknown', {
      param: 'litellm_model_id',
      message: `There is no deployment "${query.litellm_model_id}".`,
    });
  }
  return ok({ data });
}

function infoOf(
  name: string,
  { id, provider, model, baseUrl, price, inputTokensMax, outputTokensMax }: Endpoint,
  stored: ReadonlySet<string>,
) {
  return {
    model_name: name,
    litellm_params: { model: `${provider.id}/${model}`, custom_llm_provider: provider.id, api_base: baseUrl },
    model_info: {
      id,
      db_model: stored.has(name),
      mode: 'chat',
      litellm_provider: provider.id,
      max_input_tokens: inputTokensMax ?? null,
      max_output_tokens: outputTokensMax ?? null,
      input_cost_per_token: perToken(price?.input),
      output_cost_per_token: perToken(price?.output),
      cache_read_input_token_cost: perToken(price?.cacheRead),
      cache_creation_input_token_cost: perToken(price?.cacheWrite),
    },
  };
}

function perToken(nanoUsdPerMillion: bigint | undefined): number | null {
  return nanoUsdPerMillion === undefined ? null : Number(`${usd(nanoUsdPerMillion)}e-6`);
}
