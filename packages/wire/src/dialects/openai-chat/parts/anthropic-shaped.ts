import type { Part, ToolResultPart } from '../../../canon/part.ts';
import { differences } from '../../../json/equal.ts';
import { stringifyJson } from '../../../json/stringify.ts';
import { asString, isObject, type Json, type JsonObject } from '../../../json/value.ts';
import { CHAT, Fields, noteOf } from '../fields.ts';
import { readAddress } from './address.ts';
import type { PartReader } from './part-codec.ts';

/**
 * Blocks of Anthropic's shape that clients of both APIs leave in a chat history: `tool_result`, `tool_use`, `image`.
 * They are understood, so that a translation keeps them; the block itself is noted and goes back as it was.
 */
export const readToolResultBlock: PartReader = (fields) => {
  const callId = fields.take('tool_use_id');
  if (typeof callId !== 'string') {
    fields.leave('tool_use_id');
    return undefined;
  }
  const content = fields.take('content');
  const part: ToolResultPart = { type: 'tool-result', callId, content: blockContent(content), ranBy: 'client' };
  const isError = fields.take('is_error');
  if (typeof isError === 'boolean') part.isError = isError;
  return noted(fields, part);
};

export const readToolUseBlock: PartReader = (fields) => {
  const [id, name] = [fields.take('id'), fields.take('name')];
  if (typeof id !== 'string' || typeof name !== 'string') {
    fields.leave('id');
    fields.leave('name');
    return undefined;
  }
  const input = fields.take('input');
  const argumentsJson = input === undefined ? '' : stringifyJson(input);
  return noted(fields, { type: 'tool-call', id, name, argumentsJson, ranBy: 'client' });
};

export const readImageBlock: PartReader = (fields) => {
  const image = imageOf(fields.take('source'));
  if (image === undefined) {
    fields.leave('source');
    return undefined;
  }
  return noted(fields, image);
};

function noted<P extends Part>(fields: Fields, part: P): P {
  fields.take('type');
  fields.note('~block', fields.source);
  return part;
}

function blockContent(content: Json | undefined): Part[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  if (!Array.isArray(content)) return [];
  return content.filter(isObject).map((block): Part => {
    const text = block.type === 'text' ? asString(block.text) : undefined;
    if (text !== undefined) return { type: 'text', text };
    const image = block.type === 'image' ? imageOf(block.source) : undefined;
    return image ?? { type: 'opaque', dialect: CHAT, value: block };
  });
}

function imageOf(source: Json | undefined): Part | undefined {
  if (!isObject(source)) return undefined;
  const [data, url] = [asString(source.data), asString(source.url)];
  const mediaType = asString(source.media_type);
  if (source.type === 'base64' && data !== undefined) {
    return { type: 'media', kind: 'image', mediaType, source: { type: 'base64', data } };
  }
  if (source.type !== 'url' || url === undefined) return undefined;
  return { type: 'media', kind: 'image', ...readAddress(new Fields({}, ''), url) };
}

/** The block a part was read from, when the part still says the same. */
export function blockAsRead(part: Part): JsonObject | undefined {
  const block = noteOf(part.residue, '~block');
  if (!isObject(block)) return undefined;
  const again = blockReaders[asString(block.type) ?? '']?.(new Fields(block, ''));
  if (again === undefined) return undefined;
  const { residue: _residue, cacheMark: _mark, ...said } = part;
  return differences(again, said).length === 0 ? block : undefined;
}

export const blockReaders: Readonly<Record<string, PartReader>> = {
  tool_result: readToolResultBlock,
  tool_use: readToolUseBlock,
  image: readImageBlock,
};
