import { openaiCompatible, openWeights } from './families.ts';
import { joinSegment } from './join-segment.ts';
import { ownServers } from './own-servers.ts';
import type { Provider } from './provider.ts';

/**
 * Every provider Turnpike knows without being told. What a quirk rests on stands beside it: `recorded` means that
 * answered traffic of that provider shows it, otherwise the provider's own reference or its own refusal.
 */
export const providerTable: readonly Provider[] = [
  {
    ...openaiCompatible('openai', 'OpenAI', 'https://api.openai.com/v1', ['OPENAI_API_KEY']),
    // The client libraries read OPENAI_BASE_URL; OPENAI_API_BASE is its older name, still usual with LiteLLM.
    envBaseUrl: { names: ['OPENAI_BASE_URL', 'OPENAI_API_BASE'], join: '/v1' },
    // The chat API has no field for reasoning of earlier turns (it lives in the Responses API).
    quirks: { reasoningHistory: 'none' },
  },
  {
    id: 'anthropic',
    name: 'Anthropic',
    dialect: 'anthropic-messages',
    baseUrl: 'https://api.anthropic.com/v1',
    envKeys: ['ANTHROPIC_API_KEY'],
    // The client library's base address has no version segment.
    envBaseUrl: { names: ['ANTHROPIC_BASE_URL', 'ANTHROPIC_API_BASE'], join: '/v1' },
    auth: { type: 'header', name: 'x-api-key' },
    headers: { 'anthropic-version': '2023-06-01' },
    quirks: {},
    countTokens: true,
  },
  {
    ...openaiCompatible('groq', 'Groq', 'https://api.groq.com/openai/v1', ['GROQ_API_KEY']),
    // Refuses `reasoning_content` on assistant messages by name ("property 'reasoning_content' is unsupported"), and
    // `reasoning` on models that do not reason.
    quirks: { reasoningHistory: 'none' },
  },
  {
    ...openaiCompatible('mistral', 'Mistral', 'https://api.mistral.ai/v1', ['MISTRAL_API_KEY']),
    // Refuses fields it does not know (422 `extra_forbidden`); these are OpenAI's that its reference leaves out.
    // Usage comes with the last chunk unasked (recorded).
    quirks: {
      maxTokensField: 'max_tokens',
      systemRole: 'system',
      reasoningHistory: 'none',
      toolChoiceRequiredAs: 'any',
      streamUsageOption: false,
      refusedFields: ['seed', 'user', 'logit_bias', 'store', 'service_tier', 'modalities', 'audio', 'verbosity'],
    },
  },
  {
    ...openaiCompatible('deepseek', 'DeepSeek', 'https://api.deepseek.com', ['DEEPSEEK_API_KEY']),
    // Recorded: `reasoning_content` comes back and is accepted in the history. Its reference knows `max_tokens` only,
    // and `json_object` but no schemas.
    quirks: {
      maxTokensField: 'max_tokens',
      systemRole: 'system',
      reasoningHistory: 'content',
      responseFormats: ['json'],
    },
  },
  {
    ...openaiCompatible('xai', 'xAI', 'https://api.x.ai/v1', ['XAI_API_KEY'], { catalogueId: 'x-ai' }),
    // Recorded: `reasoning_content` in answers and histories, both token fields accepted.
    quirks: { systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible(
      'together',
      'Together AI',
      'https://api.together.xyz/v1',
      ['TOGETHER_API_KEY', 'TOGETHER_AI_API_KEY', 'TOGETHERAI_API_KEY'],
      { baseUrlVariables: ['TOGETHER_BASE_URL', 'TOGETHER_AI_API_BASE'] },
    ),
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'none' },
  },
  {
    ...openaiCompatible('fireworks', 'Fireworks AI', 'https://api.fireworks.ai/inference/v1', [
      'FIREWORKS_API_KEY',
      'FIREWORKS_AI_API_KEY',
      'FIREWORKSAI_API_KEY',
    ]),
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible('openrouter', 'OpenRouter', 'https://openrouter.ai/api/v1', ['OPENROUTER_API_KEY']),
    // Recorded: `reasoning` objects, `reasoning_details` both ways. Cache marks are handed on to Anthropic models.
    quirks: { reasoningHistory: 'details', reasoningRequest: 'object', cacheMarks: true },
  },
  {
    ...openaiCompatible('perplexity', 'Perplexity', 'https://api.perplexity.ai', [
      'PERPLEXITY_API_KEY',
      'PERPLEXITYAI_API_KEY',
    ]),
    // Its reference knows `max_tokens` and json schemas; usage is in every chunk unasked (recorded).
    quirks: {
      maxTokensField: 'max_tokens',
      systemRole: 'system',
      reasoningHistory: 'none',
      responseFormats: ['json-schema'],
      streamUsageOption: false,
    },
  },
  {
    ...openaiCompatible('cerebras', 'Cerebras', 'https://api.cerebras.ai/v1', ['CEREBRAS_API_KEY']),
    // Refuses `reasoning_content` in the history by name (400 `wrong_api_format`).
    quirks: { systemRole: 'system', reasoningHistory: 'none' },
  },
  {
    ...openaiCompatible('moonshot', 'Moonshot AI', 'https://api.moonshot.ai/v1', ['MOONSHOT_API_KEY'], {
      catalogueId: 'moonshotai',
    }),
    // Recorded: `reasoning_content` in answers; its thinking models want it back between tool calls.
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible('zai', 'Z.AI', 'https://api.z.ai/api/paas/v4', ['ZAI_API_KEY', 'Z_AI_API_KEY']),
    // Recorded: `max_tokens`, and `reasoning_content` both ways.
    quirks: {
      maxTokensField: 'max_tokens',
      systemRole: 'system',
      reasoningHistory: 'content',
      responseFormats: ['json'],
    },
  },
  {
    ...openaiCompatible(
      'alibaba',
      'Alibaba Cloud Model Studio',
      'https://dashscope-intl.aliyuncs.com/compatible-mode/v1',
      ['DASHSCOPE_API_KEY', 'ALIBABA_API_KEY'],
      { baseUrlVariables: ['DASHSCOPE_API_BASE', 'DASHSCOPE_BASE_URL'], catalogueId: null },
    ),
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible('huggingface', 'Hugging Face', 'https://router.huggingface.co/v1', [
      'HF_TOKEN',
      'HUGGINGFACE_API_KEY',
    ]),
    // The router picks the vendor behind it, so the price is the vendor's and cannot be known from the name.
    catalogueId: null,
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'none' },
  },
  {
    ...openaiCompatible('venice', 'Venice', 'https://api.venice.ai/api/v1', ['VENICE_API_KEY', 'VENICE_AI_API_KEY'], {
      catalogueId: null,
    }),
    // Recorded: `reasoning_content` in answers, `max_tokens` in requests.
    quirks: { systemRole: 'system', reasoningHistory: 'content' },
  },
  { ...openaiCompatible('nebius', 'Nebius', 'https://api.studio.nebius.ai/v1', ['NEBIUS_API_KEY']), ...openWeights() },
  {
    ...openaiCompatible('sambanova', 'SambaNova', 'https://api.sambanova.ai/v1', ['SAMBANOVA_API_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible('deepinfra', 'DeepInfra', 'https://api.deepinfra.com/v1/openai', [
      'DEEPINFRA_API_KEY',
      'DEEPINFRA_TOKEN',
    ]),
    ...openWeights(),
  },
  {
    ...openaiCompatible('hyperbolic', 'Hyperbolic', 'https://api.hyperbolic.xyz/v1', ['HYPERBOLIC_API_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible(
      'nvidia',
      'NVIDIA NIM',
      'https://integrate.api.nvidia.com/v1',
      ['NVIDIA_NIM_API_KEY', 'NVIDIA_API_KEY'],
      { baseUrlVariables: ['NVIDIA_NIM_API_BASE', 'NVIDIA_BASE_URL'] },
    ),
    ...openWeights(),
  },
  {
    ...openaiCompatible('novita', 'Novita AI', 'https://api.novita.ai/v3/openai', ['NOVITA_API_KEY']),
    ...openWeights(),
    catalogueId: 'novita',
  },
  {
    ...openaiCompatible('baseten', 'Baseten', 'https://inference.baseten.co/v1', ['BASETEN_API_KEY']),
    ...openWeights(),
    catalogueId: 'baseten',
  },
  {
    ...openaiCompatible('avian', 'Avian', 'https://api.avian.io/v1', ['AVIAN_API_KEY']),
    quirks: { systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible('crusoe', 'Crusoe', 'https://managed-inference-api-proxy.crusoecloud.com/v1', [
      'CRUSOE_API_KEY',
    ]),
    catalogueId: null,
    // Recorded: a bare `reasoning` string both ways.
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'reasoning' },
  },
  {
    ...openaiCompatible('doubleword', 'Doubleword', 'https://api.doubleword.ai/v1', ['DOUBLEWORD_API_KEY']),
    // Recorded: `reasoning_content` accepted in the history.
    quirks: { systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...openaiCompatible('minimax', 'MiniMax', 'https://api.minimax.io/v1', ['MINIMAX_API_KEY']),
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'details' },
  },
  {
    ...openaiCompatible('featherless', 'Featherless AI', 'https://api.featherless.ai/v1', ['FEATHERLESS_API_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible('lambda', 'Lambda', 'https://api.lambda.ai/v1', ['LAMBDA_API_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible('friendli', 'FriendliAI', 'https://api.friendli.ai/serverless/v1', [
      'FRIENDLI_TOKEN',
      'FRIENDLIAI_API_KEY',
    ]),
    ...openWeights(),
  },
  {
    ...openaiCompatible('nscale', 'Nscale', 'https://inference.api.nscale.com/v1', ['NSCALE_API_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible('ovhcloud', 'OVHcloud', 'https://oai.endpoints.kepler.ai.cloud.ovh.net/v1', [
      'OVHCLOUD_API_KEY',
    ]),
    ...openWeights(),
    catalogueId: 'ovhcloud',
  },
  {
    ...openaiCompatible('scaleway', 'Scaleway', 'https://api.scaleway.ai/v1', ['SCW_SECRET_KEY']),
    ...openWeights(),
  },
  {
    ...openaiCompatible('vercel', 'Vercel AI Gateway', 'https://ai-gateway.vercel.sh/v1', [
      'AI_GATEWAY_API_KEY',
      'VERCEL_AI_GATEWAY_API_KEY',
    ]),
    catalogueId: null,
    // Recorded: `reasoning` objects and `reasoning_details` in histories.
    quirks: { reasoningHistory: 'details', reasoningRequest: 'object' },
  },
  ...ownServers,
];

/**
 * Stand-in models inside the gateway, for trying it without any account. Needs no credential; its address is known
 * only when it runs ({@link sandboxAt}), and it costs nothing by definition.
 */
const sandbox: Provider = {
  id: 'sandbox',
  name: 'Sandbox',
  dialect: 'openai-chat',
  baseUrl: '',
  envKeys: [],
  keyOptional: true,
  auth: { type: 'none' },
  quirks: {},
  catalogueId: null,
};

/** The sandbox provider, listening at `url` (with or without its version segment). */
export function sandboxAt(url: string): Provider {
  return { ...sandbox, baseUrl: joinSegment(url, '/v1') };
}
