import type { MediaPart, Part, ReasoningPart, RefusalPart, TextPart, ToolCallPart } from '../../canon/part.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readCitation, writeAnnotations } from './citations.ts';
import { readContent, writeContent } from './content.ts';
import { change, drop, type Placed, type WriteContext } from './context.ts';
import { CHAT, type Draft, type Fields, noteOf } from './fields.ts';
import { isLegacyCall, readFunctionCall, writeFunctionCall } from './legacy-functions.ts';
import { standsInContent } from './parts/thinking.ts';
import { placeOf, readImages, readProducedAudio, writeProducedAudio, writeProducedImage } from './produced-media.ts';
import { readReasoning, writeReasoning } from './reasoning.ts';
import { readToolCalls, type SpareId, writeToolCall } from './tool-calls.ts';

/**
 * Reads the parts of an assistant message, of a response or of the history. The dialect's order is: reasoning, content,
 * refusal, media, tool calls.
 */
export function readAssistant(fields: Fields, spareId: SpareId): Part[] {
  const parts: Part[] = [...readReasoning(fields), ...readContent(fields, true)];
  readAnnotations(fields, parts);
  const refusal = fields.string('refusal');
  if (refusal === '') fields.blank('refusal', '');
  else if (refusal !== undefined) parts.push({ type: 'refusal', text: refusal });
  const audio = fields.take('audio');
  const heard = isObject(audio) ? readProducedAudio(audio, fields.at('audio')) : undefined;
  if (heard !== undefined) parts.push(heard);
  else if (isObject(audio) && isEmptyAudio(audio)) fields.blank('audio', audio);
  else if (audio !== undefined) fields.leave('audio');
  parts.push(...readImages(fields), ...readToolCalls(fields, spareId));
  const legacy = readFunctionCall(fields, spareId);
  if (legacy !== undefined) parts.push(legacy);
  return parts;
}

/** Some providers send every field of the message, empty (Snowflake). */
function isEmptyAudio(audio: JsonObject): boolean {
  return Object.values(audio).every((value) => !value);
}

function readAnnotations(fields: Fields, parts: Part[]): void {
  const annotations = fields.take('annotations');
  if (annotations === undefined) return;
  if (!Array.isArray(annotations) || !annotations.every(isObject)) {
    fields.leave('annotations');
    return;
  }
  if (annotations.length === 0) {
    fields.blank('annotations', []);
    return;
  }
  const citations = annotations.map(readCitation);
  const text = parts.find((part) => part.type === 'text');
  // No text to stand on: the part exists for its citations only, and is no element of `content`.
  if (text === undefined)
    parts.push({ type: 'text', text: '', citations, residue: { [CHAT]: { '~in': 'annotations' } } });
  else text.citations = citations;
}

/** Sets the fields of an assistant message, all but its role. Client tools only: the others are reported as lost. */
export function writeAssistant(draft: Draft, placed: readonly Placed[], context: WriteContext): void {
  const kept = placed.filter((one) => canStand(one, context));
  reportOrder(kept, context);
  const reasoning = kept.filter((one): one is Placed<ReasoningPart> => one.part.type === 'reasoning');
  writeReasoning(
    draft,
    reasoning.filter(({ part }) => !standsInContent(part.residue?.[CHAT])),
    context,
  );
  writeOpaque(draft, kept, 'reasoning_details');
  writeOpaque(draft, kept, 'thinking_blocks');
  writeText(draft, kept, context);
  writeRefusals(draft, kept);
  writeMedia(draft, kept, context);
  writeCalls(draft, kept, context);
  if (draft.body.content === undefined && !draft.isBlank('content') && draft.note('~content') !== 'absent') {
    const says = ['tool_calls', 'function_call', 'refusal', 'audio'].some((name) => draft.body[name] !== undefined);
    // A provider refuses null where nothing else is said.
    draft.set('content', says || context.purpose === 'response' ? null : '');
  }
}

function canStand({ part, path }: Placed, context: WriteContext): boolean {
  if (part.type === 'tool-call' && part.ranBy === 'provider') {
    drop(context, path, 'a call of a tool the provider ran would be taken for a call to the client');
    return false;
  }
  if (part.type === 'tool-result') {
    drop(context, path, 'the result of a tool the provider ran has no place in an assistant message');
    return false;
  }
  if (part.type === 'opaque' && part.dialect !== CHAT) {
    drop(context, path, `a block of ${part.dialect} has no counterpart in ${CHAT}`);
    return false;
  }
  return true;
}

/** Where a part stands in the message's fixed order. */
function rankOf(part: Part): number {
  if (part.type === 'reasoning') return standsInContent(part.residue?.[CHAT]) ? 1 : 0;
  if (part.type === 'tool-call') return noteOf(part.residue, '~block') === undefined ? 2 : 1;
  const place = part.type === 'opaque' ? noteOf(part.residue, '~in') : undefined;
  return place === 'tool_calls' ? 2 : place === undefined ? 1 : 0;
}

