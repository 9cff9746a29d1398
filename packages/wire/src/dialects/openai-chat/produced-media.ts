import type { MediaPart } from '../../canon/part.ts';
import { asString, isObject, type JsonObject } from '../../json/value.ts';
import type { WriteContext } from './context.ts';
import { CHAT, Draft, Fields, noteOf } from './fields.ts';
import { readImage, writeVisual } from './parts/visual.ts';

/**
 * `audio` of an assistant message: `{id, data, transcript, expires_at}` when produced, `{id}` when referred to later.
 *
 * @returns undefined when it holds neither.
 */
export function readProducedAudio(audio: JsonObject, path: string): MediaPart | undefined {
  const fields = new Fields(audio, path);
  const data = asString(audio.data);
  const transcript = asString(audio.transcript);
  const id = asString(audio.id);
  const part: MediaPart = { type: 'media', kind: 'audio', source: { type: 'base64', data: data ?? '' } };
  if (data !== undefined) fields.take('data');
  else if (transcript === undefined && id !== undefined && id !== '') {
    part.source = { type: 'file', id, dialect: CHAT };
    fields.take('id');
  }
  if (!data && !transcript && !id) return undefined;
  if (data === undefined && part.source.type === 'base64') fields.note('~noData', true);
  if (transcript !== undefined) {
    part.transcript = transcript;
    fields.take('transcript');
  }
  fields.note('~in', 'audio');
  part.residue = fields.residue();
  return part;
}

export function writeProducedAudio(part: MediaPart): JsonObject | undefined {
  const draft = Draft.of(part.residue);
  if (part.source.type === 'file' && part.source.dialect === CHAT) draft.set('id', part.source.id);
  else if (part.source.type !== 'base64') return undefined;
  else if (part.source.data !== '' || draft.note('~noData') !== true) draft.set('data', part.source.data);
  draft.set('transcript', part.transcript);
  return draft.done();
}

/** An element of `images`, OpenRouter's field for pictures the model made. */
export function readProducedImage(image: JsonObject, path: string): MediaPart | undefined {
  const fields = new Fields(image, path);
  const read = readImage(fields);
  if (read?.type !== 'media') return undefined;
  fields.note('~in', 'images');
  return { ...read, residue: fields.residue() };
}

export function writeProducedImage(part: MediaPart, context: WriteContext, path: string): JsonObject | undefined {
  return writeVisual(part, context, path);
}

/** Where a media part stood in an assistant message, or where one of another dialect goes. */
export function placeOf(part: MediaPart, context: WriteContext): 'audio' | 'images' | 'content' {
  const noted = noteOf(part.residue, '~in');
  if (noted === 'audio' || noted === 'images') return noted;
  if (part.residue?.[CHAT] !== undefined || context.purpose === 'request') return 'content';
  return part.kind === 'audio' ? 'audio' : part.kind === 'image' ? 'images' : 'content';
}

export function readImages(fields: Fields): MediaPart[] {
  const images = fields.take('images');
  if (images === undefined) return [];
  const list = Array.isArray(images) && images.every(isObject) ? images : undefined;
  const parts = list?.map((image, at) => readProducedImage(image, fields.at(`images[${at}]`)));
  if (parts === undefined || !parts.every((part) => part !== undefined)) {
    fields.leave('images');
    return [];
  }
  if (parts.length === 0) fields.blank('images', []);
  return parts;
}
