import { loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import type { Json, JsonObject } from '../../json/value.ts';
import { writePart } from './blocks.ts';
import { ANTHROPIC, formNote, ownFields } from './fields.ts';
import type { WriteContext } from './parts/codec.ts';
import { plainText } from './parts/tool-result.ts';

export interface WrittenMessages {
  system?: Json;
  messages: JsonObject[];
  /** Does the last answer of the history call tools, its thinking gone? Then the API refuses further thinking. */
  thinkingLost: boolean;
}

/** One message of the body in the making. */
interface Draft {
  role: string;
  content: string | JsonObject[];
  /** Was it read from this dialect? Then its shape stays as it is. */
  own: boolean;
  rest: JsonObject;
  /** The messages it was made of, in canon words. */
  paths: string[];
  /** Did the message hold reasoning that could not be sent? */
  thinkingDropped: boolean;
}

/**
 * Writes the conversation. Leading system messages go to `system`; of another dialect's messages, neighbours of the
 * same role become one, with the results of tools first, as the API demands.
 */
export function writeMessages(all: readonly Message[], context: WriteContext): WrittenMessages {
  const firstOther = all.findIndex((message) => !isLeading(message));
  const leadingCount = firstOther < 0 ? all.length : firstOther;
  const system = writeSystem(all.slice(0, leadingCount), context);
  const drafts: Draft[] = [];
  for (let i = leadingCount; i < all.length; i++) {
    const draft = writeMessage(all[i] as Message, context, `messages[${i}]`);
    if (draft !== undefined) append(drafts, { ...draft, paths: [`messages[${i}]`] }, context);
  }
  const isOwn = all.some(isOwnMessage);
  if (!isOwn) settleTurns(drafts, context);
  return {
    ...(system === undefined ? {} : { system }),
    messages: drafts.map(({ role, content, own, rest }) => ({
      role,
      content: own ? content : simplest(content),
      ...rest,
    })),
    thinkingLost: isThinkingLost(drafts),
  };
}

function isOwnMessage(message: Message): boolean {
  return formNote(message.residue, 'content') !== undefined;
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer';
}

function isLeading(message: Message): boolean {
  return isInstruction(message) && (formNote(message.residue, 'place') === 'system' || !isOwnMessage(message));
}

function writeSystem(messages: readonly Message[], context: WriteContext): Json | undefined {
  const [first] = messages;
  if (first === undefined) return undefined;
  if (messages.length === 1 && isOwnMessage(first)) return ownContent(first, context, 'messages[0]');
  const blocks = messages.flatMap((message, i) => instructionBlocks(message, context, `messages[${i}]`));
  return blocks.length === 0 ? undefined : simplest(blocks);
}

/** Instructions are text here; whatever else they hold is lost. */
function instructionBlocks(message: Message, context: WriteContext, path: string): JsonObject[] {
  const parts = message.parts.map((part, i) => {
    if (part.type === 'text' || (part.type === 'opaque' && part.dialect === ANTHROPIC)) return part;
    context.losses.push({ path: `${path}.parts[${i}]`, kind: 'dropped', reason: 'instructions are text here' });
    return undefined;
  });
  loseFrame(message, context, path);
  return markLast(message, blocksOf(parts, context, path), context, path);
}

function blocksOf(parts: readonly (Part | undefined)[], context: WriteContext, path: string): JsonObject[] {
  const blocks: JsonObject[] = [];
  for (const [i, part] of parts.entries()) {
    const block = part && writePart(part, context, `${path}.parts[${i}]`);
    if (block) blocks.push(block);
  }
  return blocks;
}

function loseFrame(message: Message, context: WriteContext, path: string): void {
  if (message.name !== undefined) {
    context.losses.push({ path: `${path}.name`, kind: 'dropped', reason: 'messages have no names here' });
  }
  if (message.role === 'developer') {
    context.losses.push({ path: `${path}.role`, kind: 'changed', reason: 'a developer message is a system message' });
  }
  loseResidue(context.losses, path, message.residue, ANTHROPIC);
}

/** Puts the mark of a message on its last block, the only place for it. */
function markLast(message: Message, blocks: JsonObject[], context: WriteContext, path: string): JsonObject[] {
  const last = blocks.at(-1);
  if (message.cacheMark === undefined || last === undefined) return blocks;
  context.losses.push({ path: `${path}.cacheMark`, kind: 'changed', reason: 'marks stand on blocks here' });
  if (last.cache_control !== undefined || last.type === 'thinking' || last.type === 'redacted_thinking') return blocks;
  return [...blocks.slice(0, -1), { ...last, cache_control: { type: 'ephemeral', ...message.cacheMark } }];
}

function ownContent(message: Message, context: WriteContext, path: string): string | JsonObject[] {
  const text = formNote(message.residue, 'content') === 'string' ? plainText(message.parts) : undefined;
  return text ?? context.blocks(message.parts, `${path}.parts`);
}

function writeMessage(message: Message, context: WriteContext, path: string): Draft | undefined {
  if (isOwnMessage(message)) {
    const content = ownContent(message, context, path);
    loseResidue(context.losses, path, message.residue, ANTHROPIC);
    return content.length === 0 && message.parts.length > 0 && typeof content !== 'string'
      ? undefined
      : draft(message, message.role, content, true);
  }
  if (isInstruction(message)) return writeLateInstruction(message, context, path);
  loseFrame(message, context, path);
  const blocks = markLast(message, blocksOf(message.parts, context, path), context, path);
  const role = message.role === 'assistant' ? 'assistant' : 'user';
  if (blocks.length === 0) return undefined;
  return draft(message, role, role === 'user' ? resultsFirst(blocks, [path], context) : blocks, false);
}

function draft(message: Message, role: string, content: string | JsonObject[], own: boolean): Draft {
  const sent = typeof content === 'string' ? [] : content;
  const thinkingDropped =
    message.parts.some((part) => part.type === 'reasoning') && !sent.some((block) => isThinking(block));
  return { role, content, own, rest: own ? ownFields(message.residue) : {}, paths: [], thinkingDropped };
}

/**
 * An instruction in the middle stays where it is, since its place carries meaning and moving it would break the cached
 * prefix. Only the newest models take the role `system` there, therefore it speaks as the user, marked as what it is.
 */
function writeLateInstruction(message: Message, context: WriteContext, path: string): Draft | undefined {
  const reason = 'an instruction in the middle is sent as marked text of the user';
  const blocks = instructionBlocks({ ...message, role: 'system' }, context, path);
  if (blocks.length === 0) return undefined;
  context.losses.push({ path: `${path}.role`, kind: 'changed', reason });
  for (const i of message.parts.keys())
    context.losses.push({ path: `${path}.parts[${i}].text`, kind: 'changed', reason });
  const marked = blocks.map((block) =>
    typeof block.text === 'string' ? { ...block, text: `<system>\n${block.text}\n</system>` } : block,
  );
  return draft(message, 'user', marked, false);
}

function append(drafts: Draft[], next: Draft, context: WriteContext): void {
  const last = drafts.at(-1);
  if (last === undefined || last.role !== next.role || (last.own && next.own)) {
    drafts.push(next);
    return;
  }
  last.paths = [...last.paths, ...next.paths];
  const blocks = [...asBlocks(last.content), ...asBlocks(next.content)];
  last.content = last.role === 'user' ? resultsFirst(blocks, last.paths, context) : blocks;
  last.own &&= next.own;
  last.rest = { ...last.rest, ...next.rest };
  last.thinkingDropped ||= next.thinkingDropped;
}

function asBlocks(content: string | JsonObject[]): JsonObject[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

/** The API demands that the results of tools stand before anything else in their message. */
function resultsFirst(blocks: JsonObject[], paths: readonly string[], context: WriteContext): JsonObject[] {
  const isResult = (block: JsonObject) => block.type === 'tool_result';
  const firstOther = blocks.findIndex((block) => !isResult(block));
  if (firstOther < 0 || !blocks.slice(firstOther).some(isResult)) return blocks;
  const reason = 'results of tools stand first in their message';
  for (const path of paths) context.losses.push({ path, kind: 'changed', reason });
  return [...blocks.filter(isResult), ...blocks.filter((block) => !isResult(block))];
}

/** A conversation begins with the user, and an answer to be continued does not end in white space. */
function settleTurns(drafts: Draft[], context: WriteContext): void {
  if (drafts[0]?.role !== 'user') {
    context.losses.push({ path: 'messages', kind: 'added', reason: 'a conversation must begin with the user' });
    drafts.unshift({ role: 'user', content: '.', own: false, rest: {}, paths: [], thinkingDropped: false });
  }
  const last = drafts.at(-1);
  if (last?.role !== 'assistant' || typeof last.content === 'string') return;
  const block = last.content.at(-1);
  if (typeof block?.text !== 'string' || block.text === block.text.trimEnd()) return;
  const reason = 'white space at the end of an answer to be continued is refused';
  for (const path of last.paths) context.losses.push({ path, kind: 'changed', reason });
  last.content = [...last.content.slice(0, -1), { ...block, text: block.text.trimEnd() }];
}

/** Plain text as a string, anything else as blocks. */
function simplest(content: string | JsonObject[]): Json {
  if (typeof content === 'string') return content;
  const [only] = content;
  const isPlain = content.length === 1 && only?.type === 'text' && Object.keys(only).length === 2;
  return isPlain ? (only.text as string) : content;
}

function isThinking(block: JsonObject | undefined): boolean {
  return block?.type === 'thinking' || block?.type === 'redacted_thinking';
}

function isThinkingLost(drafts: readonly Draft[]): boolean {
  const last = drafts.findLast((message) => message.role === 'assistant');
  if (last === undefined || typeof last.content === 'string') return false;
  if (!last.content.some((block) => block.type === 'tool_use')) return false;
  return !isThinking(last.content[0]) && (!last.own || last.thinkingDropped);
}
