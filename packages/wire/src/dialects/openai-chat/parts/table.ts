import { loseResidue } from '../../../canon/loss.ts';
import type { Part } from '../../../canon/part.ts';
import { isObject, type Json, type JsonObject } from '../../../json/value.ts';
import { readCacheMark, writeCacheMark } from '../cache-mark.ts';
import { drop, type Placed, type WriteContext } from '../context.ts';
import { CHAT, Draft, Fields } from '../fields.ts';
import { blockAsRead, blockReaders } from './anthropic-shaped.ts';
import { readAudio } from './audio.ts';
import { readFile } from './file.ts';
import { writeMedia } from './media.ts';
import type { PartReader } from './part-codec.ts';
import { readRefusal, writeRefusal } from './refusal.ts';
import { readText, writeText } from './text.ts';
import { readThinking, writeThinking } from './thinking.ts';
import { readImage, readVideo } from './visual.ts';

/** One line per `type` of a content part. A type without a line is opaque. */
const readers: Readonly<Record<string, PartReader>> = {
  text: readText,
  input_text: readText,
  output_text: readText,
  image_url: readImage,
  video_url: readVideo,
  input_audio: readAudio,
  file: readFile,
  refusal: readRefusal,
  thinking: readThinking,
  ...blockReaders,
};

/** Reads one element of a `content` array. @throws Fault when it is not an object or a field has the wrong type. */
export function readContentPart(value: Json, fields: Fields, path: string): Part {
  if (!isObject(value)) {
    if (typeof value !== 'string') throw fields.reject('content', 'a list of content parts');
    return { type: 'text', text: value, residue: { [CHAT]: { '~string': true } } };
  }
  const part = new Fields(value, path, fields.code);
  const type = value.type;
  const reader = typeof type === 'string' && Object.hasOwn(readers, type) ? readers[type] : undefined;
  const cacheMark = readCacheMark(part);
  const read = reader?.(part);
  if (read === undefined) return { type: 'opaque', dialect: CHAT, value };
  const residue = part.residue();
  if (cacheMark !== undefined) read.cacheMark = cacheMark;
  if (residue !== undefined) read.residue = residue;
  return read;
}

/** Writes a part as elements of a `content` array; none when it cannot be said there (a loss was reported). */
export function writeContentPart(placed: Placed, context: WriteContext): Json[] {
  const { part, path } = placed;
  loseResidue(context.losses, path, part.residue, CHAT);
  const asRead = blockAsRead(part);
  if (asRead !== undefined) return [asRead];
  if (part.residue?.[CHAT]?.['~string'] === true && part.type === 'text') return [part.text];
  const written = byKind(placed, context);
  const last = written.at(-1);
  if (last !== undefined && part.type !== 'opaque') markLast(last, placed, context);
  return written;
}

function byKind({ part, path }: Placed, context: WriteContext): JsonObject[] {
  switch (part.type) {
    case 'text':
      return writeText({ part, path }, context);
    case 'media':
      return writeMedia({ part, path }, context);
    case 'refusal':
      return writeRefusal({ part, path }, context);
    case 'reasoning':
      return writeThinking({ part, path }, context);
    case 'opaque':
      if (part.dialect === CHAT) return [part.value];
      drop(context, path, `a block of ${part.dialect} has no counterpart in ${CHAT}`);
      return [];
    case 'tool-call':
    case 'tool-result':
      drop(context, path, `a ${part.type} cannot stand inside content`);
      return [];
    default:
      return part satisfies never;
  }
}

function markLast(written: JsonObject, { part, path }: Placed, context: WriteContext): void {
  const mark = Draft.of(part.residue);
  writeCacheMark(mark, part.cacheMark, context, path);
  if (mark.body.cache_control !== undefined) written.cache_control = mark.body.cache_control;
}
