import type { Citation, RefusalPart, TextPart } from '../../../canon/part.ts';
import type { PartDelta } from '../../../canon/stream.ts';
import { isObject, type JsonObject } from '../../../json/value.ts';
import { carried, readCacheMark } from '../cache-mark.ts';
import { readCitation, writeCitation } from '../citation.ts';
import { ANTHROPIC, type Fields, formNote } from '../fields.ts';
import { drop, lateResidue, type OpenedBlock, type PartCodec, residueDelta, type WriteContext } from './codec.ts';

/** @see https://docs.claude.com/en/api/messages `text` blocks */
export const textCodec: PartCodec<TextPart> = {
  read(fields, context) {
    fields.take('type');
    const text = fields.string('text');
    if (text === undefined) throw fields.wrong('text', 'a string');
    const part: TextPart = { type: 'text', text };
    const cacheMark = readCacheMark(fields);
    if (cacheMark) part.cacheMark = cacheMark;
    const citations = readCitations(fields);
    if (citations) part.citations = citations;
    if (isBlank(text) && !context.streamed) fields.note('blank', true);
    const residue = fields.residue();
    if (residue) part.residue = residue;
    return part;
  },

  readDelta(fields) {
    const type = fields.source.type;
    fields.take('type');
    if (type === 'text_delta') {
      const text = fields.string('text') ?? '';
      return text === '' ? lateResidue(fields) : [{ type: 'text', text }, ...lateResidue(fields)];
    }
    const citation = type === 'citations_delta' ? fields.object('citation') : undefined;
    return citation && [{ type: 'citation', citation: readCitation(citation) }, ...lateResidue(fields)];
  },

  readEnd(start, grown) {
    if (grown || (typeof start.text === 'string' && !isBlank(start.text))) return [];
    return [{ type: 'residue', residue: { [ANTHROPIC]: { '~blank': true } } }];
  },

  write(part, context, path) {
    const isCited = (part.citations?.length ?? 0) > 0;
    const pointless = context.direction === 'request' ? isBlank(part.text) : part.text === '' && !isCited;
    if (pointless && formNote(part.residue, 'blank') !== true) {
      return drop(context, path, 'anthropic-messages takes no empty text');
    }
    return { type: 'text', text: part.text, ...citationFields(part, context, path), ...carried(part) };
  },

  open(part, context, path): OpenedBlock {
    const { citations, ...form } = citationFields(part, context, path);
    const deltas: JsonObject[] = [];
    if (part.text !== '') deltas.push({ type: 'text_delta', text: part.text });
    const start: JsonObject = { type: 'text', text: '', ...form, ...carried(part) };
    if (Array.isArray(citations)) {
      start.citations = [];
      for (const citation of citations) deltas.push({ type: 'citations_delta', citation });
    } else if (citations !== undefined) start.citations = citations;
    return { start, deltas };
  },

  writeDelta: writeTextDelta,
};

/** A refusal of another dialect: the reader sees its words as text. */
export const refusalCodec: PartCodec<RefusalPart> = {
  read(fields) {
    throw fields.wrong('type', 'a block type of this dialect');
  },
  write(part, context, path) {
    context.losses.push({ path, kind: 'changed', reason: 'a refusal is written as text' });
    return textCodec.write({ ...part, type: 'text' }, context, path);
  },
  open(part, context, path) {
    context.losses.push({ path, kind: 'changed', reason: 'a refusal is written as text' });
    const deltas: JsonObject[] = part.text === '' ? [] : [{ type: 'text_delta', text: part.text }];
    return { start: { type: 'text', text: '', ...carried(part) }, deltas };
  },
  writeDelta: (delta, part, context, path) => writeTextDelta(delta, { ...part, type: 'text' }, context, path),
};

function isBlank(text: string): boolean {
  return text.trim() === '';
}

function readCitations(fields: Fields): Citation[] | undefined {
  const value = fields.source.citations;
  if (value === null) {
    fields.take('citations');
    fields.note('citations', null);
  }
  if (!Array.isArray(value) || !value.every(isObject)) return undefined;
  fields.take('citations');
  return value.map(readCitation);
}

function citationFields(part: TextPart, context: WriteContext, path: string): JsonObject {
  if (part.citations === undefined) return formNote(part.residue, 'citations') === null ? { citations: null } : {};
  const written: JsonObject[] = [];
  for (const [i, citation] of part.citations.entries()) {
    const block = writeCitation(citation, context, `${path}.citations[${i}]`);
    if (block !== undefined) written.push(block);
  }
  return written.length === 0 && part.citations.length > 0 ? {} : { citations: written };
}

function writeTextDelta(delta: PartDelta, _part: TextPart, context: WriteContext, path: string) {
  if (delta.type === 'text') return { type: 'text_delta', text: delta.text };
  if (delta.type === 'residue') return residueDelta(delta, { type: 'text_delta', text: '' });
  if (delta.type !== 'citation') return drop(context, path, `a text cannot grow by ${delta.type}`);
  const citation = writeCitation(delta.citation, context, `${path}.citations`);
  return citation && { type: 'citations_delta', citation };
}
