import type { TextPart } from '../../../canon/part.ts';
import { drop } from '../context.ts';
import { Draft } from '../fields.ts';
import type { PartReader, PartWriter } from './part-codec.ts';

/** `{type: 'text', text}`, also under the names the Responses API gives it, which some clients send here. */
export const readText: PartReader = (fields) => {
  const text = fields.take('text');
  if (typeof text !== 'string') {
    fields.leave('text');
    return undefined;
  }
  const type = fields.take('type');
  if (type !== undefined && type !== 'text') fields.note('~type', type);
  return { type: 'text', text };
};

export const writeText: PartWriter<TextPart> = ({ part, path }, context) => {
  const draft = Draft.of(part.residue);
  draft.set('type', draft.note('~type') ?? 'text');
  draft.set('text', part.text);
  if (context.purpose === 'request') {
    for (const at of part.citations?.keys() ?? []) {
      drop(context, `${path}.citations[${at}]`, 'text in a request carries no citations');
    }
  }
  return [draft.done()];
};
