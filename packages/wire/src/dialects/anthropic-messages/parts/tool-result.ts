import type { Part, ToolResultPart } from '../../../canon/part.ts';
import { isObject, type Json } from '../../../json/value.ts';
import { carried, readCacheMark } from '../cache-mark.ts';
import { type Fields, formNote } from '../fields.ts';
import { drop, type PartCodec, type ReadContext, sentCallId, type WriteContext } from './codec.ts';

/**
 * `tool_result`, and every `…_tool_result` of a tool the provider ran. What such a tool gives is of its own kind
 * (search results, program output); its pieces are opaque parts unless they are plain blocks.
 *
 * @see https://docs.claude.com/en/docs/agents-and-tools/tool-use/implement-tool-use
 */
export const toolResultCodec: PartCodec<ToolResultPart> = {
  read(fields, context) {
    const type = fields.string('type') ?? '';
    const callId = fields.string('tool_use_id');
    if (callId === undefined) throw fields.wrong('tool_use_id', 'a string');
    const ranBy = type === 'tool_result' ? 'client' : 'provider';
    if (ranBy === 'provider') fields.note('type', type);
    const part: ToolResultPart = { type: 'tool-result', callId, content: readContent(fields, context), ranBy };
    const isError = fields.boolean('is_error');
    if (isError !== undefined) part.isError = isError;
    const cacheMark = readCacheMark(fields);
    if (cacheMark) part.cacheMark = cacheMark;
    const residue = fields.residue();
    if (residue) part.residue = residue;
    return part;
  },

  write(part, context, path) {
    const type = part.ranBy === 'client' ? 'tool_result' : formNote(part.residue, 'type');
    if (typeof type !== 'string') return drop(context, path, 'a tool run by another provider is not known here');
    if (part.name !== undefined) drop(context, `${path}.name`, 'a tool result is told by the id of its call alone');
    const id = part.ranBy === 'client' ? sentCallId(part.callId, context, `${path}.callId`) : part.callId;
    const content = writeContent(part, context, path);
    return {
      type,
      tool_use_id: id,
      ...(content === undefined ? {} : { content }),
      ...(part.isError === undefined ? {} : { is_error: part.isError }),
      ...carried(part),
    };
  },
};

function readContent(fields: Fields, context: ReadContext): Part[] {
  const content = fields.present('content');
  if (content === undefined) return [];
  fields.take('content');
  if (typeof content === 'string') {
    fields.note('content', 'string');
    return [{ type: 'text', text: content }];
  }
  if (Array.isArray(content)) {
    fields.note('content', 'list');
    return context.parts(content, fields.at('content'));
  }
  if (!isObject(content)) throw fields.wrong('content', 'text or a list of blocks');
  fields.note('content', 'object');
  return context.parts([content], fields.at('content'));
}

function writeContent(part: ToolResultPart, context: WriteContext, path: string): Json | undefined {
  const form = formNote(part.residue, 'content');
  const plain = plainText(part.content);
  if (plain !== undefined && form !== 'list') return plain === '' && form === undefined ? undefined : plain;
  const blocks = context.blocks(part.content, `${path}.content`);
  if (form === 'object' && blocks.length === 1) return blocks[0];
  return blocks.length === 0 && form !== 'list' ? undefined : blocks;
}

/** The text of content that is one text without anything beside it. */
export function plainText(parts: readonly Part[]): string | undefined {
  const [only] = parts;
  if (parts.length !== 1 || only?.type !== 'text') return undefined;
  return only.cacheMark || only.citations || only.residue ? undefined : only.text;
}
