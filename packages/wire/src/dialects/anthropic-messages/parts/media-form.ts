import type { MediaPart } from '../../../canon/part.ts';

/** Media of any dialect in the form this one takes: no data URLs, bytes with a bare media type, text as text. */
export function settleMedia(part: MediaPart): MediaPart {
  const settled = part.source.type === 'url' ? withoutDataUrl(part, part.source.url) : part;
  if (settled.source.type !== 'base64') return settled;
  const data = settled.source.data;
  const mediaType = bareType(settled.mediaType) ?? typeOfName(settled.filename) ?? typeOfBytes(data);
  if (settled.kind === 'document' && mediaType?.startsWith('text/')) {
    const text = decodedText(data);
    // A document's text has one media type here, whatever kind of text it is.
    if (text !== undefined) return { ...settled, mediaType: 'text/plain', source: { type: 'text', text } };
  }
  return mediaType === undefined ? settled : { ...settled, mediaType };
}

function withoutDataUrl(part: MediaPart, url: string): MediaPart {
  const read = readDataUrl(url);
  if (read === undefined) return part;
  return { ...part, mediaType: read.mediaType ?? part.mediaType, source: { type: 'base64', data: read.data } };
}

/**
 * The bytes of a `data:` URL, as base64.
 *
 * @returns undefined when `url` is none, or its percent-encoding is broken.
 * @see https://www.rfc-editor.org/rfc/rfc2397
 */
export function readDataUrl(url: string): { mediaType?: string; data: string } | undefined {
  const comma = url.indexOf(',');
  if (!/^data:/i.test(url) || comma < 0) return undefined;
  const head = url.slice('data:'.length, comma);
  const body = url.slice(comma + 1);
  const isBase64 = /;\s*base64\s*$/i.test(head);
  const mediaType = bareType(head.replace(/;\s*base64\s*$/i, '')) ?? (isBase64 ? undefined : 'text/plain');
  const data = isBase64 ? body : encodedText(body);
  if (data === undefined) return undefined;
  return mediaType === undefined ? { data } : { mediaType, data };
}

/** A media type without its parameters; `image/jpg` is a common misspelling. */
function bareType(mediaType: string | undefined): string | undefined {
  const bare = mediaType?.split(';', 1)[0]?.trim().toLowerCase();
  if (bare === undefined || bare === '' || bare === 'application/octet-stream') return undefined;
  return bare === 'image/jpg' ? 'image/jpeg' : bare;
}

const TYPE_OF_ENDING: Readonly<Record<string, string>> = {
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  gif: 'image/gif',
  webp: 'image/webp',
};

function typeOfName(filename: string | undefined): string | undefined {
  const ending = filename?.slice(filename.lastIndexOf('.') + 1).toLowerCase();
  return ending === undefined ? undefined : TYPE_OF_ENDING[ending];
}

/** First bytes of each format, in base64. */
const TYPE_OF_START: readonly (readonly [start: string, mediaType: string])[] = [
  ['JVBERi', 'application/pdf'],
  ['iVBORw', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp'],
];

function typeOfBytes(base64: string): string | undefined {
  return TYPE_OF_START.find(([start]) => base64.startsWith(start))?.[1];
}

function decodedText(base64: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // Not base64, or no UTF-8 in it: sent as the bytes it claims to be, the provider judges.
  }
}

function encodedText(percentEncoded: string): string | undefined {
  try {
    let binary = '';
    for (const byte of new TextEncoder().encode(decodeURIComponent(percentEncoded)))
      binary += String.fromCharCode(byte);
    return btoa(binary);
  } catch {
    return undefined; // Broken percent-encoding: the caller keeps the address as it is.
  }
}
