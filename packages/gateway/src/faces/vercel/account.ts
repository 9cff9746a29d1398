import * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import { usd } from '../../catalog/decimal.ts';
import { dollars } from '../dollars.ts';
import type { FaceOperation } from '../face-operation.ts';
import { findGeneration, modelOf } from '../find-generation.ts';
import { purseOf } from '../standing.ts';

/** What a key may ask about itself. */
export const accountOperations: readonly FaceOperation[] = [
  { method: 'GET', path: '/v1/credits', access: 'caller', query: z.strictObject({}), run: showCredits },
  {
    method: 'GET',
    path: '/v1/generation',
    access: 'caller',
    query: z.strictObject({ id: z.string().check(z.minLength(1), z.maxLength(200)) }),
    run: showGeneration,
  },
];

/** Both as decimal texts. */
async function showCredits(context: AdminContext): Promise<AdminAnswer> {
  const { givenNanoUsd, usedNanoUsd } = await purseOf(context);
  const left = givenNanoUsd - usedNanoUsd;
  return { status: 200, body: { balance: usd(left < 0n ? 0n : left), total_used: usd(usedNanoUsd) } };
}

/** Its clients demand every field: what is not known is 0 or empty. */
async function showGeneration(context: AdminContext): Promise<AdminAnswer> {
  const id = String(context.query.id);
  const generation = await findGeneration(context, id);
  const { row, costNanoUsd, billedNanoUsd, ownCostNanoUsd, isOwn } = generation;
  const { usage = {}, attempts } = row;
  const cost = dollars(costNanoUsd);
  return {
    status: 200,
    body: {
      data: {
        id,
        total_cost: cost,
        market_cost: dollars(billedNanoUsd ?? costNanoUsd),
        // Of calls with credentials of the caller's own.
        upstream_inference_cost: dollars(ownCostNanoUsd),
        usage: cost,
        created_at: new Date(row.startedAtMs).toISOString(),
        model: modelOf(row),
        is_byok: isOwn,
        provider_name: row.provider ?? '',
        streamed: row.isStream,
        finish_reason: row.finish ?? (row.fault === undefined ? '' : 'error'),
        latency: row.firstByteMs ?? row.durationMs,
        generation_time: attempts.at(-1)?.durationMs ?? 0,
        native_tokens_prompt: usage.inputTokens ?? 0,
        native_tokens_completion: usage.outputTokens ?? 0,
        native_tokens_reasoning: usage.reasoningTokens ?? 0,
        native_tokens_cached: usage.cacheReadTokens ?? 0,
        native_tokens_cache_creation: usage.cacheWriteTokens ?? 0,
        billable_web_search_calls: usage.serverToolCalls?.web_search_requests ?? 0,
      },
    },
  };
}