function reportOrder(placed: readonly Placed[], context: WriteContext): void {
  let highest = 0;
  for (const { part, path } of placed) {
    const rank = rankOf(part);
    if (rank < highest) change(context, path, `${CHAT} puts reasoning first, then text, then tool calls`);
    highest = Math.max(highest, rank);
  }
}

/** Opaque elements of a list, put back into it. */
function writeOpaque(draft: Draft, placed: readonly Placed[], list: string): void {
  for (const { part } of placed) {
    if (part.type !== 'opaque' || noteOf(part.residue, '~in') !== list) continue;
    const earlier = draft.body[list];
    draft.set(list, [...(Array.isArray(earlier) ? earlier : []), part.value]);
  }
}

function writeText(draft: Draft, placed: readonly Placed[], context: WriteContext): void {
  const inContent = placed.filter(({ part }) => standsInList(part, context));
  const texts = placed.filter((one): one is Placed<TextPart> => one.part.type === 'text');
  const annotations = texts.some(({ part }) => part.citations) ? writeAnnotations(texts, context) : [];
  if (annotations.length > 0) draft.set('annotations', annotations);
  const isRead = draft.note('~content') === 'parts';
  const said = isRead ? inContent : inContent.filter((one) => saysSomething(one, context));
  const bare = said.map(withoutCitations);
  writeContent(draft, isRead || context.purpose === 'request' ? bare : joinTexts(bare, context), context);
}

/** An empty text would not come back: an empty `content` is no part. One with citations is told by them. */
function saysSomething({ part, path }: Placed, context: WriteContext): boolean {
  if (part.type !== 'text' || part.text !== '') return true;
  const isCiting = part.citations?.some(({ url, raw }) => url !== undefined || raw.dialect === CHAT) === true;
  if (!isCiting) drop(context, path, 'an empty text says nothing');
  return false;
}

function withoutCitations({ part, path }: Placed): Placed {
  return part.type === 'text' ? { part: { ...part, citations: undefined }, path } : { part, path };
}

/** `content` of a response is one string: texts are joined, which is reported, and nothing else can stand in it. */
function joinTexts(placed: readonly Placed[], context: WriteContext): Placed[] {
  const [first, ...others] = placed.filter((one): one is Placed<TextPart> => one.part.type === 'text');
  for (const { part, path } of placed) {
    if (part.type !== 'text') drop(context, path, `a response in ${CHAT} has no place for ${part.type} parts`);
  }
  if (first === undefined) return [];
  for (const { path } of others) change(context, path, 'the texts of a response are joined to one');
  const text = [first, ...others].map(({ part }) => part.text).join('');
  return text === '' ? [] : [{ part: { ...first.part, text }, path: first.path }];
}

function standsInList(part: Part, context: WriteContext): boolean {
  switch (part.type) {
    case 'text':
      return noteOf(part.residue, '~in') !== 'annotations';
    case 'reasoning':
      return standsInContent(part.residue?.[CHAT]);
    case 'refusal':
      return noteOf(part.residue, '~in') === 'content';
    case 'media':
      return placeOf(part, context) === 'content';
    case 'opaque':
      return noteOf(part.residue, '~in') === undefined;
    case 'tool-call':
    case 'tool-result':
      return noteOf(part.residue, '~block') !== undefined;
    default:
      return part satisfies never;
  }
}

function writeRefusals(draft: Draft, placed: readonly Placed[]): void {
  const refusals = placed
    .map(({ part }) => part)
    .filter((part): part is RefusalPart => part.type === 'refusal' && noteOf(part.residue, '~in') !== 'content');
  if (refusals.length > 0) draft.set('refusal', refusals.map((part) => part.text).join(''));
}

function writeMedia(draft: Draft, placed: readonly Placed[], context: WriteContext): void {
  const images: Json[] = [];
  for (const { part, path } of placed) {
    if (part.type !== 'media') continue;
    const place = placeOf(part, context);
    if (place === 'content') continue;
    if (place === 'audio') writeAudio(draft, part, path, context);
    else {
      const image = writeProducedImage(part, context, path);
      if (image === undefined) drop(context, path, 'an image needs bytes or an address');
      else images.push(image);
    }
  }
  if (images.length > 0) draft.set('images', images);
}

function writeAudio(draft: Draft, part: MediaPart, path: string, context: WriteContext): void {
  const audio = draft.body.audio === undefined ? writeProducedAudio(part) : undefined;
  if (audio === undefined) drop(context, path, 'a message holds one piece of audio, given as bytes');
  else draft.set('audio', audio);
}

function writeCalls(draft: Draft, placed: readonly Placed[], context: WriteContext): void {
  const calls: Json[] = [];
  for (const { part, path } of placed) {
    if (part.type === 'opaque' && noteOf(part.residue, '~in') === 'tool_calls') calls.push(part.value);
    if (part.type !== 'tool-call' || standsInList(part, context)) continue;
    const call: Placed<ToolCallPart> = { part, path };
    if (isLegacyCall(part, context)) writeFunctionCall(draft, call, context);
    else calls.push(writeToolCall(call, context));
  }
  if (calls.length > 0) draft.set('tool_calls', calls);
}
