import type { CanonRequest } from '../../canon/request.ts';
import { type ShortWords, shortWords } from './short-words.ts';

/** OpenAI refuses longer function names. @see https://platform.openai.com/docs/api-reference/chat/create */
export const TOOL_NAME_CHARS_MAX = 64;

/** Shortens tool names over `charsMax` wherever the request uses them. */
export function shortNames(request: CanonRequest, charsMax: number): ShortWords {
  return shortWords(namesOf(request), (name) => name.length <= charsMax, charsMax);
}

function namesOf(request: CanonRequest): Set<string> {
  const names = new Set<string>();
  for (const tool of request.tools ?? []) if (tool.name !== undefined) names.add(tool.name);
  if (request.toolChoice?.type === 'tool') names.add(request.toolChoice.name);
  for (const message of request.messages) {
    for (const part of message.parts) {
      if (part.type === 'tool-call') names.add(part.name);
      else if (part.type === 'tool-result' && part.name !== undefined) names.add(part.name);
    }
  }
  return names;
}
