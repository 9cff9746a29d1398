import type { ToolCallPart, ToolResultPart } from '../../canon/part.ts';
import type { CanonRequest } from '../../canon/request.ts';
import { noteOf } from './fields.ts';
import { type ShortWords, shortWords } from './short-words.ts';

const CALL_ID_CHARS_MAX = 40;
/** What OpenAI takes as the id of a tool call: it refuses longer ones (`string_above_max_length`). */
const FITTING = /^[a-zA-Z0-9_-]{1,40}$/;

export function fitsCallId(id: string): boolean {
  return FITTING.test(id);
}

/** Ids of calls for a provider of this dialect. One that a client of this dialect sent goes on as it was (`~id`). */
export function shortCallIds(request: CanonRequest): ShortWords {
  const ids = new Set<string>();
  const own = new Set<string>();
  for (const message of request.messages) {
    for (const part of message.parts) {
      if (part.type !== 'tool-call' && part.type !== 'tool-result') continue;
      const id = idOf(part);
      ids.add(id);
      // A tool message is nothing but its result: the note stands on the message.
      if (noteOf(part.residue, '~id') === id || noteOf(message.residue, '~id') === id) own.add(id);
    }
  }
  return shortWords(ids, (id) => own.has(id) || fitsCallId(id), CALL_ID_CHARS_MAX);
}

function idOf(part: ToolCallPart | ToolResultPart): string {
  return part.type === 'tool-call' ? part.id : part.callId;
}
