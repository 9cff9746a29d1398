import type { ReasoningPart } from '../../../canon/part.ts';
import { isObject, type Json, type JsonObject } from '../../../json/value.ts';
import { Draft } from '../fields.ts';
import type { PartReader, PartWriter } from './part-codec.ts';

/**
 * Mistral's reasoning inside `content`: `{type: 'thinking', thinking: [{type: 'text', text}], closed?}`. A bare string
 * is read too; with a `signature` it is Anthropic's block.
 *
 * @see https://docs.mistral.ai/capabilities/reasoning/
 */
export const readThinking: PartReader = (fields) => {
  const thinking = fields.take('thinking');
  const text = thinkingText(thinking);
  if (text === undefined || thinking === undefined) {
    fields.leave('thinking');
    return undefined;
  }
  fields.take('type');
  fields.note('~in', 'content');
  if (differsFromUsual(thinking, text)) fields.note('~thinking', [text, thinking]);
  const part: ReasoningPart = { type: 'reasoning', text };
  const signature = fields.string('signature');
  if (signature !== undefined && signature !== '') {
    part.seal = { issuer: 'anthropic', kind: 'signature', value: signature };
  } else if (signature === '') fields.blank('signature', '');
  return part;
};

/** The text of a `thinking` value; undefined when there is something else than text in it. */
export function thinkingText(thinking: Json | undefined): string | undefined {
  if (typeof thinking === 'string') return thinking;
  if (!Array.isArray(thinking)) return undefined;
  let text = '';
  for (const piece of thinking) {
    if (!isObject(piece) || piece.type !== 'text' || typeof piece.text !== 'string') return undefined;
    text += piece.text;
  }
  return text;
}

function differsFromUsual(thinking: Json, text: string): boolean {
  if (!Array.isArray(thinking) || thinking.length !== 1) return true;
  const only = thinking[0];
  return !isObject(only) || only.text !== text || Object.keys(only).length !== 2;
}

export const writeThinking: PartWriter<ReasoningPart> = ({ part }) => {
  const draft = Draft.of(part.residue);
  const noted = draft.note('~thinking');
  const asRead = Array.isArray(noted) && noted[0] === part.text ? noted[1] : undefined;
  draft.set('type', 'thinking');
  draft.set('thinking', asRead ?? [{ type: 'text', text: part.text }]);
  draft.set('signature', part.seal?.value);
  return [draft.done()];
};

/** Is this reasoning part one that stood inside `content`? */
export function standsInContent(own: JsonObject | undefined): boolean {
  return own?.['~in'] === 'content';
}
