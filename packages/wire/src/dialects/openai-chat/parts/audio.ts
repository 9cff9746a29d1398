import type { MediaPart } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import type { WriteContext } from '../context.ts';
import { Draft } from '../fields.ts';
import { readAddress, writeAddress } from './address.ts';
import type { PartReader } from './part-codec.ts';

const mediaTypeOf: Readonly<Record<string, string>> = { wav: 'audio/wav', mp3: 'audio/mpeg', m4a: 'audio/mp4' };
const formatOf: Readonly<Record<string, string>> = {
  'audio/wav': 'wav',
  'audio/x-wav': 'wav',
  'audio/wave': 'wav',
  'audio/mpeg': 'mp3',
  'audio/mp3': 'mp3',
  'audio/mp4': 'm4a',
};

/** `{type: 'input_audio', input_audio: {data, format}}`; `data` is base64, with some clients a `data:` URL. */
export const readAudio: PartReader = (fields) => {
  const inner = fields.nested('input_audio');
  const data = inner?.string('data');
  if (inner === undefined || data === undefined) return undefined;
  fields.take('type');
  const format = inner.string('format');
  const part: MediaPart = { type: 'media', kind: 'audio', source: { type: 'base64', data } };
  if (data.slice(0, 5).toLowerCase() === 'data:') {
    Object.assign(part, readAddress(fields, data));
    fields.note('~address', true);
  }
  if (format !== undefined) {
    part.mediaType = mediaTypeOf[format] ?? `audio/${format}`;
    fields.note('~format', [part.mediaType, format]);
  }
  fields.keep('input_audio', inner);
  return part;
};

/** @returns undefined when the audio is not given as bytes. */
export function writeAudio(part: MediaPart, context: WriteContext, path: string): JsonObject | undefined {
  if (part.source.type !== 'base64') return undefined;
  const draft = Draft.of(part.residue);
  const inner = new Draft(draft.inner('input_audio'));
  const isAddress = draft.note('~address') === true;
  inner.set('data', isAddress ? writeAddress(draft, { part, path }, 'audio/wav', context) : part.source.data);
  const noted = draft.note('~format');
  if (Array.isArray(noted) && noted[0] === part.mediaType) inner.set('format', noted[1]);
  else if (part.mediaType !== undefined && !isAddress) {
    inner.set('format', formatOf[part.mediaType] ?? part.mediaType.replace(/^audio\//, ''));
  }
  draft.set('type', 'input_audio');
  draft.set('input_audio', inner.done());
  return draft.done();
}
