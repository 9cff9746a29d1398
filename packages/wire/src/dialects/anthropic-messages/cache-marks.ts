import type { Loss } from '../../canon/loss.ts';
import type { CacheMark, Part } from '../../canon/part.ts';
import type { CanonRequest } from '../../canon/request.ts';

/** Most cache marks the API takes in one request. @see https://docs.claude.com/en/docs/build-with-claude/prompt-caching */
export const CACHE_MARKS_MAX = 4;

/**
 * The request with at most `max` cache marks: the last ones stay, since they reach furthest into the prompt. Marks
 * inside values only their own dialect knows are not counted.
 */
export function limitCacheMarks(request: CanonRequest, max: number, losses: Loss[]): CanonRequest {
  let excess = countMarks(request) - max;
  if (excess <= 0) return request;
  const reason = max === 0 ? 'the provider honours no cache marks' : `a request holds ${max} cache marks at most`;
  const unmark = <T extends { cacheMark?: CacheMark }>(node: T, path: string): T => {
    if (node.cacheMark === undefined || excess <= 0) return node;
    excess--;
    losses.push({ path: path === '' ? 'cacheMark' : `${path}.cacheMark`, kind: 'dropped', reason });
    const { cacheMark: _, ...rest } = node;
    return rest as T;
  };
  const unmarkPart = (part: Part, path: string): Part => {
    const inner =
      part.type === 'tool-result'
        ? { ...part, content: part.content.map((piece, i) => unmarkPart(piece, `${path}.content[${i}]`)) }
        : part;
    return unmark(inner, path);
  };
  const tools = request.tools?.map((tool, i) => (tool.type === 'function' ? unmark(tool, `tools[${i}]`) : tool));
  const messages = request.messages.map((message, i) => {
    const parts = message.parts.map((part, j) => unmarkPart(part, `messages[${i}].parts[${j}]`));
    return unmark({ ...message, parts }, `messages[${i}]`);
  });
  const settled: CanonRequest = { ...request, messages, ...(tools && { tools }) };
  return unmark(settled, '');
}

function countMarks(request: CanonRequest): number {
  let count = request.cacheMark ? 1 : 0;
  for (const tool of request.tools ?? []) if (tool.type === 'function' && tool.cacheMark) count++;
  for (const message of request.messages) {
    if (message.cacheMark) count++;
    for (const part of message.parts) count += countPart(part);
  }
  return count;
}

function countPart(part: Part): number {
  const own = part.cacheMark ? 1 : 0;
  return part.type === 'tool-result' ? part.content.reduce((sum, piece) => sum + countPart(piece), own) : own;
}
