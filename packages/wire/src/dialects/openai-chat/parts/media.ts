import type { MediaPart } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import { change, drop, type WriteContext } from '../context.ts';
import { CHAT, noteOf } from '../fields.ts';
import { writeAudio } from './audio.ts';
import { isLabel, writeFile } from './file.ts';
import type { PartWriter } from './part-codec.ts';
import { writeVisual } from './visual.ts';

type KindWriter = (part: MediaPart, context: WriteContext, path: string) => JsonObject | undefined;

const kinds: Readonly<Record<MediaPart['kind'], KindWriter>> = {
  image: writeVisual,
  video: writeVisual,
  audio: writeAudio,
  document: writeFile,
};

/** Media as a content part. Documents given as plain text become text, which is how the model would see them. */
export const writeMedia: PartWriter<MediaPart> = ({ part, path }, context) => {
  loseDetails(part, path, context);
  if (part.source.type === 'text' || part.source.type === 'parts') return writeInline(part, path, context);
  const asFile =
    noteOf(part.residue, '~file') === true || (part.source.type === 'file' && part.source.dialect === CHAT);
  const written = (asFile ? writeFile : kinds[part.kind])(part, context, path);
  if (written !== undefined) return [written];
  const why =
    part.source.type === 'file' ? 'the file lies with another provider' : `no ${part.kind} by ${part.source.type}`;
  drop(context, path, `${why} can be sent in ${CHAT}`);
  return [];
};

function loseDetails(part: MediaPart, path: string, context: WriteContext): void {
  if (part.citations !== undefined) drop(context, `${path}.citations`, 'citations cannot be switched per document');
  if (part.source.type === 'text' || part.source.type === 'parts') return;
  if (part.title !== undefined && !isLabel(part)) drop(context, `${path}.title`, 'a document has no title here');
  if (part.context !== undefined) drop(context, `${path}.context`, 'a document has no context here');
}

function writeInline(part: MediaPart, path: string, context: WriteContext): JsonObject[] {
  change(context, path, 'a document given as text becomes text');
  const head = [part.title, part.context].filter((text) => text !== undefined);
  const pieces: JsonObject[] = head.map((text) => ({ type: 'text', text }));
  if (part.source.type === 'text') pieces.push({ type: 'text', text: part.source.text });
  if (part.source.type !== 'parts') return pieces;
  for (const inner of part.source.parts) {
    if (inner.type === 'text') pieces.push({ type: 'text', text: inner.text });
    else if (inner.type === 'media') pieces.push(...writeMedia({ part: inner, path }, context));
  }
  return pieces;
}
