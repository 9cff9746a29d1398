import type { CacheMark } from '../../canon/part.ts';
import { isObject } from '../../json/value.ts';
import { drop, type WriteContext } from './context.ts';
import type { Draft, Fields } from './fields.ts';

/**
 * `cache_control` on a part, message, tool or request: a convention of OpenRouter and LiteLLM, not of OpenAI.
 *
 * The object is noted whole, so that a mark of this dialect goes on as it was unless the provider is known to refuse it.
 *
 * @see https://openrouter.ai/docs/features/prompt-caching
 */
export function readCacheMark(fields: Fields): CacheMark | undefined {
  const value = fields.take('cache_control');
  if (value === undefined) return undefined;
  if (!isObject(value) || (value.ttl !== undefined && value.ttl !== null && typeof value.ttl !== 'string')) {
    fields.leave('cache_control');
    return undefined;
  }
  fields.note('~cache_control', value);
  return typeof value.ttl === 'string' ? { ttl: value.ttl } : {};
}

/** Writes a mark where the provider honours it, or where the caller wrote it in this very dialect. */
export function writeCacheMark(draft: Draft, mark: CacheMark | undefined, context: WriteContext, path: string): void {
  if (mark === undefined) return;
  const noted = draft.note('~cache_control');
  const honoured = context.quirks.cacheMarks ?? isObject(noted);
  if (!honoured) {
    drop(context, path === '' ? 'cacheMark' : `${path}.cacheMark`, 'the provider takes no cache marks');
    return;
  }
  const asNoted = isObject(noted) && (noted.ttl ?? undefined) === mark.ttl;
  draft.set(
    'cache_control',
    asNoted ? noted : { type: 'ephemeral', ...(mark.ttl === undefined ? {} : { ttl: mark.ttl }) },
  );
}
