import type { MediaPart } from '../../canon/part.ts';
import type { Json, JsonObject } from '../../json/value.ts';
import { change, type Placed, type WriteContext } from './context.ts';
import { type Draft, noteOf } from './fields.ts';
import { writeContentPart } from './parts/table.ts';

/**
 * Media that an assistant message of another dialect holds. Providers refuse them in this role, except where a client of
 * this dialect put them there for a provider that takes them.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create (assistant content: text and refusal parts)
 */
export function shownMedia(placed: readonly Placed[], message: Draft): Placed<MediaPart>[] {
  if (message.note('~content') === 'parts') return [];
  return placed.filter((one): one is Placed<MediaPart> => one.part.type === 'media' && isShown(one.part));
}

function isShown(part: MediaPart): boolean {
  if (noteOf(part.residue, '~in') !== undefined || noteOf(part.residue, '~block') !== undefined) return false;
  if (part.source.type === 'parts') return part.source.parts.some(({ type }) => type === 'media');
  return part.source.type !== 'text';
}

/** The user message that shows such media; none when nothing of them can be sent (which was reported). */
export function showMedia(media: readonly Placed<MediaPart>[], context: WriteContext): JsonObject | undefined {
  const content: Json[] = [];
  for (const one of media) {
    const written = writeContentPart(one, context);
    if (written.length === 0) continue;
    content.push(...written);
    change(context, one.path, 'media of an assistant message follow in a user message');
    context.losses.push({ path: `${one.path}.role`, kind: 'added', reason: 'a user message shows it, and says whose' });
  }
  return content.length === 0 ? undefined : { role: 'user', content: [LABEL, ...content] };
}

const LABEL: JsonObject = { type: 'text', text: 'The assistant showed:' };
