import type { OpaquePart } from '../../../canon/part.ts';
import type { Json, JsonObject } from '../../../json/value.ts';
import { ANTHROPIC } from '../fields.ts';
import { drop, type PartCodec } from './codec.ts';

/** Blocks without a canon word (compaction, search results, uploads, and whatever comes next) ride through whole. */
export const opaqueCodec: PartCodec<OpaquePart> = {
  read: (fields) => ({ type: 'opaque', dialect: ANTHROPIC, value: fields.source }),

  write(part, context, path) {
    if (part.dialect === ANTHROPIC) return part.value;
    return drop(context, path, `content only ${part.dialect} knows`);
  },

  /** A compaction is shown growing, as the provider shows it. @see https://docs.claude.com/en/docs/build-with-claude/compaction */
  open(part) {
    const { type, ...rest } = part.value;
    if (type !== 'compaction' || typeof rest.content !== 'string') return { start: part.value, deltas: [] };
    return { start: { type, content: null }, deltas: [{ ...rest, type: 'compaction_delta' }] };
  },
};

/**
 * An opaque block after one more delta: text is appended to text, lists to lists, anything else replaces. That is
 * how every delta known so far adds up.
 */
export function growOpaque(block: JsonObject, delta: JsonObject): JsonObject {
  const grown: JsonObject = { ...block };
  for (const name in delta) {
    if (name !== 'type') grown[name] = joined(block[name], delta[name]);
  }
  return grown;
}

function joined(before: Json | undefined, added: Json | undefined): Json | undefined {
  if (added === null || added === undefined) return before ?? added;
  if (typeof before === 'string' && typeof added === 'string') return before + added;
  if (Array.isArray(before) && Array.isArray(added)) return [...before, ...added];
  return added;
}
