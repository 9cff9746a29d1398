import { CHAT } from './fields.ts';

const canonPaths: Readonly<Record<string, string>> = {
  temperature: 'sampling.temperature',
  top_p: 'sampling.topP',
  top_k: 'sampling.topK',
  min_p: 'sampling.minP',
  frequency_penalty: 'sampling.frequencyPenalty',
  presence_penalty: 'sampling.presencePenalty',
  seed: 'sampling.seed',
  tools: 'tools',
  functions: 'tools',
  tool_choice: 'toolChoice',
  function_call: 'toolChoice',
  parallel_tool_calls: 'parallelToolCalls',
  response_format: 'responseFormat',
  max_tokens: 'maxOutputTokens',
  max_completion_tokens: 'maxOutputTokens',
  stop: 'stop',
  n: 'n',
  logprobs: 'logprobs.enabled',
  top_logprobs: 'logprobs.top',
  reasoning_effort: 'reasoning',
  reasoning: 'reasoning',
  thinking: 'reasoning',
  enable_thinking: 'reasoning',
  stream_options: 'streamUsage',
  user: 'userId',
  metadata: 'metadata',
  service_tier: 'serviceTier',
  cache_control: 'cacheMark',
};

/** What the canon calls a top-level request field of this dialect. */
export function canonPathOf(field: string): string {
  return canonPaths[field] ?? `residue.${CHAT}.${field}`;
}
