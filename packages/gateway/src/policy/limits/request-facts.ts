import { fieldJson, fieldString, type Lens } from '@turnpike/wire/json/lens.ts';
import { isObject, type Json } from '@turnpike/wire/json/value.ts';

/** Longer ids are cut: they are kept for as long as their window lasts. */
const ID_CHARS_MAX = 256;
/** Tags of one request that are looked at. */
const TAGS_MAX = 16;

/**
 * Whom the request is made for: the header of that name, else `user`, else `metadata.user_id`. Undefined when it does not
 * say.
 */
export function readEndUser(bytes: Uint8Array, lens: Lens, headers: Headers, header?: string): string | undefined {
  const named = header === undefined ? undefined : headers.get(header)?.trim();
  const user = named || fieldString(bytes, lens.fields.get('user')) || metadataOf(bytes, lens).user_id;
  return typeof user === 'string' && user !== '' ? user.slice(0, ID_CHARS_MAX) : undefined;
}

/** The request's tags: `metadata.tags`, and the header `x-turnpike-tags`, separated by commas. */
export function readTags(bytes: Uint8Array, lens: Lens, headers: Headers): readonly string[] {
  const { tags } = metadataOf(bytes, lens);
  const listed = (Array.isArray(tags) ? tags : []).filter((tag) => typeof tag === 'string');
  const sent = (headers.get('x-turnpike-tags') ?? '').split(',').map((tag) => tag.trim());
  const all = new Set([...listed, ...sent].filter((tag) => tag !== '').map((tag) => tag.slice(0, ID_CHARS_MAX)));
  return [...all].slice(0, TAGS_MAX);
}

function metadataOf(bytes: Uint8Array, lens: Lens): Record<string, Json | undefined> {
  const field = lens.fields.get('metadata');
  const metadata = field === undefined ? undefined : fieldJson(bytes, field);
  return isObject(metadata) ? metadata : {};
}
