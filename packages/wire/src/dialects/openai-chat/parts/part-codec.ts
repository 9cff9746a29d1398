import type { Part } from '../../../canon/part.ts';
import type { JsonObject } from '../../../json/value.ts';
import type { Placed, WriteContext } from '../context.ts';
import type { Fields } from '../fields.ts';

/**
 * Reads a content part of one `type` of this dialect. Cache mark and residue are added by the caller.
 *
 * @returns undefined when the part is of that type but cannot be understood: then it becomes opaque.
 */
export type PartReader = (fields: Fields) => Part | undefined;

/** Writes one canon part as content parts; none when the dialect cannot say it (a loss was reported). */
export type PartWriter<P extends Part> = (placed: Placed<P>, context: WriteContext) => JsonObject[];
