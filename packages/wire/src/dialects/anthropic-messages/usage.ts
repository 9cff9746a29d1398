import type { Loss } from '../../canon/loss.ts';
import type { Usage } from '../../canon/usage.ts';
import { asNumber, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { ANTHROPIC } from './fields.ts';

/**
 * Reads a usage object. Here `input_tokens` leaves out what the cache served or took in; the canon counts all input.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/prompt-caching (tracking cache performance)
 */
export function readUsage(raw: JsonObject): Usage {
  const usage: Usage = {};
  const uncached = asNumber(raw.input_tokens);
  const cacheRead = asNumber(raw.cache_read_input_tokens);
  const cacheWrite = asNumber(raw.cache_creation_input_tokens) ?? writtenByLifetime(raw.cache_creation);
  const cacheWrite1h = isObject(raw.cache_creation)
    ? asNumber(raw.cache_creation.ephemeral_1h_input_tokens)
    : undefined;
  const output = asNumber(raw.output_tokens);
  const thinking = isObject(raw.output_tokens_details)
    ? asNumber(raw.output_tokens_details.thinking_tokens)
    : undefined;
  const serverToolCalls = readCalls(raw.server_tool_use);
  if (uncached !== undefined) usage.inputTokens = uncached + (cacheRead ?? 0) + (cacheWrite ?? 0);
  if (cacheRead !== undefined) usage.cacheReadTokens = cacheRead;
  if (cacheWrite !== undefined) usage.cacheWriteTokens = cacheWrite;
  if (cacheWrite1h !== undefined) usage.cacheWrite1hTokens = cacheWrite1h;
  if (output !== undefined) usage.outputTokens = output;
  if (thinking !== undefined) usage.reasoningTokens = thinking;
  if (serverToolCalls !== undefined) usage.serverToolCalls = serverToolCalls;
  usage.raw = { dialect: ANTHROPIC, value: raw };
  return usage;
}

function writtenByLifetime(value: Json | undefined): number | undefined {
  if (!isObject(value)) return undefined;
  const counts = Object.values(value).map((count) => asNumber(count));
  return counts.some((count) => count !== undefined)
    ? counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
    : undefined;
}

function readCalls(value: Json | undefined): Record<string, number> | undefined {
  if (!isObject(value)) return undefined;
  const calls: Record<string, number> = {};
  for (const name in value) {
    const count = asNumber(value[name]);
    if (count !== undefined) calls[name] = count;
  }
  return Object.keys(calls).length === 0 ? undefined : calls;
}

/** Joins usage objects of one stream: later figures are cumulative and hold, a later null says nothing. */
export function joinRawUsage(earlier: JsonObject | undefined, later: JsonObject): JsonObject {
  const joined: JsonObject = { ...earlier };
  for (const name in later) {
    const value = later[name];
    if (value !== null || joined[name] === undefined) joined[name] = value;
  }
  return joined;
}

/** The own object; figures the dialect demands are never missing from it in practice. */
function completed(raw: JsonObject, losses: Loss[]): JsonObject {
  if (raw.input_tokens !== undefined && raw.output_tokens !== undefined) return raw;
  losses.push({ path: 'usage', kind: 'added', reason: 'a figure the dialect demands is written as 0' });
  return { input_tokens: 0, output_tokens: 0, ...raw };
}

/**
 * Writes usage in this dialect's own counting; what was read from it goes back unchanged. The dialect demands input
 * and output figures: where there are none, 0 is written and reported.
 */
export function writeUsage(usage: Usage | undefined, losses: Loss[]): JsonObject {
  if (usage?.raw?.dialect === ANTHROPIC) return completed(usage.raw.value, losses);
  const cached = (usage?.cacheReadTokens ?? 0) + (usage?.cacheWriteTokens ?? usage?.cacheWrite1hTokens ?? 0);
  const written: JsonObject = {
    input_tokens: Math.max(0, (usage?.inputTokens ?? 0) - cached),
    output_tokens: usage?.outputTokens ?? 0,
  };
  for (const name of ['inputTokens', 'outputTokens'] as const) {
    if (usage?.[name] !== undefined) continue;
    losses.push({ path: `usage.${name}`, kind: 'added', reason: 'not reported by the provider, written as 0' });
  }
  if (usage === undefined) return written;
  if (usage.inputTokens !== undefined && cached > usage.inputTokens) {
    const reason = 'more was cached than there was input; only the cached part is said';
    losses.push({ path: 'usage.inputTokens', kind: 'changed', reason });
  }
  if (usage.cacheReadTokens !== undefined) written.cache_read_input_tokens = usage.cacheReadTokens;
  if (usage.cacheWriteTokens !== undefined) written.cache_creation_input_tokens = usage.cacheWriteTokens;
  if (usage.cacheWrite1hTokens !== undefined) {
    if (usage.cacheWriteTokens === undefined) {
      losses.push({ path: 'usage.cacheWriteTokens', kind: 'added', reason: 'what was kept for an hour was written' });
    }
    written.cache_creation = {
      ephemeral_5m_input_tokens: Math.max(0, (usage.cacheWriteTokens ?? 0) - usage.cacheWrite1hTokens),
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    };
  }
  if (usage.reasoningTokens !== undefined) written.output_tokens_details = { thinking_tokens: usage.reasoningTokens };
  if (usage.serverToolCalls !== undefined) written.server_tool_use = { ...usage.serverToolCalls };
  for (const name of ['inputAudioTokens', 'outputAudioTokens', 'inputImageTokens', 'outputImageTokens'] as const) {
    if (usage[name] === undefined) continue;
    losses.push({ path: `usage.${name}`, kind: 'dropped', reason: 'counted only as part of the total here' });
  }
  return written;
}
