import type { JsonObject } from '../json/value.ts';
import type { DialectId } from './residue.ts';

/**
 * What an attempt consumed, in tokens. Absent means *not reported*, which is not zero.
 *
 * One convention for all: `inputTokens` and `outputTokens` are totals, the others say what part of a total was of a
 * special kind. Dialects that count otherwise (Anthropic leaves cached input out of `input_tokens`) convert.
 */
export interface Usage {
  /** All input, cached or not. */
  inputTokens?: number;
  /** Input read from a prompt cache. Part of `inputTokens`. */
  cacheReadTokens?: number;
  /** Input written to a prompt cache, of any lifetime. Part of `inputTokens`. */
  cacheWriteTokens?: number;
  /** The part of `cacheWriteTokens` kept for an hour (priced apart). */
  cacheWrite1hTokens?: number;
  /** All output, reasoning included. */
  outputTokens?: number;
  reasoningTokens?: number;
  inputAudioTokens?: number;
  outputAudioTokens?: number;
  inputImageTokens?: number;
  outputImageTokens?: number;
  /** Calls of tools the provider ran and bills apart, by its own name (`web_search_requests`…). */
  serverToolCalls?: Record<string, number>;
  /** The usage object as received: written back unchanged in the same dialect. */
  raw?: { dialect: DialectId; value: JsonObject };
}

/** Joins a later usage report with an earlier one of the same attempt: the later figure of each kind holds. */
export function mergeUsage(earlier: Usage | undefined, later: Usage): Usage {
  if (earlier === undefined) return later;
  const merged: Usage = { ...earlier };
  for (const [kind, value] of Object.entries(later)) {
    if (value !== undefined) Object.assign(merged, { [kind]: value });
  }
  if (earlier.raw && later.raw && earlier.raw.dialect === later.raw.dialect) {
    merged.raw = { dialect: later.raw.dialect, value: { ...earlier.raw.value, ...later.raw.value } };
  }
  return merged;
}
