import type { ReasoningPart } from '../../../canon/part.ts';
import { openEnvelope, type Seal, sealEnvelope } from '../../../canon/seal.ts';
import type { JsonObject } from '../../../json/value.ts';
import { carried } from '../cache-mark.ts';
import { formNote } from '../fields.ts';
import { drop, lateResidue, type OpenedBlock, type PartCodec, residueDelta, type WriteContext } from './codec.ts';

const ISSUER = 'anthropic';

/**
 * `thinking` with its signature. A seal of another issuer travels to a client inside the signature, and is opened
 * again when the client sends its history back.
 *
 * @see https://docs.claude.com/en/docs/build-with-claude/extended-thinking
 */
export const thinkingCodec: PartCodec<ReasoningPart> = {
  read(fields, context) {
    fields.take('type');
    const part: ReasoningPart = { type: 'reasoning', text: fields.string('thinking') ?? '' };
    const signature = fields.string('signature');
    if (signature) part.seal = readSeal(signature, 'signature');
    else if (signature === undefined && !context.streamed) fields.note('signature', false);
    const residue = fields.residue();
    if (residue) part.residue = residue;
    return part;
  },

  write(part, context, path) {
    const { seal } = part;
    if (context.direction === 'request') {
      if (seal === undefined) return drop(context, path, 'thinking without a signature is refused by its issuer');
      if (seal.issuer !== ISSUER) return drop(context, path, `the proof of ${seal.issuer} can only be read there`);
    }
    if (seal)
      loseSealNames(seal, seal.kind === 'encrypted' && part.text === '' ? 'encrypted' : 'signature', context, path);
    if (part.cacheMark) drop(context, `${path}.cacheMark`, 'thinking cannot carry a cache mark');
    const rest = carried({ residue: part.residue });
    if (seal?.kind === 'encrypted' && (part.text === '' || context.direction === 'request')) {
      if (part.text !== '') drop(context, `${path}.text`, 'encrypted thinking goes back without a text');
      return { type: 'redacted_thinking', data: writeSeal(seal, 'encrypted'), ...rest };
    }
    const signed = seal !== undefined || formNote(part.residue, 'signature') !== false;
    const signature = signed ? { signature: seal ? writeSeal(seal, 'signature') : '' } : {};
    return { type: 'thinking', thinking: part.text, ...signature, ...rest };
  },

  open(part, context, path): OpenedBlock {
    const block = thinkingCodec.write(part, context, path) ?? {};
    if (block.type !== 'thinking') return { start: block, deltas: [] };
    const { thinking, signature } = block;
    const deltas: JsonObject[] = [];
    if (thinking) deltas.push({ type: 'thinking_delta', thinking });
    if (signature) deltas.push({ type: 'signature_delta', signature });
    return { start: { ...block, thinking: '', signature: '' }, deltas };
  },

  readDelta(fields) {
    const type = fields.source.type;
    fields.take('type');
    if (type === 'thinking_delta') {
      const text = fields.string('thinking') ?? '';
      return text === '' ? lateResidue(fields) : [{ type: 'text', text }, ...lateResidue(fields)];
    }
    if (type !== 'signature_delta') return undefined;
    const signature = fields.string('signature') ?? '';
    if (signature === '') return lateResidue(fields);
    return [{ type: 'seal', seal: readSeal(signature, 'signature') }, ...lateResidue(fields)];
  },

  writeDelta(delta, _part, context, path) {
    if (delta.type === 'text') return { type: 'thinking_delta', thinking: delta.text };
    if (delta.type === 'seal') loseSealNames(delta.seal, 'signature', context, path);
    if (delta.type === 'seal') return { type: 'signature_delta', signature: writeSeal(delta.seal, 'signature') };
    if (delta.type === 'residue') return residueDelta(delta, { type: 'thinking_delta', thinking: '' });
    return drop(context, path, `thinking cannot grow by ${delta.type}`);
  },
};

/** `redacted_thinking`: the reasoning itself, encrypted. Written by {@link thinkingCodec}. */
export const redactedThinkingCodec: PartCodec<ReasoningPart> = {
  read(fields) {
    fields.take('type');
    const data = fields.string('data');
    if (data === undefined) throw fields.wrong('data', 'a string');
    const part: ReasoningPart = { type: 'reasoning', text: '', seal: readSeal(data, 'encrypted') };
    const residue = fields.residue();
    if (residue) part.residue = residue;
    return part;
  },
  write: thinkingCodec.write,
};

function readSeal(value: string, kind: Seal['kind']): Seal {
  return openEnvelope(value) ?? { issuer: ISSUER, kind, value };
}

/** Anthropic's own proofs stand bare in their field: what others call them is left behind. */
function loseSealNames(seal: Seal, kind: Seal['kind'], context: WriteContext, path: string): void {
  if (seal.issuer !== ISSUER || seal.kind !== kind) return;
  for (const name of ['id', 'format'] as const) {
    if (seal[name] !== undefined) drop(context, `${path}.seal.${name}`, 'a proof has no name here');
  }
}

/** A seal for a field that holds proofs of `kind`: only Anthropic's own of that kind stand there as they are. */
function writeSeal(seal: Seal, kind: Seal['kind']): string {
  return seal.issuer === ISSUER && seal.kind === kind ? seal.value : sealEnvelope(seal);
}
