import type { MediaPart, MediaSource } from '../../../canon/part.ts';
import type { Placed, WriteContext } from '../context.ts';
import { readDataUrl, writeDataUrl } from '../data-url.ts';
import type { Draft, Fields } from '../fields.ts';

/** What a web address or `data:` URL points at, with a note when it cannot be written again from its parts. */
export function readAddress(fields: Fields, url: string): { source: MediaSource; mediaType?: string } {
  const data = readDataUrl(url);
  if (data === undefined) return { source: { type: 'url', url } };
  if (data.prefix === undefined) fields.note('~url', [data.base64, url]);
  else if (data.prefix !== writeDataUrl(data.mediaType, '')) fields.note('~prefix', [data.mediaType, data.prefix]);
  const source: MediaSource = { type: 'base64', data: data.base64 };
  return data.mediaType === '' ? { source } : { source, mediaType: data.mediaType };
}

/**
 * The address of bytes or of a web page; undefined for other sources.
 *
 * @param mediaTypeDefault Stands in for a media type that nobody gave, which is reported: providers demand one.
 */
export function writeAddress(
  draft: Draft,
  { part, path }: Placed<MediaPart>,
  mediaTypeDefault: string,
  context: WriteContext,
): string | undefined {
  if (part.source.type === 'url') return part.source.url;
  if (part.source.type !== 'base64') return undefined;
  const url = draft.note('~url');
  if (Array.isArray(url) && url[0] === part.source.data && typeof url[1] === 'string') return url[1];
  const prefix = draft.note('~prefix');
  if (Array.isArray(prefix) && prefix[0] === (part.mediaType ?? '') && typeof prefix[1] === 'string') {
    return prefix[1] + part.source.data;
  }
  if (part.mediaType !== undefined) return writeDataUrl(part.mediaType, part.source.data);
  context.losses.push({ path: `${path}.mediaType`, kind: 'added', reason: 'bytes are sent with their media type' });
  return writeDataUrl(mediaTypeDefault, part.source.data);
}
