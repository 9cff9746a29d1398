import type { Usage } from '../../canon/usage.ts';
import { asNumber, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { CHAT } from './fields.ts';

type TokenKind = Exclude<keyof Usage, 'serverToolCalls' | 'raw'>;

/**
 * Reads `usage` as OpenAI and the many compatible providers write it.
 *
 * `prompt_tokens` includes what was cached and `completion_tokens` the reasoning; where a provider counts otherwise
 * (xAI's reasoning, Anthropic-like cache figures), its own `total_tokens` tells.
 */
export function readUsage(raw: JsonObject): Usage {
  const prompt = objectOf(raw.prompt_tokens_details);
  const completion = objectOf(raw.completion_tokens_details);
  const creation = objectOf(raw.cache_creation);
  const usage: Usage = {};
  const put = (kind: TokenKind, value: number | undefined): void => {
    if (value !== undefined) usage[kind] = value;
  };
  put(
    'cacheReadTokens',
    first(prompt.cached_tokens, raw.prompt_cache_hit_tokens, raw.cache_read_input_tokens, raw.cached_tokens),
  );
  put(
    'cacheWriteTokens',
    first(prompt.cache_write_tokens, prompt.cache_creation_tokens, raw.cache_creation_input_tokens),
  );
  put('cacheWrite1hTokens', first(creation.ephemeral_1h_input_tokens));
  put('reasoningTokens', first(completion.reasoning_tokens, raw.reasoning_tokens));
  put('inputAudioTokens', first(prompt.audio_tokens, raw.audio_prompt_tokens));
  put('outputAudioTokens', first(completion.audio_tokens));
  put('inputImageTokens', first(prompt.image_tokens));
  put('outputImageTokens', first(completion.image_tokens));
  const { input, output } = totalsOf(raw, usage);
  if (input !== undefined) usage.inputTokens = input;
  if (output !== undefined) usage.outputTokens = output;
  const calls = serverToolCalls(raw);
  if (calls !== undefined) usage.serverToolCalls = calls;
  usage.raw = { dialect: CHAT, value: raw };
  return usage;
}

function totalsOf(raw: JsonObject, usage: Usage): { input?: number; output?: number } {
  const input = first(raw.prompt_tokens, raw.input_tokens);
  const output = first(raw.completion_tokens, raw.output_tokens);
  const total = first(raw.total_tokens);
  const cached = (usage.cacheReadTokens ?? 0) + (usage.cacheWriteTokens ?? 0);
  const reasoning = usage.reasoningTokens ?? 0;
  if (input === undefined || output === undefined) return { input, output };
  const apart = total === undefined ? 0 : total - input - output;
  if (apart > 0 && apart === reasoning) return { input, output: output + reasoning };
  if (apart > 0 && apart === cached) return { input: input + cached, output };
  if (apart > 0 && apart === cached + reasoning) return { input: input + cached, output: output + reasoning };
  return { input, output };
}

/** Calls of provider-run tools that are billed apart, by the provider's own name. */
function serverToolCalls(raw: JsonObject): Record<string, number> | undefined {
  const calls: Record<string, number> = {};
  for (const details of [raw.server_tool_use_details, raw.server_tool_use]) {
    if (!isObject(details)) continue;
    for (const [name, value] of Object.entries(details)) {
      const count = asNumber(value);
      // Beside the calls, the details tell of other things; `server_tool_use` is nothing but calls.
      const isCalls = details === raw.server_tool_use || name.endsWith('_requests');
      if (isCalls && count !== undefined) calls[name] = count;
    }
  }
  for (const name of ['num_search_queries', 'num_sources_used']) {
    const count = asNumber(raw[name]);
    if (count !== undefined && count > 0) calls[name] = count;
  }
  return Object.keys(calls).length === 0 ? undefined : calls;
}

/** Writes `usage`: the object as received when it came in this dialect, else in OpenAI's own convention. */
export function writeUsage(usage: Usage): JsonObject {
  if (usage.raw?.dialect === CHAT) return usage.raw.value;
  const [input, output] = [usage.inputTokens ?? 0, usage.outputTokens ?? 0];
  const written: JsonObject = { prompt_tokens: input, completion_tokens: output, total_tokens: input + output };
  const prompt = present({
    cached_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens || undefined,
    audio_tokens: usage.inputAudioTokens,
    image_tokens: usage.inputImageTokens,
  });
  const completion = present({
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: usage.outputAudioTokens,
    image_tokens: usage.outputImageTokens,
  });
  if (prompt !== undefined) written.prompt_tokens_details = prompt;
  if (completion !== undefined) written.completion_tokens_details = completion;
  if (usage.cacheWrite1hTokens) {
    written.cache_creation = {
      ephemeral_5m_input_tokens: (usage.cacheWriteTokens ?? 0) - usage.cacheWrite1hTokens,
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    };
  }
  if (usage.serverToolCalls !== undefined) written.server_tool_use = { ...usage.serverToolCalls };
  return written;
}

function present(figures: Record<string, number | undefined>): JsonObject | undefined {
  const found = Object.entries(figures).filter(([, value]) => value !== undefined);
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function first(...values: (Json | undefined)[]): number | undefined {
  for (const value of values) {
    const number = asNumber(value);
    if (number !== undefined) return number;
  }
  return undefined;
}

function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}
