import type { Field, Lens } from './lens.ts';
import { stringifyJson } from './stringify.ts';
import type { Json, JsonObject } from './value.ts';

/**
 * Changes top-level fields of a scanned JSON object and leaves every other byte as it was.
 *
 * @param edits Field name → new value. A field the object has is replaced in its place, another one is added after the
 *   last; `undefined` removes (and does nothing to a field that is not there).
 * @returns New bytes, or `bytes` itself when there is nothing to do. The lens does not describe the result.
 */
export function splice(bytes: Uint8Array, lens: Lens, edits: JsonObject): Uint8Array {
  const patches = patchesOf(lens, edits);
  if (patches.length === 0) return bytes;
  let size = bytes.length;
  for (const { from, to, put } of patches) size += put.length - (to - from);
  const out = new Uint8Array(size);
  let read = 0;
  let written = 0;
  for (const { from, to, put } of patches) {
    out.set(bytes.subarray(read, from), written);
    written += from - read;
    out.set(put, written);
    written += put.length;
    read = to;
  }
  out.set(bytes.subarray(read), written);
  return out;
}

/** Bytes `from` (included) to `to` (excluded) give way to `put`. */
interface Patch {
  from: number;
  to: number;
  put: Uint8Array;
}

/** In the order of the text, not overlapping. */
function patchesOf(lens: Lens, edits: JsonObject): Patch[] {
  const [name, ...others] = Object.keys(edits);
  if (name === undefined) return [];
  const field = others.length === 0 ? lens.fields.get(name) : undefined;
  const value = edits[name];
  // The usual edit, that of the model, needs no look at the other fields.
  return field !== undefined && value !== undefined ? [replacement(field, value)] : patchesOfMany(lens, edits);
}

function patchesOfMany(lens: Lens, edits: JsonObject): Patch[] {
  const patches: Patch[] = [];
  const fields = [...lens.fields.values()];
  /** End of the last field that stays; undefined while none does. */
  let keptEnd: number | undefined;
  for (const [index, field] of fields.entries()) {
    const value = edits[field.name];
    if (Object.hasOwn(edits, field.name) && value === undefined) {
      patches.push(removal(field, fields[index + 1], keptEnd));
      if (keptEnd !== undefined) keptEnd = field.end;
      continue;
    }
    if (Object.hasOwn(edits, field.name) && value !== undefined) {
      patches.push(replacement(field, value));
    }
    keptEnd = field.end;
  }
  const added = addedText(lens, edits);
  if (added === '') return patches;
  const at = keptEnd ?? lens.close;
  patches.push({ from: at, to: at, put: encoder.encode(keptEnd === undefined ? added : `,${added}`) });
  return patches;
}

function replacement(field: Field, value: Json): Patch {
  return { from: field.start, to: field.end, put: encoder.encode(stringifyJson(value)) };
}

/** A field goes together with the comma before it; before the first that stays, with the comma after it. */
function removal(field: Field, next: Field | undefined, keptEnd: number | undefined): Patch {
  if (keptEnd !== undefined) return { from: keptEnd, to: field.end, put: NOTHING };
  return { from: field.keyStart, to: next === undefined ? field.end : next.keyStart, put: NOTHING };
}

function addedText(lens: Lens, edits: JsonObject): string {
  const added: string[] = [];
  for (const name of Object.keys(edits)) {
    const value = edits[name];
    if (value !== undefined && !lens.fields.has(name)) added.push(`${JSON.stringify(name)}:${stringifyJson(value)}`);
  }
  return added.join();
}

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);
