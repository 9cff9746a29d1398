import type { Part } from '../../canon/part.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { isObject, type Json } from '../../json/value.ts';
import type { Placed, WriteContext } from './context.ts';
import type { Draft, Fields } from './fields.ts';
import { readContentPart, writeContentPart } from './parts/table.ts';

/**
 * Reads `content`: a string, a list of parts, null or absent.
 *
 * @param emptyIsNothing Whether an empty string is no part at all (as beside tool calls) rather than empty text.
 */
export function readContent(fields: Fields, emptyIsNothing: boolean): Part[] {
  const content = fields.take('content');
  if (content === undefined) {
    if (fields.source.content === undefined) fields.note('~content', 'absent');
    return [];
  }
  if (typeof content === 'string') {
    if (content !== '' || !emptyIsNothing) return [{ type: 'text', text: content }];
    fields.blank('content', '');
    return [];
  }
  if (Array.isArray(content)) {
    fields.note('~content', 'parts');
    return content.map((value, at) => readContentPart(value, fields, fields.at(`content[${at}]`)));
  }
  if (!isObject(content)) return fields.reject('content', 'a string or a list of parts');
  // Some providers answer a JSON schema with the object itself (Cloudflare).
  const text = stringifyJson(content);
  fields.note('~content', [text, content]);
  return [{ type: 'text', text }];
}

/** Sets `content` of a request message: a string where one plain text is all there is, unless a list was read. */
export function writeContent(draft: Draft, placed: readonly Placed[], context: WriteContext): void {
  const noted = draft.note('~content');
  const written = placed.flatMap((one) => writeContentPart(one, context));
  const asObject = Array.isArray(noted) ? noted : undefined;
  const text = noted === 'parts' ? undefined : plainText(written);
  if (text !== undefined) draft.set('content', asObject !== undefined && asObject[0] === text ? asObject[1] : text);
  else if (written.length > 0 || noted === 'parts') draft.set('content', written);
}

/** The text of a list that is nothing but one bare text. */
function plainText(written: readonly Json[]): string | undefined {
  const [only] = written;
  if (written.length !== 1 || !isObject(only) || only.type !== 'text') return undefined;
  return Object.keys(only).length === 2 && typeof only.text === 'string' ? only.text : undefined;
}
