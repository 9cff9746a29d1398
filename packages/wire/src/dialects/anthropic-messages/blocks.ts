import type { Loss } from '../../canon/loss.ts';
import { loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import { Fault, type FaultCode } from '../../fault.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { ANTHROPIC, Fields } from './fields.ts';
import type { PartCodec, ReadContext, WriteContext } from './parts/codec.ts';
import { readerOf, writerOf } from './parts/table.ts';

/** A context for reading blocks: of a request (`body_invalid`) or of a response (`upstream_garbled`). */
export function readContext(code: FaultCode, toolNames?: ReadonlyMap<string, string>, streamed = false): ReadContext {
  const context: ReadContext = {
    code,
    streamed,
    toolName: (sent) => toolNames?.get(sent) ?? sent,
    parts: (blocks, path) => readBlocks(blocks, path, nested),
  };
  const nested = streamed ? readContext(code, toolNames) : context;
  return context;
}

/** Reads a list of blocks; `path` is that of the list. @throws Fault of the context's code, naming the field. */
export function readBlocks(blocks: Json[], path: string, context: ReadContext): Part[] {
  return blocks.map((block, i) => readBlock(block, `${path}[${i}]`, context).part);
}

/** Reads one block, or the start of a streamed one, and names the codec that reads what follows. */
export function readBlock(block: Json, path: string, context: ReadContext): { part: Part; codec: PartCodec } {
  if (!isObject(block)) throw new Fault(context.code, { param: path, message: `${path} must be a block.` });
  const codec = readerOf(block);
  return { part: codec.read(new Fields(block, path, context.code), context), codec };
}

export interface WriteNames {
  toolName?(name: string): string;
  callId?(id: string): string;
}

/** A context for writing blocks; losses are added to `losses`. */
export function writeContext(
  direction: WriteContext['direction'],
  losses: Loss[],
  names: WriteNames = {},
): WriteContext {
  const context: WriteContext = {
    direction,
    losses,
    toolName: names.toolName ?? ((name) => name),
    callId: names.callId ?? ((id) => id),
    blocks: (parts, path) => writeParts(parts, context, path),
  };
  return context;
}

function writeParts(parts: readonly Part[], context: WriteContext, path: string): JsonObject[] {
  const blocks: JsonObject[] = [];
  for (const [i, part] of parts.entries()) {
    const block = writePart(part, context, `${path}[${i}]`);
    if (block !== undefined) blocks.push(block);
  }
  return blocks;
}

/** The block of one part, or undefined when it had to be left out; everything lost is reported. */
export function writePart(part: Part, context: WriteContext, path: string): JsonObject | undefined {
  const block = writerOf(part).write(part, context, path);
  if (block !== undefined) loseResidue(context.losses, path, part.residue, ANTHROPIC);
  return block;
}
