import type { MediaPart, MediaSource } from '../../../canon/part.ts';
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

/** The address of bytes or of a web page; undefined for other sources. */
export function writeAddress(draft: Draft, part: MediaPart, mediaTypeDefault: string): string | undefined {
  if (part.source.type === 'url') return part.source.url;
  if (part.source.type !== 'base64') return undefined;
  const url = draft.note('~url');
  if (Array.isArray(url) && url[0] === part.source.data && typeof url[1] === 'string') return url[1];
  const prefix = draft.note('~prefix');
  if (Array.isArray(prefix) && prefix[0] === (part.mediaType ?? '') && typeof prefix[1] === 'string') {
    return prefix[1] + part.source.data;
  }
  return writeDataUrl(part.mediaType ?? mediaTypeDefault, part.source.data);
}
