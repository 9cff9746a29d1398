import type { MediaPart } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import { isObject } from '../../../json/value.ts';
import type { WriteContext } from '../context.ts';
import { Draft, Fields } from '../fields.ts';
import { readAddress, writeAddress } from './address.ts';
import type { PartReader } from './part-codec.ts';

/** `image_url` and `video_url`: `{url, detail?}`, or the address itself (Mistral). */
function visualReader(name: 'image_url' | 'video_url', kind: 'image' | 'video'): PartReader {
  return (fields) => {
    const value = fields.take(name);
    const inner = new Fields(isObject(value) ? value : { url: value }, fields.at(name), fields.code);
    const url = inner.take('url');
    if (typeof url !== 'string') {
      fields.leave(name);
      return undefined;
    }
    fields.take('type');
    if (!isObject(value)) fields.note('~bare', true);
    const part: MediaPart = { type: 'media', kind, ...readAddress(fields, url) };
    const detail = inner.take('detail');
    if (typeof detail === 'string') part.detail = detail;
    else if (detail !== undefined) inner.leave('detail');
    fields.keep(name, inner);
    return part;
  };
}

export const readImage = visualReader('image_url', 'image');
export const readVideo = visualReader('video_url', 'video');

/** @returns undefined when the source has no address. */
export function writeVisual(part: MediaPart, context: WriteContext, path: string): JsonObject | undefined {
  const name = part.kind === 'video' ? 'video_url' : 'image_url';
  const draft = Draft.of(part.residue);
  const url = writeAddress(draft, { part, path }, part.kind === 'video' ? 'video/mp4' : 'image/png', context);
  if (url === undefined) return undefined;
  draft.set('type', name);
  if (draft.note('~bare') === true && part.detail === undefined) draft.set(name, url);
  else {
    const inner = new Draft(draft.inner(name));
    inner.set('url', url);
    inner.set('detail', part.detail);
    draft.set(name, inner.done());
  }
  return draft.done();
}
