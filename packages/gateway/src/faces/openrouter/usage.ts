import * as z from 'zod/mini';
import type { AdminAnswer, AdminContext } from '../../admin/admin-context.ts';
import { AdminFault } from '../../admin/admin-fault.ts';
import { dollars } from '../dollars.ts';
import type { FaceOperation } from '../face-operation.ts';
import { findGeneration } from '../find-generation.ts';
import { type DaySums, sumEntries, sumRollups } from '../ledger-sums.ts';
import { generationData } from './generation.ts';
import { providerName } from './provider-name.ts';

const DAY_MS = 86_400_000;
/** OpenRouter's activity reaches back so many whole days. */
const DAYS = 30;

const activitySchema = z.strictObject({
  date: z.optional(z.iso.date()),
  api_key_hash: z.optional(z.string().check(z.minLength(1), z.maxLength(200))),
});

/** What was used: one exchange, and sums by day. */
export const usageOperations: readonly FaceOperation[] = [
  {
    method: 'GET',
    path: '/api/v1/generation',
    access: 'caller',
    query: z.strictObject({ id: z.string().check(z.minLength(1), z.maxLength(200)) }),
    run: showGeneration,
  },
  {
    method: 'GET',
    path: '/api/v1/activity',
    access: 'ledger:read',
    isGlobal: true,
    query: activitySchema,
    run: listActivity,
  },
];

async function showGeneration(context: AdminContext): Promise<AdminAnswer> {
  const id = String(context.query.id);
  return { status: 200, body: { data: generationData(id, await findGeneration(context, id)) } };
}

/** Sums of the last thirty whole days, in UTC, by day and endpoint. */
async function listActivity(context: AdminContext): Promise<AdminAnswer> {
  const { house, query } = context;
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const earliest = today - DAYS * DAY_MS;
  const date = query.date === undefined ? undefined : Date.parse(`${query.date}T00:00:00Z`);
  if (date !== undefined && !(date >= earliest && date < today)) {
    throw new AdminFault('body_invalid', {
      param: 'date',
      message: `date must be one of the last ${DAYS} whole days.`,
    });
  }
  const [fromMs, toMs] = date === undefined ? [earliest, today] : [date, date + DAY_MS];
  await house.flushLogs();
  const sums =
    query.api_key_hash === undefined
      ? await sumRollups(house.store, { by: 'endpoint', period: 'day', fromMs, toMs })
      : await sumEntries(house.store, { scope: await keyScope(context), fromMs, toMs }, ({ endpoint }) =>
          endpoint === undefined ? [] : [`endpoint:${endpoint}`],
        );
  // The latest day first.
  return { status: 200, body: { data: sums.toSorted((a, b) => b.startMs - a.startMs).map(activityRow(context)) } };
}

/** @throws AdminFault `record_unknown` */
async function keyScope({ house, query }: AdminContext): Promise<string> {
  const hash = String(query.api_key_hash);
  const { records } = house.store;
  const row = /^[0-9a-f]{64}$/.test(hash)
    ? await records.entityWithDigest(house.digest.ofKey(hash))
    : ((await records.entity(hash)) ?? (await records.entityNamed('key', hash)));
  if (row?.kind === 'key') return `key:${row.name}`;
  throw new AdminFault('record_unknown', { param: 'api_key_hash', message: 'There is no such key.' });
}

function activityRow({ house }: AdminContext): (sum: DaySums) => unknown {
  const endpoints = new Map(house.snapshot().endpoints.map((endpoint) => [endpoint.id, endpoint]));
  return (sum) => {
    const id = sum.scope.slice('endpoint:'.length);
    const endpoint = endpoints.get(id);
    // One that is gone from the configuration is told by its id, which begins with the provider unless it was chosen.
    const model = endpoint === undefined ? id : `${endpoint.provider.id}/${endpoint.model}`;
    return {
      date: new Date(sum.startMs).toISOString().slice(0, 10),
      model,
      model_permaslug: model,
      endpoint_id: id,
      provider_name: providerName(endpoint?.provider.id ?? id.split('/')[0] ?? id),
      usage: dollars(sum.costNanoUsd),
      byok_usage_inference: dollars(sum.ownCostNanoUsd),
      requests: sum.entries,
      prompt_tokens: sum.inputTokens,
      completion_tokens: sum.outputTokens,
      reasoning_tokens: sum.reasoningTokens,
    };
  };
}
