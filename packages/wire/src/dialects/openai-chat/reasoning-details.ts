import type { ReasoningPart } from '../../canon/part.ts';
import type { Residue } from '../../canon/residue.ts';
import type { Seal } from '../../canon/seal.ts';
import { differences } from '../../json/equal.ts';
import { asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { CHAT, noteOf, withNotes } from './fields.ts';
import { formatOfSeal, issuerOfFormat, sealFormat } from './seal-format.ts';

/** One entry of `reasoning_details`, or one LiteLLM `thinking_blocks` block, in canon words. */
export interface Detail {
  /** Entries of the same key continue each other; undefined: never. */
  key: string | undefined;
  text: string;
  seal?: Seal;
  residue: Residue;
}

const headNames = new Set(['type', 'index', 'id', 'format']);
const bodyNames = new Set(['text', 'summary', 'data', 'signature']);

/**
 * Reads an entry of `reasoning_details`. Its head (`~detail`) is noted so that it can be written again as it was.
 *
 * @returns undefined for an entry of unknown type.
 * @see https://openrouter.ai/docs/use-cases/reasoning-tokens#reasoning-details-array-structure
 */
export function readDetail(entry: JsonObject): Detail | undefined {
  const format = asString(entry.format);
  const id = asString(entry.id);
  const seal = sealOf(entry, { id, format: sealFormat(format) }, issuerOfFormat(format));
  const text = textOf(entry);
  if (text === undefined) return undefined;
  const head: JsonObject = {};
  const unknown: JsonObject = {};
  for (const name in entry) {
    if (headNames.has(name)) head[name] = entry[name];
    else if (!bodyNames.has(name)) unknown[name] = entry[name];
  }
  const key =
    typeof entry.index === 'number' && seal?.kind !== 'encrypted' ? `${entry.type}:${entry.index}` : undefined;
  return { key, text, seal, residue: { [CHAT]: { ...unknown, '~detail': head } } };
}

function textOf(entry: JsonObject): string | undefined {
  if (entry.type === 'reasoning.text') return asString(entry.text) ?? '';
  if (entry.type === 'reasoning.summary') return asString(entry.summary) ?? '';
  return entry.type === 'reasoning.encrypted' ? '' : undefined;
}

function sealOf(entry: JsonObject, marks: { id?: string; format?: string }, issuer: string): Seal | undefined {
  const encrypted = entry.type === 'reasoning.encrypted' ? asString(entry.data) : undefined;
  const value = encrypted ?? asString(entry.signature);
  if (value === undefined || value === '') return undefined;
  const seal: Seal = { issuer, kind: encrypted === undefined ? 'signature' : 'encrypted', value };
  if (marks.id !== undefined) seal.id = marks.id;
  if (marks.format !== undefined) seal.format = marks.format;
  return seal;
}

/** Reads a block of `thinking_blocks` (LiteLLM), which are Anthropic's. @returns undefined for an unknown type. */
export function readThinkingBlock(block: JsonObject): Detail | undefined {
  const known = new Set(['type', 'thinking', 'signature', 'data']);
  const unknown: JsonObject = {};
  for (const name in block) if (!known.has(name)) unknown[name] = block[name];
  const residue: Residue = { [CHAT]: { ...unknown, '~block': true } };
  if (block.type === 'thinking') {
    const signature = asString(block.signature);
    const text = asString(block.thinking) ?? '';
    if (signature === undefined || signature === '') return { key: undefined, text, residue };
    return { key: undefined, text, seal: { issuer: 'anthropic', kind: 'signature', value: signature }, residue };
  }
  const data = block.type === 'redacted_thinking' ? asString(block.data) : undefined;
  if (data === undefined) return undefined;
  return { key: undefined, text: '', seal: { issuer: 'anthropic', kind: 'encrypted', value: data }, residue };
}

/** Joins what continues each other. Each part notes the entries it came from, for when they cannot be told from it. */
export function joinDetails(read: readonly { detail: Detail; entry: JsonObject }[]): ReasoningPart[] {
  const parts: ReasoningPart[] = [];
  let openKey: string | undefined;
  let entries: Json[] = [];
  for (const { detail, entry } of read) {
    const last = parts.at(-1);
    if (last !== undefined && last.seal === undefined && detail.key !== undefined && detail.key === openKey) {
      last.text += detail.text;
      if (detail.seal !== undefined) last.seal = detail.seal;
      entries.push(entry);
    } else {
      const part: ReasoningPart = { type: 'reasoning', text: detail.text, residue: detail.residue };
      if (detail.seal !== undefined) part.seal = detail.seal;
      parts.push(part);
      entries = [entry];
      openKey = detail.key;
    }
    const part = parts.at(-1);
    if (part !== undefined) noteEntries(part, entries);
  }
  return parts;
}

function noteEntries(part: ReasoningPart, entries: Json[]): void {
  const { '~entries': _stale, '~said': _before, ...own } = part.residue?.[CHAT] ?? {};
  part.residue = { ...part.residue, [CHAT]: own };
  const block = noteOf(part.residue, '~block') !== undefined;
  const rebuilt: Json[] = block ? [writeThinkingBlock(part)] : writeDetails(part, 0);
  if (differences(rebuilt, entries).length === 0) return;
  part.residue = withNotes(part.residue, { '~entries': entries, '~said': [part.text, part.seal?.value ?? null] });
}

/** The entries a part was read from, when it still says the same. */
export function entriesAsRead(part: ReasoningPart): JsonObject[] | undefined {
  const entries = noteOf(part.residue, '~entries');
  const said = noteOf(part.residue, '~said');
  if (!Array.isArray(entries) || !Array.isArray(said)) return undefined;
  if (said[1] !== (part.seal?.value ?? null) || said[0] !== part.text) return undefined;
  return entries.filter(isObject);
}

/** Entries of `reasoning_details` for a part: one, or two when it has both visible text and encrypted reasoning. */
export function writeDetails(part: ReasoningPart, index: number): JsonObject[] {
  const asRead = entriesAsRead(part);
  if (asRead !== undefined) return asRead;
  const head = headOf(part, index);
  if (part.seal?.kind === 'encrypted') {
    const { type: _type, ...rest } = head;
    const encrypted = { ...unknownOf(part), ...rest, type: 'reasoning.encrypted', data: part.seal.value };
    if (part.text === '') return [encrypted];
    const { id: _id, ...plain } = rest;
    return [{ ...plain, type: 'reasoning.summary', summary: part.text }, encrypted];
  }
  const entry: JsonObject = { ...unknownOf(part), ...head };
  if (head.type === 'reasoning.encrypted') return [{ ...entry, data: '' }];
  entry[head.type === 'reasoning.summary' ? 'summary' : 'text'] = part.text;
  if (part.seal !== undefined) entry.signature = part.seal.value;
  return [entry];
}

/** What stands in every entry of a part: as it was read, else from the seal. */
export function headOf(part: ReasoningPart, index: number): JsonObject {
  const noted = noteOf(part.residue, '~detail');
  if (isObject(noted)) return noted;
  const head: JsonObject = { type: 'reasoning.text' };
  if (part.seal?.id !== undefined) head.id = part.seal.id;
  if (part.seal !== undefined) head.format = formatOfSeal(part.seal);
  head.index = index;
  return head;
}

export function writeThinkingBlock(part: ReasoningPart): JsonObject {
  const asRead = entriesAsRead(part)?.[0];
  if (asRead !== undefined) return asRead;
  if (part.seal?.kind === 'encrypted') return { ...unknownOf(part), type: 'redacted_thinking', data: part.seal.value };
  const block: JsonObject = { ...unknownOf(part), type: 'thinking', thinking: part.text };
  if (part.seal !== undefined) block.signature = part.seal.value;
  return block;
}

function unknownOf(part: ReasoningPart): JsonObject {
  const unknown: JsonObject = {};
  const own = part.residue?.[CHAT] ?? {};
  for (const name in own) if (!name.startsWith('~')) unknown[name] = own[name];
  return unknown;
}
