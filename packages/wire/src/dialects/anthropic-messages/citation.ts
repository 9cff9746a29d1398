import type { Citation } from '../../canon/part.ts';
import { asString, type JsonObject } from '../../json/value.ts';
import { ANTHROPIC } from './fields.ts';
import type { WriteContext } from './parts/codec.ts';

/** Reads a citation of any type. Bounds in it speak of the cited document, not of the text, so they stay raw. */
export function readCitation(value: JsonObject): Citation {
  const citation: Citation = { raw: { dialect: ANTHROPIC, value } };
  const source = asString(value.source);
  const url = asString(value.url) ?? (source?.startsWith('http') ? source : undefined);
  const title = asString(value.title) ?? asString(value.document_title);
  const citedText = asString(value.cited_text);
  if (url !== undefined) citation.url = url;
  if (title !== undefined) citation.title = title;
  if (citedText !== undefined) citation.citedText = citedText;
  return citation;
}

/**
 * Writes a citation. One of another dialect is shown to a client as a web result; a provider cannot take it back,
 * since it checks `encrypted_index`.
 */
export function writeCitation(citation: Citation, context: WriteContext, path: string): JsonObject | undefined {
  const own = citation.raw.dialect === ANTHROPIC ? citation.raw.value : undefined;
  if (own !== undefined && !(context.direction === 'request' && own.encrypted_index === '')) return own;
  if (context.direction === 'request' || citation.url === undefined) {
    const reason = 'a citation without the proof of its source cannot be sent to anthropic-messages';
    context.losses.push({ path, kind: 'dropped', reason });
    return undefined;
  }
  context.losses.push({
    path,
    kind: 'changed',
    reason: 'written as a web search citation, its place in the text lost',
  });
  return {
    type: 'web_search_result_location',
    url: citation.url,
    title: citation.title ?? null,
    cited_text: citation.citedText ?? '',
    encrypted_index: '',
  };
}
