/** A `data:` URL taken apart. */
export interface DataUrl {
  /** The media type without parameters; empty when the URL names none. */
  mediaType: string;
  base64: string;
  /** Everything before the bytes, as written; undefined when the bytes were percent-encoded and had to be converted. */
  prefix?: string;
}

/**
 * Reads a `data:` URL with any parameters (`;charset=utf-8`), base64 or percent-encoded.
 *
 * @returns undefined when it is no data URL, or a broken one.
 * @see https://www.rfc-editor.org/rfc/rfc2397
 */
export function readDataUrl(url: string): DataUrl | undefined {
  if (url.slice(0, 5).toLowerCase() !== 'data:') return undefined;
  const comma = url.indexOf(',');
  if (comma < 0) return undefined;
  const [mediaType = '', ...parameters] = url.slice(5, comma).split(';');
  const type = mediaType.trim().toLowerCase();
  if (parameters.some((parameter) => parameter.trim().toLowerCase() === 'base64')) {
    return { mediaType: type, base64: url.slice(comma + 1), prefix: url.slice(0, comma + 1) };
  }
  const bytes = percentDecode(url.slice(comma + 1));
  return bytes === undefined ? undefined : { mediaType: type === '' ? 'text/plain' : type, base64: btoa(bytes) };
}

/** The bytes as a string of char codes 0–255. */
function percentDecode(text: string): string | undefined {
  try {
    let binary = '';
    for (const byte of new TextEncoder().encode(decodeURIComponent(text))) binary += String.fromCharCode(byte);
    return binary;
  } catch {
    return undefined; // Not valid percent-encoding: the caller keeps the address as it stands.
  }
}

export function writeDataUrl(mediaType: string, base64: string): string {
  return `data:${mediaType};base64,${base64}`;
}
