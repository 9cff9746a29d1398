import type { Lens } from '@turnpike/wire/json/lens.ts';
import { isObject, type Json } from '@turnpike/wire/json/value.ts';

/** What messages hold beside text. */
export interface RequestMedia {
  readonly pictures: number;
  /** Bytes in the body that are pictures, not text. */
  readonly bytes: number;
  /** What cannot be counted by its size, for people; undefined when there is nothing of the kind. */
  readonly open: string | undefined;
}

const NONE: RequestMedia = { pictures: 0, bytes: 0, open: undefined };

/** By the `type` of a part, in either dialect. Sound that came along is shorter in tokens than in bytes, and counts as text. */
const pictureTypes: ReadonlySet<string> = new Set(['image_url', 'image', 'input_image']);
const openTypes: ReadonlySet<string> = new Set([
  'file',
  'input_file',
  'document',
  'document_url',
  'container_upload',
  'audio_url',
  'video',
  'video_url',
  'input_video',
]);

const TYPE = Buffer.from('"type"');
const [QUOTE, COLON, BACKSLASH] = [0x22, 0x3a, 0x5c];
/** Longer than any of the types above. */
const TYPE_BYTES_MAX = 24;

/** Looks for media in the messages. Only those of a request that has some are parsed. */
export function readMedia(body: Buffer, { fields }: Lens): RequestMedia {
  const messages = fields.get('messages');
  if (messages === undefined) return NONE;
  const slice = body.subarray(messages.start, messages.end);
  if (!mentionsMedia(slice) && !hasEscapedLetters(slice)) return NONE;
  const found = { pictures: 0, bytes: 0, open: undefined as string | undefined };
  const parsed = JSON.parse(slice.toString('utf8')) as Json;
  for (const message of listOf(parsed)) if (isObject(message)) countParts(message.content, found);
  return found;
}

/** May sound or pictures go in or come out at all? Escapes may hide the word. */
export function mayHoldMedia(body: Buffer): boolean {
  return body.includes('audio') || body.includes('image') || hasEscapedLetters(body);
}

/** Letters that JSON need not escape, and some writer did: a word in them is not found by its bytes. */
function hasEscapedLetters(body: Buffer): boolean {
  for (let at = body.indexOf('\\u00'); at >= 0; at = body.indexOf('\\u00', at + 4)) {
    const digit = body[at + 4] ?? 0;
    if (digit >= 0x34 && digit <= 0x37) return true;
  }
  return false;
}

/** Is there a part of such a type? Text cannot look like one: its quotes are escaped. */
function mentionsMedia(messages: Buffer): boolean {
  for (let at = messages.indexOf(TYPE); at >= 0; at = messages.indexOf(TYPE, at + TYPE.length)) {
    let start = afterSpace(messages, at + TYPE.length);
    if (messages[start] !== COLON) continue;
    start = afterSpace(messages, start + 1);
    if (messages[start] !== QUOTE) continue;
    const end = messages.indexOf(QUOTE, start + 1);
    if (end - start > TYPE_BYTES_MAX) continue;
    const type = messages.toString('latin1', start + 1, end);
    if (pictureTypes.has(type) || openTypes.has(type) || type.charCodeAt(type.length - 1) === BACKSLASH) return true;
  }
  return false;
}

function afterSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}

/** Content of a message, or of the result of a tool within one. */
function countParts(
  content: Json | undefined,
  found: { pictures: number; bytes: number; open: string | undefined },
): void {
  for (const part of listOf(content)) {
    if (!isObject(part) || typeof part.type !== 'string') continue;
    if (part.type === 'tool_result') countParts(part.content, found);
    else if (pictureTypes.has(part.type)) {
      found.pictures++;
      found.bytes += inlineBytes(part);
    } else if (openTypes.has(part.type)) {
      found.open = `a ${part.type.replace(/^input_|_url$|_upload$/g, '')}`;
      found.bytes += inlineBytes(part);
    }
  }
}

/** The base64 in a picture or a file: what is read as such, and not as text. */
function inlineBytes({ image_url, source, file }: Readonly<Record<string, Json | undefined>>): number {
  const url = isObject(image_url) ? image_url.url : image_url;
  if (typeof url === 'string' && url.startsWith('data:')) return url.length;
  if (isObject(source) && source.type === 'base64' && typeof source.data === 'string') return source.data.length;
  return isObject(file) && typeof file.file_data === 'string' ? file.file_data.length : 0;
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
