/**
 * The longest answers of models, in tokens, reasoning included, as their vendors state them. The catalogue of prices has no such
 * figures. A model that is not here may answer at any length its window allows. The first rule that fits holds; one too
 * high costs room in budgets, one too low costs money, so families are given their longest.
 *
 * @see https://platform.openai.com/docs/models
 * @see https://docs.claude.com/en/docs/about-claude/models/overview
 * @see https://ai.google.dev/gemini-api/docs/models
 */
const BOUNDS: readonly (readonly [provider: RegExp, model: RegExp, tokens: number])[] = [
  [/^(openai|azure)$/, /^gpt-3\.5/, 4_096],
  [/^(openai|azure)$/, /^gpt-4-(turbo|1106|0125|vision)/, 4_096],
  [/^(openai|azure)$/, /^(chatgpt-4o|gpt-4o|gpt-4\.5|gpt-5(\.\d)?-chat)/, 16_384],
  [/^(openai|azure)$/, /^gpt-4\.1/, 32_768],
  [/^(openai|azure)$/, /^gpt-5-pro/, 272_000],
  [/^(openai|azure)$/, /^gpt-5/, 128_000],
  [/^(openai|azure)$/, /^(o1|o3|o4)(-|$)/, 100_000],
  [/^anthropic$/, /^claude-3-(haiku|sonnet|opus)/, 4_096],
  [/^anthropic$/, /^claude-3-5-/, 8_192],
  [/^anthropic$/, /^claude-(3-7|opus|sonnet|haiku)-/, 128_000],
  [/^google$/, /^gemini-(1\.5|2\.0|2\.5|3(\.\d)?)-/, 65_536],
];

/** @returns undefined when it is not known. */
export function outputBoundOf(providerId: string, model: string): number | undefined {
  const name = model.trim().toLowerCase();
  return BOUNDS.find(([provider, models]) => provider.test(providerId) && models.test(name))?.[2];
}
