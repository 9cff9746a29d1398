import type { Citation, TextPart } from '../../canon/part.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { change, drop, type Placed, type WriteContext } from './context.ts';
import { CHAT } from './fields.ts';

/** Reads an annotation: `{type: 'url_citation', url_citation: {url, title, start_index, end_index, content?}}` or another. */
export function readCitation(annotation: JsonObject): Citation {
  const raw: Citation['raw'] = { dialect: CHAT, value: annotation };
  const about = annotation.url_citation;
  if (!isObject(about)) return { raw };
  const citation: Citation = { raw };
  const [start, end] = [asNumber(about.start_index), asNumber(about.end_index)];
  const fields = {
    url: asString(about.url),
    title: asString(about.title),
    citedText: asString(about.content),
    start,
    end,
  };
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) Object.assign(citation, { [name]: value });
  }
  return citation;
}

/**
 * Writes a citation as an annotation. Other dialects cite for a whole block of text: its bounds are then given.
 *
 * @param offset Where the text of the part begins in the message's text, in UTF-16 units.
 * @returns undefined when there is no address to cite (a loss was reported).
 */
export function writeCitation(
  citation: Citation,
  path: string,
  bounds: { offset: number; length: number },
  context: WriteContext,
): JsonObject | undefined {
  if (citation.raw.dialect === CHAT) return citation.raw.value;
  if (citation.url === undefined) {
    drop(context, path, 'only web pages can be cited here');
    return undefined;
  }
  change(context, `${path}.raw`, 'the citation is given as url_citation');
  const about: JsonObject = {
    url: citation.url,
    title: citation.title ?? citation.url,
    start_index: bounds.offset + (citation.start ?? 0),
    end_index: bounds.offset + (citation.end ?? bounds.length),
  };
  if (citation.citedText !== undefined) about.content = citation.citedText;
  return { type: 'url_citation', url_citation: about };
}

/** Annotations of all texts of a message, which stand one after the other in its `content`. */
export function writeAnnotations(texts: readonly Placed<TextPart>[], context: WriteContext): Json[] {
  const annotations: Json[] = [];
  let offset = 0;
  for (const { part, path } of texts) {
    const bounds = { offset, length: part.text.length };
    for (const [at, citation] of (part.citations ?? []).entries()) {
      const annotation = writeCitation(citation, `${path}.citations[${at}]`, bounds, context);
      if (annotation !== undefined) annotations.push(annotation);
    }
    offset += part.text.length;
  }
  return annotations;
}
