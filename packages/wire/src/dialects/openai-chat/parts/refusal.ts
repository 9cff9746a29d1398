import type { RefusalPart } from '../../../canon/part.ts';
import { Draft } from '../fields.ts';
import type { PartReader, PartWriter } from './part-codec.ts';

export const readRefusal: PartReader = (fields) => {
  fields.take('type');
  const text = fields.string('refusal');
  fields.note('~in', 'content');
  return text === undefined ? undefined : { type: 'refusal', text };
};

export const writeRefusal: PartWriter<RefusalPart> = ({ part }) => {
  const draft = Draft.of(part.residue);
  draft.set('type', 'refusal');
  draft.set('refusal', part.text);
  return [draft.done()];
};
