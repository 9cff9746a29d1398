import type { MediaPart } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import { change, type WriteContext } from '../context.ts';
import { CHAT, Draft } from '../fields.ts';
import { readAddress, writeAddress } from './address.ts';
import type { PartReader } from './part-codec.ts';

const mediaTypeOfEnding: Readonly<Record<string, string>> = {
  pdf: 'application/pdf',
  txt: 'text/plain',
  md: 'text/markdown',
  csv: 'text/csv',
  html: 'text/html',
  json: 'application/json',
};

const endingOfMediaType: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(mediaTypeOfEnding).map(([ending, mediaType]) => [mediaType, ending]),
);

/**
 * `{type: 'file', file: {file_data | file_id, filename?}}`. `file_data` is a `data:` URL, with some clients bare base64
 * or a web address.
 *
 * @see https://platform.openai.com/docs/guides/pdf-files
 */
export const readFile: PartReader = (fields) => {
  const inner = fields.nested('file');
  if (inner === undefined) return undefined;
  fields.take('type');
  const filename = inner.string('filename');
  const part: MediaPart = { type: 'media', kind: 'document', source: { type: 'url', url: '' } };
  const data = inner.string('file_data');
  const id = data === undefined ? inner.string('file_id') : undefined;
  if (data !== undefined) {
    if (/^(data|https?|gs):/i.test(data)) Object.assign(part, readAddress(fields, data));
    else {
      part.source = { type: 'base64', data };
      fields.note('~bare', true);
      const ending = filename?.split('.').at(-1)?.toLowerCase() ?? '';
      part.mediaType = mediaTypeOfEnding[ending] ?? 'application/octet-stream';
    }
  } else if (id !== undefined) {
    part.source = /^(https?|gs):/i.test(id) ? { type: 'url', url: id } : { type: 'file', id, dialect: CHAT };
    if (part.source.type === 'url') fields.note('~id', true);
  } else {
    fields.leave('file');
    fields.leave('type');
    return undefined;
  }
  if (filename !== undefined) part.filename = filename;
  part.kind = kindOf(part.mediaType);
  fields.note('~file', true);
  fields.keep('file', inner);
  return part;
};

/** What a `file` holds: images and the like may be sent this way too. */
function kindOf(mediaType: string | undefined): MediaPart['kind'] {
  const family = mediaType?.split('/')[0];
  return family === 'image' || family === 'audio' || family === 'video' ? family : 'document';
}

/** Does the title of a document stand in for the file name that it lacks? Other dialects have the one or the other. */
export function isLabel({ kind, title, filename, source }: MediaPart): boolean {
  return (
    kind === 'document' && !!title && filename === undefined && (source.type === 'base64' || source.type === 'url')
  );
}

/** @returns undefined when the source is of a kind that files cannot have. */
export function writeFile(part: MediaPart, context: WriteContext, path: string): JsonObject | undefined {
  const draft = Draft.of(part.residue);
  const inner = new Draft(draft.inner('file'));
  const { source } = part;
  const isOwn = draft.note('~file') === true;
  if (source.type === 'file') {
    if (source.dialect !== CHAT) return undefined;
    inner.set('file_id', source.id);
  } else if (source.type === 'url' && draft.note('~id') === true) inner.set('file_id', source.url);
  else if (source.type === 'base64' && draft.note('~bare') === true) inner.set('file_data', source.data);
  else {
    const address = writeAddress(draft, { part, path }, 'application/pdf', context);
    if (address === undefined) return undefined;
    inner.set('file_data', address);
    if (source.type === 'url' && !isOwn) {
      change(context, `${path}.source`, 'a document by address is understood by some providers of this dialect only');
    }
  }
  if (part.filename !== undefined) inner.set('filename', part.filename);
  else if (isLabel(part)) {
    inner.set('filename', part.title);
    change(context, `${path}.title`, 'the title is given as the name of the file');
  } else if (!isOwn && source.type === 'base64') {
    inner.set('filename', `document.${endingOfMediaType[part.mediaType ?? ''] ?? 'pdf'}`);
    context.losses.push({ path: `${path}.filename`, kind: 'added', reason: 'the dialect demands a file name' });
  }
  draft.set('type', 'file');
  draft.set('file', inner.done());
  return draft.done();
}
