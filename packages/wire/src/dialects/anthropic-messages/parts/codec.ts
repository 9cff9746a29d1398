import type { Loss } from '../../../canon/loss.ts';
import type { Part } from '../../../canon/part.ts';
import type { PartDelta } from '../../../canon/stream.ts';
import type { FaultCode } from '../../../fault.ts';
import type { Json, JsonObject } from '../../../json/value.ts';
import { type Fields, ownFields } from '../fields.ts';

/** What a codec needs to know while reading a block. */
export interface ReadContext {
  /** The fault to throw for a block that cannot be understood. */
  readonly code: FaultCode;
  /** Is the block only the start of a streamed one? */
  readonly streamed: boolean;
  /** The caller's own name of a tool that had to be renamed for the provider. */
  toolName(sent: string): string;
  /** Reads nested blocks. */
  parts(blocks: Json[], path: string): Part[];
}

/** What a codec needs to know while writing a block. */
export interface WriteContext {
  /** `request`: the reader is a provider, which checks proofs. `response`: the reader is a client, which keeps them. */
  readonly direction: 'request' | 'response';
  readonly losses: Loss[];
  /** The name to send for a tool the client runs. */
  toolName(name: string): string;
  /** The id to send for a tool call. */
  callId(id: string): string;
  /** Writes nested parts; those that cannot be said are left out and reported. */
  blocks(parts: readonly Part[], path: string): JsonObject[];
}

/**
 * How one kind of content is read and written, whole or streamed. A streamed block is what {@link open} gives at its
 * start, then deltas.
 */
export interface PartCodec<P extends Part = Part> {
  /** Reads a whole block, or the start of a streamed one. @throws Fault of the context's code, naming the field. */
  read(fields: Fields, context: ReadContext): Part;
  /** Canon deltas of one wire delta; undefined when the delta is not known. */
  readDelta?(delta: Fields): PartDelta[] | undefined;
  /** What the end of a streamed block adds. `grown`: did text (not blank) or arguments come after its start? */
  readEnd?(start: JsonObject, grown: boolean): PartDelta[];

  /** The whole block; undefined when the dialect cannot say it (then a loss was reported). */
  write(part: P, context: WriteContext, path: string): JsonObject | undefined;
  /** The start of a streamed block with the deltas for what is known already. Default: the whole block, no deltas. */
  open?(part: P, context: WriteContext, path: string): OpenedBlock;
  /** The wire delta for one canon delta; undefined when there is nothing to send (or a loss was reported). */
  writeDelta?(delta: PartDelta, part: P, context: WriteContext, path: string): JsonObject | undefined;
  /** Wire deltas to send before the block closes. */
  close?(part: P): JsonObject[];
}

export interface OpenedBlock {
  start: JsonObject;
  deltas: JsonObject[];
}

/** The id of a call as it is sent; a change is reported at `path`. */
export function sentCallId(id: string, context: WriteContext, path: string): string {
  const sent = context.callId(id);
  if (sent !== id) context.losses.push({ path, kind: 'changed', reason: 'the id holds characters refused here' });
  return sent;
}

/** Reports that something was left out, and writes nothing. */
export function drop(context: WriteContext, path: string, reason: string): undefined {
  context.losses.push({ path, kind: 'dropped', reason });
  return undefined;
}

/** The delta a late residue of a part stands for: `carrier` is a delta of the block's kind that adds nothing. */
export function residueDelta(delta: PartDelta & { type: 'residue' }, carrier: JsonObject): JsonObject | undefined {
  const late = ownFields(delta.residue);
  return Object.keys(late).length === 0 ? undefined : { ...carrier, ...late };
}

/** A residue delta of the fields of a wire delta that nobody took. */
export function lateResidue(fields: Fields): PartDelta[] {
  const residue = fields.residue();
  return residue === undefined ? [] : [{ type: 'residue', residue }];
}
