import { dollars } from '../dollars.ts';
import { type Generation, modelOf } from '../find-generation.ts';
import { providerName } from './provider-name.ts';

/** OpenRouter's five reasons to stop, by ours. */
const FINISHES: Readonly<Record<string, string>> = {
  stop: 'stop',
  length: 'length',
  'context-exceeded': 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  refusal: 'content_filter',
  pause: 'stop',
  error: 'error',
  other: 'stop',
};

/** What OpenRouter tells about a generation; null is what is not kept here. @param id As it was asked for. */
export function generationData(
  id: string,
  { row, costNanoUsd, billedNanoUsd, isOwn }: Generation,
): Record<string, unknown> {
  const { usage = {}, attempts } = row;
  const served = attempts.at(-1);
  return {
    id,
    request_id: row.id,
    upstream_id: row.responseId ?? null,
    total_cost: dollars(costNanoUsd),
    usage: dollars(costNanoUsd),
    upstream_inference_cost: billedNanoUsd === undefined ? null : dollars(billedNanoUsd),
    cache_discount: null,
    created_at: new Date(row.startedAtMs).toISOString(),
    model: modelOf(row),
    provider_name: row.provider === undefined ? null : providerName(row.provider),
    streamed: row.isStream,
    cancelled: row.fault === 'client_gone',
    finish_reason: finishOf(row),
    native_finish_reason: null,
    latency: row.durationMs,
    generation_time: row.provider === undefined ? null : (served?.durationMs ?? null),
    moderation_latency: null,
    tokens_prompt: usage.inputTokens ?? null,
    tokens_completion: usage.outputTokens ?? null,
    native_tokens_prompt: usage.inputTokens ?? null,
    native_tokens_completion: usage.outputTokens ?? null,
    native_tokens_completion_images: usage.outputImageTokens ?? null,
    native_tokens_reasoning: usage.reasoningTokens ?? null,
    native_tokens_cached: usage.cacheReadTokens ?? null,
    num_media_prompt: null,
    num_input_audio_prompt: null,
    num_media_completion: null,
    num_search_results: null,
    num_fetches: null,
    web_search_engine: null,
    origin: '',
    is_byok: isOwn,
    api_type: row.operation === 'generate' ? 'completions' : null,
    app_id: null,
    external_user: null,
    http_referer: null,
    user_agent: null,
    preset_id: null,
    router: null,
    service_tier: null,
    session_id: null,
    response_cache_source_id: null,
    data_region: 'global',
    workspace_id: null,
    // OpenRouter's list of providers is closed and ours is not: which it was is said by the endpoint.
    provider_responses: attempts.map((attempt) => ({
      id: attempt.upstreamRequestId,
      endpoint_id: attempt.endpoint,
      model_permaslug: `${attempt.provider}/${attempt.model}`,
      status: attempt.status ?? null,
      latency: attempt.durationMs,
      is_byok: attempt.paidBy !== undefined,
    })),
  };
}

/** Null for one that was cut off by its client. */
function finishOf({ finish, fault }: Generation['row']): string | null {
  if (finish !== undefined) return FINISHES[finish] ?? null;
  return fault === undefined || fault === 'client_gone' ? null : 'error';
}
