import type { JsonObject } from '../json/value.ts';

/** The wire vocabularies Turnpike reads and writes. One folder under `dialects/` each. */
export type DialectId = 'openai-chat' | 'anthropic-messages';

/**
 * Fields of one dialect that the canon has no word for, carried beside the node they came from.
 *
 * A writer of the same dialect puts them back; a writer of another dialect reports each as a `Loss`.
 * Names starting with `~` are notes on *form* (for instance that content was a bare string rather than a list): they
 * carry no information of their own, so leaving them behind is no loss.
 */
export type Residue = { [D in DialectId]?: JsonObject };

/** Returns `residue` with `fields` added for `dialect`; undefined stays undefined when there is nothing to carry. */
export function withResidue(residue: Residue | undefined, dialect: DialectId, fields: JsonObject): Residue | undefined {
  if (Object.keys(fields).length === 0) return residue;
  return { ...residue, [dialect]: { ...residue?.[dialect], ...fields } };
}

/** Joins residue learnt later with what there is, field by field: the later value holds. Nothing gives undefined. */
export function mergeResidue(earlier: Residue | undefined, later: Residue | undefined): Residue | undefined {
  let merged = earlier;
  for (const dialect of Object.keys(later ?? {}) as DialectId[]) {
    merged = withResidue(merged, dialect, later?.[dialect] ?? {});
  }
  return merged;
}

/** True for a residue name that only describes form. */
export function isFormNote(name: string): boolean {
  return name.startsWith('~');
}
