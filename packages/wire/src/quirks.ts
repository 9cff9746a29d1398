/**
 * What a provider does otherwise than the norm of its dialect. Data, not code: a provider names its quirks in the
 * provider table, and the codecs obey. Every absent quirk means the norm.
 */
export interface Quirks {
  /** Which field bounds the output (openai-chat). Norm: as the request said; `max_completion_tokens` when translated. */
  maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** The role that carries system instructions (openai-chat). Norm: as the request said. */
  systemRole?: 'system' | 'developer';
  /**
   * How reasoning of earlier turns is sent back (openai-chat). Norm `details`: OpenRouter's `reasoning_details`, which
   * can carry seals. `content`: DeepSeek's `reasoning_content`. `reasoning`: a bare `reasoning` string. `none`: the
   * provider refuses it; left out with a loss.
   */
  reasoningHistory?: 'details' | 'content' | 'reasoning' | 'none';
  /** How a demand to reason is said (openai-chat). Norm `effort`: `reasoning_effort`. `object`: OpenRouter `reasoning`. `none`: cannot be said. */
  reasoningRequest?: 'effort' | 'object' | 'none';
  /** The word for "call some tool" (openai-chat). Norm `required`. */
  toolChoiceRequiredAs?: 'required' | 'any';
  /** Longest tool name accepted. Norm: the dialect's own (64 for openai-chat, 128 for anthropic-messages). */
  toolNameCharsMax?: number;
  /** Does it honour cache marks (`cache_control`)? Norm for openai-chat: no; for anthropic-messages: yes. */
  cacheMarks?: boolean;
  /** Does it understand `stream_options.include_usage`? Norm: yes. */
  streamUsageOption?: boolean;
  /** Top-level request fields it refuses; left out with a loss. Dialect field names. */
  refusedFields?: readonly string[];
  /** Response format kinds it understands (openai-chat). Norm: all. */
  responseFormats?: readonly ('json' | 'json-schema')[];
  /**
   * How a demand to reason is said (anthropic-messages). `budget`: `thinking` with `budget_tokens`, what models before
   * 4.6 understand. `adaptive`: adaptive thinking with `output_config.effort`. Norm: told by the model's name.
   */
  thinkingForm?: 'budget' | 'adaptive';
  /** Output bound sent when the dialect demands one and the caller gave none (anthropic-messages). Norm: 4096… see codec. */
  maxTokensDefault?: number;
}
