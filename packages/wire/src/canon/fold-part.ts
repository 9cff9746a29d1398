import type { MediaPart, Part } from './part.ts';
import { mergeResidue } from './residue.ts';
import type { PartDelta } from './stream.ts';

/**
 * The part with what a delta adds; `part` itself is left unchanged. Text, arguments, media bytes and transcripts are
 * appended, citations and parts listed; a later seal replaces an earlier one.
 *
 * @returns undefined when a part of this type takes no such delta.
 */
export function addDelta(part: Part, delta: PartDelta): Part | undefined {
  switch (delta.type) {
    case 'text':
      if (part.type !== 'text' && part.type !== 'reasoning' && part.type !== 'refusal') return undefined;
      return { ...part, text: part.text + delta.text };
    case 'arguments':
      if (part.type !== 'tool-call') return undefined;
      return { ...part, argumentsJson: part.argumentsJson + delta.argumentsJson };
    case 'seal':
      return part.type === 'reasoning' ? { ...part, seal: delta.seal } : undefined;
    case 'citation':
      if (part.type !== 'text') return undefined;
      return { ...part, citations: [...(part.citations ?? []), delta.citation] };
    case 'media':
      return part.type === 'media' ? addMedia(part, delta) : undefined;
    case 'parts':
      return part.type === 'tool-result' ? { ...part, content: [...part.content, ...delta.parts] } : undefined;
    case 'residue': {
      const residue = mergeResidue(part.residue, delta.residue);
      return residue === undefined ? part : { ...part, residue };
    }
    default:
      return delta satisfies never;
  }
}

function addMedia(part: MediaPart, delta: Extract<PartDelta, { type: 'media' }>): MediaPart | undefined {
  const added: MediaPart = { ...part };
  if (delta.data !== undefined) {
    if (part.source.type !== 'base64') return undefined;
    added.source = { type: 'base64', data: part.source.data + delta.data };
  }
  if (delta.transcript !== undefined) added.transcript = (part.transcript ?? '') + delta.transcript;
  const residue = mergeResidue(part.residue, delta.residue);
  if (residue !== undefined) added.residue = residue;
  return added;
}
