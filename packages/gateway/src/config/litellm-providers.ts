import { joinSegment } from '../providers/join-segment.ts';
import type { Provider } from '../providers/provider.ts';
import { providerTable } from '../providers/table.ts';
import { providerOfBareName } from './provider-name.ts';

/** LiteLLM's names of providers (the prefix of a model), and ours. Those with one name for both are not listed. */
const providerOfPrefix: Readonly<Record<string, string>> = {
  custom_openai: 'openai',
  openai_like: 'openai',
  together_ai: 'together',
  fireworks_ai: 'fireworks',
  dashscope: 'alibaba',
  veniceai: 'venice',
  nvidia_nim: 'nvidia',
  featherless_ai: 'featherless',
  lambda_ai: 'lambda',
  friendliai: 'friendli',
  vercel_ai_gateway: 'vercel',
  ollama_chat: 'ollama',
  hosted_vllm: 'vllm',
  lm_studio: 'lmstudio',
  litellm_proxy: 'litellm',
};

/** Prefixes LiteLLM knows and Turnpike does not serve yet: anything else before a slash is part of the model's name. */
const unservedPrefixes: ReadonlySet<string> = new Set(
  (
    'a2a ai21 ai21_chat aiml aleph_alpha amazon_nova anthropic_text anyscale apertis assemblyai azure azure_ai azure_text ' +
    'bedrock bedrock_converse bedrock_mantle bytez chatgpt chutes clarifai cloudflare codestral cohere cohere_chat ' +
    'cometapi compactifai databricks datarobot docker_model_runner elevenlabs empower galadriel gemini gigachat github ' +
    'github_copilot gmi gradient_ai helicone inception infinity jina_ai langgraph lemonade llamagate maritalk meta_llama ' +
    'morph nano-gpt nlp_cloud oci oobabooga palm petals poe predibase publicai ragflow recraft replicate sagemaker ' +
    'sagemaker_chat sap sarvam snowflake stability synthetic text-completion-codestral text-completion-openai topaz triton ' +
    'v0 vertex_ai vertex_ai_beta volcengine voyage wandb watsonx watsonx_text xiaomi_mimo xinference'
  ).split(' '),
);

export type LitellmTarget =
  | { kind: 'served'; providerId: string | undefined; model: string; isAssumed: boolean }
  | { kind: 'unserved'; provider: string }
  | { kind: 'unknown' };

/**
 * Which provider and model a LiteLLM `model` names: by its prefix, else by the host of `api_base`, else by the price
 * catalogue. A server at an address of its own that none of these tell is taken as OpenAI-compatible (`isAssumed`).
 */
export function targetOfLitellmModel(
  model: string,
  apiBase: string | undefined,
  custom: string | undefined,
): LitellmTarget {
  const slash = model.indexOf('/');
  const prefix = custom ?? (slash > 0 ? model.slice(0, slash) : undefined);
  const rest = prefix !== undefined && model.startsWith(`${prefix}/`) ? model.slice(prefix.length + 1) : model;
  const provider = prefix === undefined ? undefined : providerOfLitellmPrefix(prefix);
  if (provider !== undefined) return { kind: 'served', providerId: provider.id, model: rest, isAssumed: false };
  if (prefix !== undefined && (custom !== undefined || unservedPrefixes.has(prefix)))
    return { kind: 'unserved', provider: prefix };
  if (model === '*') return { kind: 'served', providerId: undefined, model, isAssumed: false };
  const told = providerAtHost(apiBase) ?? providerOfBareName(model, providerTable);
  if (told !== undefined) return { kind: 'served', providerId: told.id, model, isAssumed: false };
  if (apiBase !== undefined) return { kind: 'served', providerId: 'openai', model, isAssumed: true };
  return { kind: 'unknown' };
}

/** The base address as ours are written: some of LiteLLM's go without the version segment. */
export function baseUrlOfApiBase(apiBase: string, providerId: string): string {
  const bare = joinSegment(apiBase, undefined).replace(/\/(chat\/completions|messages)$/, '');
  return joinSegment(bare, providerId === 'anthropic' || providerId === 'ollama' ? '/v1' : undefined);
}

function providerOfLitellmPrefix(prefix: string): Provider | undefined {
  const id = Object.hasOwn(providerOfPrefix, prefix) ? providerOfPrefix[prefix] : prefix;
  return providerTable.find((provider) => provider.id === id);
}

function providerAtHost(apiBase: string | undefined): Provider | undefined {
  if (apiBase === undefined || !URL.canParse(apiBase)) return undefined;
  const { host } = new URL(apiBase);
  return providerTable.find((provider) => new URL(provider.baseUrl).host === host && provider.keyOptional !== true);
}
