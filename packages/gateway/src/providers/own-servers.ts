import { ownServer } from './families.ts';
import type { Provider } from './provider.ts';

/** Servers of one's own that Turnpike knows without being told. What a quirk rests on stands beside it, as in `table.ts`. */
export const ownServers: readonly Provider[] = [
  {
    ...ownServer(
      'ollama',
      'Ollama',
      'http://localhost:11434/v1',
      ['OLLAMA_API_KEY'],
      ['OLLAMA_BASE_URL', 'OLLAMA_API_BASE'],
    ),
    // Recorded: answers carry `reasoning`, and histories with it are accepted.
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'reasoning' },
  },
  {
    ...ownServer(
      'vllm',
      'vLLM',
      'http://localhost:8000/v1',
      ['VLLM_API_KEY', 'HOSTED_VLLM_API_KEY'],
      ['VLLM_BASE_URL', 'HOSTED_VLLM_API_BASE', 'VLLM_API_BASE'],
    ),
    quirks: { systemRole: 'system', reasoningHistory: 'reasoning' },
  },
  {
    ...ownServer(
      'lmstudio',
      'LM Studio',
      'http://localhost:1234/v1',
      ['LM_STUDIO_API_KEY', 'LMSTUDIO_API_KEY'],
      ['LM_STUDIO_API_BASE', 'LMSTUDIO_BASE_URL'],
    ),
    // Knows structured output by schema only (its reference).
    quirks: {
      maxTokensField: 'max_tokens',
      systemRole: 'system',
      reasoningHistory: 'none',
      responseFormats: ['json-schema'],
    },
  },
  {
    ...ownServer(
      'llamacpp',
      'llama.cpp',
      'http://localhost:8080/v1',
      ['LLAMACPP_API_KEY'],
      ['LLAMACPP_BASE_URL', 'LLAMACPP_API_BASE'],
    ),
    // Recorded: `reasoning_content` in histories.
    quirks: { systemRole: 'system', reasoningHistory: 'content' },
  },
  {
    ...ownServer('llamafile', 'llamafile', 'http://localhost:8080/v1', ['LLAMAFILE_API_KEY'], ['LLAMAFILE_API_BASE']),
    quirks: { maxTokensField: 'max_tokens', systemRole: 'system', reasoningHistory: 'none' },
  },
  {
    ...ownServer(
      'litellm',
      'LiteLLM proxy',
      'http://localhost:4000/v1',
      ['LITELLM_PROXY_API_KEY'],
      ['LITELLM_PROXY_API_BASE'],
    ),
    quirks: { reasoningHistory: 'content' },
  },
];
