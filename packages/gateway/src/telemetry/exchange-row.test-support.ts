import type { AttemptRow, ExchangeRow } from './exchange-row.ts';

/** A row as a settled exchange leaves it; tests change what they are about. */
export function exchangeRow(changes: Partial<ExchangeRow> & { id: string }): ExchangeRow {
  const usage = { inputTokens: 120, outputTokens: 40, cacheReadTokens: 100 };
  return {
    startedAtMs: 1_760_000_000_000,
    durationMs: 312.25,
    firstByteMs: 100.5,
    keyName: 'team-a',
    face: 'openai-chat',
    operation: 'chat',
    modelAsked: 'gpt-4o',
    isStream: true,
    status: 200,
    fault: undefined,
    faultMessage: undefined,
    provider: 'openai',
    endpoint: 'openai/gpt-4o',
    modelServed: 'gpt-4o-2024-08-06',
    lane: 'raw',
    finish: 'stop',
    responseId: 'chatcmpl-1',
    queuedMs: undefined,
    usage,
    isEstimated: false,
    costNanoUsd: 700_000n,
    losses: [],
    attempts: [attemptRow({ usage })],
    plan: ['openai/gpt-4o: first in order'],
    ...changes,
  };
}

export function attemptRow(changes: Partial<AttemptRow>): AttemptRow {
  return {
    number: 1,
    provider: 'openai',
    endpoint: 'openai/gpt-4o',
    model: 'gpt-4o',
    lane: 'raw',
    startedAtMs: 1_760_000_000_001,
    durationMs: 311,
    status: 200,
    fault: undefined,
    upstreamRequestId: 'req_1',
    usage: undefined,
    isEstimated: false,
    costNanoUsd: undefined,
    ...changes,
  };
}
