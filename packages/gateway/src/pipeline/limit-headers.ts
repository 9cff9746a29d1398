import type { Fault } from '@turnpike/wire/fault.ts';
import type { LimitMeasure } from '../config/limit-rule.ts';
import type { Exchange } from '../exchange.ts';
import { type Reading, tightest } from '../policy/limits/admission.ts';
import { nowMs } from '../runtime/clock.ts';

type HeaderSet = readonly [name: string, measures: readonly LimitMeasure[]];

/** What an OpenAI client looks for. @see https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers */
const openaiSets: readonly HeaderSet[] = [
  ['requests', ['requests']],
  ['tokens', ['tokens', 'inputTokens', 'outputTokens']],
];

/** What an Anthropic client looks for. @see https://docs.claude.com/en/api/rate-limits#response-headers */
const anthropicSets: readonly HeaderSet[] = [
  ['requests', ['requests']],
  ['tokens', ['tokens']],
  ['input-tokens', ['inputTokens']],
  ['output-tokens', ['outputTokens']],
];

/** Tells the client, in its dialect's words, how much is left of the tightest limit. Replaces the provider's headers. */
export function limitHeaders(exchange: Exchange, headers: Record<string, string>): void {
  const { limits } = exchange;
  if (limits === undefined || limits.standings.length === 0) return;
  const isAnthropic = exchange.face.id === 'anthropic-messages';
  const now = limits.now();
  for (const [name, measures] of isAnthropic ? anthropicSets : openaiSets) {
    const reading = tightest(limits.standings, measures, now);
    if (reading === undefined) continue;
    if (isAnthropic) writeAnthropic(name, reading, headers);
    else writeOpenai(name, reading, headers);
  }
}

/** `retry-after` in whole seconds and, for clients that know it, in milliseconds; neither when waiting does not help. */
export function retryHeaders(fault: Fault, headers: Record<string, string>): void {
  if (fault.retryAfterMs === undefined) {
    headers['x-should-retry'] = 'false';
    return;
  }
  headers['retry-after'] = String(Math.ceil(fault.retryAfterMs / 1000));
  headers['retry-after-ms'] = String(Math.ceil(fault.retryAfterMs));
}

function writeOpenai(name: string, { amount, remaining, resetMs }: Reading, headers: Record<string, string>): void {
  headers[`x-ratelimit-limit-${name}`] = String(amount);
  headers[`x-ratelimit-remaining-${name}`] = String(remaining);
  headers[`x-ratelimit-reset-${name}`] = duration(Math.ceil(resetMs));
}

function writeAnthropic(name: string, { amount, remaining, resetMs }: Reading, headers: Record<string, string>): void {
  headers[`anthropic-ratelimit-${name}-limit`] = String(amount);
  headers[`anthropic-ratelimit-${name}-remaining`] = String(remaining);
  headers[`anthropic-ratelimit-${name}-reset`] = new Date(nowMs() + resetMs).toISOString();
}

/** As OpenAI writes them: `17ms`, `59.98s`, `6m0s`, `2h0m3s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = (ms % 60_000) / 1_000;
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
