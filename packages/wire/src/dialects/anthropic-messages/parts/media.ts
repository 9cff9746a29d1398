import type { MediaPart, MediaSource, Part } from '../../../canon/part.ts';
import { isObject, type JsonObject } from '../../../json/value.ts';
import { carried, readCacheMark } from '../cache-mark.ts';
import { ANTHROPIC, Fields, formNote } from '../fields.ts';
import { drop, type PartCodec, type ReadContext, type WriteContext } from './codec.ts';
import { settleMedia } from './media-form.ts';
import { plainText } from './tool-result.ts';

/**
 * `image` and `document`, from bytes, an address, an uploaded file, text or blocks.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/vision and …/pdf-support
 */
export const mediaCodec: PartCodec<MediaPart> = {
  read(fields, context) {
    const kind = fields.string('type') === 'document' ? 'document' : 'image';
    const source = readSource(fields, context);
    if (source === undefined) return { type: 'opaque', dialect: ANTHROPIC, value: fields.source };
    const part: MediaPart = { type: 'media', kind, ...source };
    if (kind === 'document') readDocumentFields(fields, part);
    const cacheMark = readCacheMark(fields);
    if (cacheMark) part.cacheMark = cacheMark;
    const residue = fields.residue();
    if (residue) part.residue = residue;
    return part;
  },

  write(part, context, path) {
    if (part.kind === 'audio' || part.kind === 'video') return drop(context, path, `${part.kind} cannot be sent here`);
    if (context.direction === 'response') return drop(context, path, 'an answer cannot hold media here');
    const media = part.source.type === 'base64' || part.source.type === 'url' ? settleMedia(part) : part;
    const source = writeSource(media, context, path);
    if (source === undefined) return undefined;
    const { source: sourceRest, citations: citationsRest, ...rest } = carried(part);
    const block: JsonObject = {
      type: part.kind,
      source: { ...source, ...(isObject(sourceRest) ? sourceRest : {}) },
      ...(part.kind === 'document' ? documentFields(part, context, path) : {}),
      ...rest,
    };
    if (isObject(citationsRest))
      block.citations = { ...(isObject(block.citations) && block.citations), ...citationsRest };
    else if (citationsRest !== undefined) block.citations = citationsRest;
    for (const name of ['detail', 'transcript'] as const) {
      if (part[name] !== undefined) drop(context, `${path}.${name}`, `${name} cannot be said here`);
    }
    if (part.kind === 'image' && part.filename !== undefined)
      drop(context, `${path}.filename`, 'images have no name here');
    return block;
  },
};

function readSource(fields: Fields, context: ReadContext): Pick<MediaPart, 'source' | 'mediaType'> | undefined {
  const value = fields.present('source');
  if (!isObject(value)) return undefined;
  const inner = new Fields(value, fields.at('source'), context.code);
  const type = inner.string('type');
  const read = type === undefined ? undefined : readSourceOf(type, inner, fields, context);
  if (read === undefined) return undefined;
  const rest = inner.residue()?.[ANTHROPIC];
  if (rest) fields.keep('source', rest);
  else fields.take('source');
  return read;
}

function readSourceOf(type: string, inner: Fields, outer: Fields, context: ReadContext) {
  switch (type) {
    case 'base64': {
      const data = inner.string('data');
      return data === undefined ? undefined : typed(inner, { type, data });
    }
    case 'text': {
      const text = inner.string('data');
      return text === undefined ? undefined : typed(inner, { type, text });
    }
    case 'url': {
      const url = inner.string('url');
      if (inner.source.media_type !== undefined) outer.note('typed', true);
      return url === undefined ? undefined : typed(inner, { type, url });
    }
    case 'file': {
      const id = inner.string('file_id');
      return id === undefined ? undefined : typed(inner, { type, id, dialect: ANTHROPIC });
    }
    case 'content': {
      const text = inner.present('content');
      if (typeof text === 'string') {
        inner.take('content');
        outer.note('content', 'string');
        return typed(inner, { type: 'parts', parts: [{ type: 'text', text }] });
      }
      const blocks = inner.list('content');
      return blocks && typed(inner, { type: 'parts', parts: context.parts(blocks, inner.at('content')) });
    }
    default:
      return undefined;
  }
}

function typed(inner: Fields, source: MediaSource): Pick<MediaPart, 'source' | 'mediaType'> {
  const mediaType = inner.string('media_type');
  return mediaType === undefined ? { source } : { source, mediaType };
}

function readDocumentFields(fields: Fields, part: MediaPart): void {
  const title = fields.string('title');
  const context = fields.string('context');
  if (title !== undefined) part.title = title;
  if (context !== undefined) part.context = context;
  const citations = fields.present('citations');
  if (!isObject(citations) || typeof citations.enabled !== 'boolean') return;
  const { enabled, ...rest } = citations;
  part.citations = enabled;
  if (Object.keys(rest).length > 0) fields.keep('citations', rest);
  else fields.take('citations');
}

function documentFields(part: MediaPart, context: WriteContext, path: string): JsonObject {
  const fields: JsonObject = {};
  if (part.title !== undefined) fields.title = part.title;
  else if (part.filename !== undefined) fields.title = part.filename;
  if (part.filename !== undefined) {
    if (part.title === undefined) {
      context.losses.push({ path: `${path}.title`, kind: 'added', reason: 'the file name serves as the title' });
    }
    const reason = part.title === undefined ? 'the file name is sent as the title' : 'a document has only a title';
    context.losses.push({ path: `${path}.filename`, kind: part.title === undefined ? 'changed' : 'dropped', reason });
  }
  if (part.context !== undefined) fields.context = part.context;
  if (part.citations !== undefined) fields.citations = { enabled: part.citations };
  return fields;
}

function writeSource(part: MediaPart, context: WriteContext, path: string): JsonObject | undefined {
  const { source } = part;
  const media = part.mediaType === undefined ? {} : { media_type: part.mediaType };
  switch (source.type) {
    case 'base64':
      return { type: 'base64', ...media, data: source.data };
    case 'url':
      return { type: 'url', url: source.url, ...urlType(part) };
    case 'text':
      return { type: 'text', media_type: part.mediaType ?? 'text/plain', data: source.text };
    case 'file':
      if (source.dialect !== ANTHROPIC) return drop(context, path, `a file uploaded to ${source.dialect} is not here`);
      return { type: 'file', file_id: source.id, ...media };
    case 'parts':
      return { type: 'content', content: contentOf(part, source.parts, context, path) };
    default:
      return source satisfies never;
  }
}

/** An address says its type itself; only what stood there is written back. */
function urlType(part: MediaPart): JsonObject {
  return part.mediaType !== undefined && formNote(part.residue, 'typed') === true ? { media_type: part.mediaType } : {};
}

function contentOf(part: MediaPart, parts: Part[], context: WriteContext, path: string) {
  const text = formNote(part.residue, 'content') === 'string' ? plainText(parts) : undefined;
  return text ?? context.blocks(parts, `${path}.source.parts`);
}
