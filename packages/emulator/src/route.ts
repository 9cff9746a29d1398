import type { DialectId } from '@turnpike/wire/canon/residue.ts';

/** What a request asks for, told by the end of its path alone: providers differ in what stands before. */
export interface Route {
  operation: 'generate' | 'count-tokens' | 'list-models' | 'show-model' | 'other';
  /** The vocabulary to answer in. Model lists are given in the caller's, told by its `anthropic-version` header. */
  dialect: DialectId;
  /** The part of the path that means something: `chat/completions`, `messages`, `models`… */
  tail: string;
}

const TAILS = [
  'chat/completions',
  'messages/count_tokens',
  'messages',
  'responses',
  'completions',
  'embeddings',
  'models',
] as const;

export function routeOf(target: string, headers: ReadonlyMap<string, string>): Route {
  const path = pathOf(target);
  const tail = tailOf(path);
  if (tail === 'chat/completions') return { operation: 'generate', dialect: 'openai-chat', tail };
  if (tail === 'messages') return { operation: 'generate', dialect: 'anthropic-messages', tail };
  if (tail === 'messages/count_tokens') return { operation: 'count-tokens', dialect: 'anthropic-messages', tail };
  const dialect = headers.has('anthropic-version') ? 'anthropic-messages' : 'openai-chat';
  if (tail === 'models') return { operation: 'list-models', dialect, tail };
  if (/\/models\/[^/]/.test(path)) return { operation: 'show-model', dialect, tail };
  return { operation: 'other', dialect, tail };
}

export function pathOf(target: string): string {
  return target.replace(/[?#].*$/, '').replace(/\/+$/, '');
}

/** The known end of a path, or its last segment. Vertex's `…:rawPredict` carries Anthropic messages. */
export function tailOf(path: string): string {
  if (/\/anthropic\/models\/[^/]+:(streamR|r)awPredict$/.test(path)) return 'messages';
  const slashed = path.startsWith('/') ? path : `/${path}`;
  return TAILS.find((tail) => slashed.endsWith(`/${tail}`)) ?? slashed.slice(slashed.lastIndexOf('/') + 1);
}
