import * as z from 'zod/mini';
import { count, text } from './rule-schemas.ts';

/** What LiteLLM's requests about models hold, of what has a meaning here. */

const price = z.nullish(
  z.union([z.number().check(z.minimum(0)), z.string().check(z.regex(/^[0-9.]+([eE]-?[0-9]+)?$/))]),
);
const seconds = z.nullish(z.union([z.number(), z.string()]));

const params = {
  model: z.string().check(z.minLength(1), z.maxLength(200)),
  custom_llm_provider: text,
  api_key: z.nullish(z.string().check(z.minLength(8), z.maxLength(16_384))),
  api_base: z.nullish(z.string().check(z.maxLength(2_000))),
  litellm_credential_name: text,
  rpm: z.nullish(count),
  tpm: z.nullish(count),
  itpm: z.nullish(count),
  otpm: z.nullish(count),
  max_parallel_requests: z.nullish(count),
  weight: z.nullish(z.number().check(z.positive())),
  order: z.nullish(z.int()),
  timeout: seconds,
  stream_timeout: seconds,
  max_retries: z.nullish(z.int().check(z.minimum(0), z.maximum(20))),
  input_cost_per_token: price,
  output_cost_per_token: price,
  cache_read_input_token_cost: price,
  cache_creation_input_token_cost: price,
  cache_creation_input_token_cost_above_1hr: price,
  input_cost_per_audio_token: price,
  output_cost_per_audio_token: price,
  output_cost_per_reasoning_token: price,
};

/** Facts LiteLLM keeps for its own lists are no facts of ours, and refused. */
const info = z.strictObject({ id: text, base_model: text, mode: z.nullish(z.literal('chat')) });

export const newModelFields = z.strictObject({
  model_name: z.string().check(z.minLength(1), z.maxLength(200)),
  litellm_params: z.strictObject(params),
  model_info: z.nullish(info),
});
export type NewModelFields = z.infer<typeof newModelFields>;
export type ModelParams = NewModelFields['litellm_params'];

export const changedModelFields = z.strictObject({
  model_name: text,
  litellm_params: z.nullish(z.strictObject({ ...params, model: text })),
  model_info: z.nullish(info),
});
export type ChangedModelFields = z.infer<typeof changedModelFields>;
