import type { Part } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import type { PartCodec } from './codec.ts';
import { mediaCodec } from './media.ts';
import { opaqueCodec } from './opaque.ts';
import { refusalCodec, textCodec } from './text.ts';
import { redactedThinkingCodec, thinkingCodec } from './thinking.ts';
import { toolCallCodec } from './tool-call.ts';
import { toolResultCodec } from './tool-result.ts';

/** How each kind of block is read. A new kind is one file and one line here. */
const readers: ReadonlyMap<string, PartCodec> = new Map<string, PartCodec>([
  ['text', textCodec],
  ['thinking', thinkingCodec],
  ['redacted_thinking', redactedThinkingCodec],
  ['image', mediaCodec],
  ['document', mediaCodec],
  ['tool_use', toolCallCodec],
  ['server_tool_use', toolCallCodec],
  ['mcp_tool_use', toolCallCodec],
  ['tool_result', toolResultCodec],
]);

/** How each kind of part is written. */
const writers: { [T in Part['type']]: PartCodec<Extract<Part, { type: T }>> } = {
  text: textCodec,
  reasoning: thinkingCodec,
  refusal: refusalCodec,
  media: mediaCodec,
  'tool-call': toolCallCodec,
  'tool-result': toolResultCodec,
  opaque: opaqueCodec,
};

/** The codec that reads a block, by its wire type. Results of server tools share one: new tools come often. */
export function readerOf(block: JsonObject): PartCodec {
  const wireType = typeof block.type === 'string' ? block.type : '';
  const codec = readers.get(wireType);
  if (codec !== undefined) return codec;
  const isResult = wireType.endsWith('_tool_result') && typeof block.tool_use_id === 'string';
  return isResult ? toolResultCodec : opaqueCodec;
}

/** The codec that writes a part; it is handed only parts of the type it was asked for with. */
export function writerOf(part: Part): PartCodec {
  return writers[part.type];
}
