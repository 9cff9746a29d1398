import type { Loss } from '@turnpike/wire/canon/loss.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { scanJsonObject } from '@turnpike/wire/json/lens.ts';
import { splice } from '@turnpike/wire/json/splice.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import type { Body, Exchange } from '../exchange.ts';

/** What the caller's dialect calls the bound on output, the name to write it under first. */
export function outputFields({ face }: Exchange): readonly [string, ...string[]] {
  return face.id === 'openai-chat' ? ['max_completion_tokens', 'max_tokens'] : ['max_tokens'];
}

/**
 * The body with other values of top-level fields; `undefined` takes one out.
 *
 * @param reason Why, for the log.
 */
export function editBody(body: Body, edits: JsonObject, reason: string): Body {
  const bytes = splice(body.bytes, body.lens, edits);
  const lens = scanJsonObject(bytes);
  if (!lens.ok) throw new Fault(lens.code, { message: lens.message });
  const changes = Object.entries(edits).map(([path, value]): Loss => {
    const kind = value === undefined ? 'dropped' : body.lens.fields.has(path) ? 'changed' : 'added';
    return { path, kind, reason };
  });
  return { ...body, bytes, lens, changes: [...(body.changes ?? []), ...changes] };
}
