import type { Usage } from '@turnpike/wire/canon/usage.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { Json } from '@turnpike/wire/json/value.ts';
import type { AttemptRow, ExchangeRow } from '../telemetry/exchange-row.ts';
import type { ExchangeColumns } from './tables.ts';

/** Column names in the order in which {@link exchangeValues} gives their values. */
export const exchangeColumns = [
  'id',
  'started_at_ms',
  'duration_ms',
  'first_byte_ms',
  'key_name',
  'face',
  'operation',
  'model_asked',
  'is_stream',
  'status',
  'fault',
  'fault_message',
  'provider',
  'endpoint',
  'model_served',
  'lane',
  'finish',
  'usage',
  'is_estimated',
  'cost_nano_usd',
  'losses',
  'plan',
  'attempts',
  'response_id',
  'queued_ms',
] as const satisfies readonly (keyof ExchangeColumns)[];

type Value = string | number | bigint | null;

export function exchangeValues(row: ExchangeRow): Value[] {
  return [
    row.id,
    Math.round(row.startedAtMs),
    row.durationMs,
    row.firstByteMs ?? null,
    row.keyName ?? null,
    row.face,
    row.operation,
    row.modelAsked,
    Number(row.isStream),
    row.status,
    row.fault ?? null,
    row.faultMessage ?? null,
    row.provider ?? null,
    row.endpoint ?? null,
    row.modelServed ?? null,
    row.lane ?? null,
    row.finish ?? null,
    usageText(row.usage),
    Number(row.isEstimated),
    row.costNanoUsd ?? null,
    row.losses.length === 0 ? '[]' : JSON.stringify(row.losses),
    row.plan.length === 0 ? '[]' : JSON.stringify(row.plan),
    JSON.stringify(row.attempts.map((attempt) => attemptFields(row, attempt))),
    row.responseId ?? null,
    row.queuedMs ?? null,
  ];
}

/** In an attempt's `usage`: the exchange has it. Not JSON, so it cannot be mistaken for a usage. */
const SAME_AS_EXCHANGE = '=';

/** An attempt as it stands in the column `attempts`. Money is text: JSON's numbers end at 2^53. */
type AttemptFields = Omit<AttemptRow, 'usage' | 'costNanoUsd'> & { usage?: string; costNanoUsd?: string };

function attemptFields(exchange: ExchangeRow, row: AttemptRow): AttemptFields {
  const { usage, costNanoUsd, ...fields } = row;
  return {
    ...fields,
    // The attempt that answered shares its usage with the exchange: most of a row's bytes, written once.
    usage: usage !== undefined && usage === exchange.usage ? SAME_AS_EXCHANGE : (usageText(usage) ?? undefined),
    costNanoUsd: costNanoUsd?.toString(),
  };
}

export function readExchange(columns: ExchangeColumns): ExchangeRow {
  const usage = readUsage(columns.usage);
  return {
    id: columns.id,
    startedAtMs: Number(columns.started_at_ms),
    durationMs: columns.duration_ms,
    firstByteMs: columns.first_byte_ms ?? undefined,
    queuedMs: columns.queued_ms ?? undefined,
    keyName: columns.key_name ?? undefined,
    face: columns.face,
    operation: columns.operation,
    modelAsked: columns.model_asked,
    isStream: Boolean(columns.is_stream),
    status: Number(columns.status),
    fault: columns.fault ?? undefined,
    faultMessage: columns.fault_message ?? undefined,
    provider: columns.provider ?? undefined,
    endpoint: columns.endpoint ?? undefined,
    modelServed: columns.model_served ?? undefined,
    lane: (columns.lane as ExchangeRow['lane'] | null) ?? undefined,
    finish: columns.finish ?? undefined,
    responseId: columns.response_id ?? undefined,
    usage,
    isEstimated: Boolean(columns.is_estimated),
    costNanoUsd: columns.cost_nano_usd === null ? undefined : BigInt(columns.cost_nano_usd),
    losses: JSON.parse(columns.losses) as ExchangeRow['losses'],
    attempts: (JSON.parse(columns.attempts) as AttemptFields[]).map((attempt) => readAttempt(attempt, usage)),
    plan: JSON.parse(columns.plan) as string[],
  };
}

function readAttempt(fields: AttemptFields, usageOfExchange: Usage | undefined): AttemptRow {
  return {
    number: fields.number,
    provider: fields.provider,
    endpoint: fields.endpoint,
    model: fields.model,
    paidBy: fields.paidBy,
    lane: fields.lane,
    startedAtMs: fields.startedAtMs,
    durationMs: fields.durationMs,
    status: fields.status,
    fault: fields.fault,
    upstreamRequestId: fields.upstreamRequestId,
    usage: fields.usage === SAME_AS_EXCHANGE ? usageOfExchange : readUsage(fields.usage ?? null),
    isEstimated: fields.isEstimated,
    costNanoUsd: fields.costNanoUsd === undefined ? undefined : BigInt(fields.costNanoUsd),
  };
}

// A provider's raw usage may hold numbers that only the lossless reader and writer keep as they were.
function usageText(usage: Usage | undefined): string | null {
  return usage === undefined ? null : stringifyJson(usage as unknown as Json);
}

function readUsage(text: string | null): Usage | undefined {
  return text === null ? undefined : (parseJson(text) as unknown as Usage);
}
