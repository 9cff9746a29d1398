import { loseResidue } from '../../canon/loss.ts';
import type { Part, ToolResultPart } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import type { JsonObject } from '../../json/value.ts';
import { writeAssistant } from './assistant.ts';
import { writeCacheMark } from './cache-mark.ts';
import { writeContent } from './content.ts';
import { change, drop, type Placed, sentCallId, type WriteContext } from './context.ts';
import { CHAT, Draft, noteOf } from './fields.ts';
import { showMedia, shownMedia } from './shown-media.ts';

/**
 * Writes the conversation. A message that holds tool results becomes `tool` messages first and then what else it said;
 * media in a result follow in a `user` message, since only text may stand in a `tool` message. So do media of an
 * assistant message, behind the results of its calls.
 */
export function writeMessages(messages: readonly Message[], context: WriteContext): JsonObject[] {
  const list: JsonObject[] = [];
  let waiting: JsonObject[] = [];
  for (const [at, message] of messages.entries()) {
    const { written, shown } = writeMessage(message, `messages[${at}]`, context);
    for (const one of written) {
      if (one.role !== 'tool') list.push(...waiting.splice(0));
      list.push(one);
    }
    if (shown !== undefined) waiting = [shown];
  }
  return [...list, ...waiting];
}

/** @returns `shown` as well: a user message to follow once the results of this message's calls have been told. */
function writeMessage(
  message: Message,
  path: string,
  context: WriteContext,
): { written: JsonObject[]; shown?: JsonObject } {
  loseResidue(context.losses, path, message.residue, CHAT);
  const placed = message.parts.map((part, at): Placed => ({ part, path: `${path}.parts[${at}]` }));
  if (message.role !== 'assistant') return { written: writeOther(message, placed, path, context) };
  const media = shownMedia(placed, Draft.of(message.residue));
  const said = media.length === 0 ? placed : placed.filter((one) => !media.some(({ path: at }) => at === one.path));
  return { written: [writeAssistantMessage(message, said, path, context)], shown: showMedia(media, context) };
}

function writeOther(message: Message, placed: readonly Placed[], path: string, context: WriteContext): JsonObject[] {
  const isResult = ({ part }: Placed) => part.type === 'tool-result' && noteOf(part.residue, '~block') === undefined;
  const results = placed.filter((one): one is Placed<ToolResultPart> => isResult(one));
  const rest = placed.filter((one) => !isResult(one));
  if (results.length === 0) return [writePlainMessage(message, rest, path, context)];
  reportOrder(placed, isResult, context);
  const [only] = results;
  if (message.role === 'tool' && only !== undefined && placed.length === 1) {
    return writeResult(only, Draft.of(message.residue), message, path, context).messages;
  }
  const written = results.map((result) => writeResult(result, new Draft(undefined), undefined, path, context));
  const media = written.flatMap((one) => one.media);
  const after = [...media, ...rest];
  const follow = after.length > 0 ? [writePlainMessage({ ...message, role: 'user' }, after, path, context)] : [];
  return [...written.flatMap((one) => one.own), ...follow];
}

function writeAssistantMessage(
  message: Message,
  placed: readonly Placed[],
  path: string,
  context: WriteContext,
): JsonObject {
  const draft = Draft.of(message.residue);
  draft.set('role', 'assistant');
  writeAssistant(draft, placed, context);
  draft.set('name', message.name);
  writeCacheMark(draft, message.cacheMark, context, path);
  return draft.done();
}

function writePlainMessage(message: Message, placed: Placed[], path: string, context: WriteContext): JsonObject {
  const draft = Draft.of(message.residue);
  draft.set('role', roleFor(message, path, context));
  const sayable = placed.filter((one) => isSayable(one, context));
  writeContent(draft, sayable, context);
  if (draft.body.content === undefined && draft.note('~content') !== 'absent' && !draft.isBlank('content')) {
    draft.set('content', '');
  }
  draft.set('name', message.name);
  writeCacheMark(draft, message.cacheMark, context, path);
  return draft.done();
}

/** Reasoning and tool calls belong to the assistant; elsewhere they cannot be said. */
function isSayable({ part, path }: Placed, context: WriteContext): boolean {
  const isForeign = part.type === 'reasoning' || part.type === 'tool-call';
  if (!isForeign || noteOf(part.residue, '~in') === 'content' || noteOf(part.residue, '~block') !== undefined)
    return true;
  drop(context, path, `a ${part.type} can only stand in an assistant message`);
  return false;
}

function roleFor(message: Message, path: string, context: WriteContext): string | undefined {
  if (message.role === 'user' && message.residue?.[CHAT]?.role !== undefined) return undefined;
  const isInstruction = message.role === 'system' || message.role === 'developer';
  const role = isInstruction ? (context.quirks.systemRole ?? message.role) : message.role;
  if (role !== message.role) change(context, `${path}.role`, `the provider gives instructions as ${role}`);
  return role === 'tool' ? 'user' : role;
}

function reportOrder(placed: readonly Placed[], isResult: (one: Placed) => boolean, context: WriteContext): void {
  const firstOther = placed.findIndex((one) => !isResult(one));
  if (firstOther < 0) return;
  for (const one of placed.slice(firstOther)) {
    if (isResult(one)) change(context, one.path, 'tool results come before what else is said');
  }
}

interface WrittenResult {
  own: JsonObject[];
  /** What has to follow in a user message. */
  media: Placed[];
  /** Both as messages. */
  messages: JsonObject[];
}

/** @param message The message that is nothing but this result, when there is one: its fields are kept. */
function writeResult(
  { part, path }: Placed<ToolResultPart>,
  draft: Draft,
  message: Message | undefined,
  messagePath: string,
  context: WriteContext,
): WrittenResult {
  loseResidue(context.losses, path, part.residue, CHAT);
  draft.set('role', draft.note('~role') ?? 'tool');
  if (draft.note('~spareId') !== part.callId) {
    draft.set('tool_call_id', sentCallId(part.callId, `${path}.callId`, context));
  }
  if (part.name !== undefined) {
    if (message === undefined) drop(context, `${path}.name`, 'a tool message does not name the tool');
    else draft.set('name', context.toolName(part.name));
  }
  if (part.isError !== undefined)
    drop(context, `${path}.isError`, 'a tool message does not say whether it is an error');
  const inside = part.content.map((one, at): Placed => ({ part: one, path: `${path}.content[${at}]` }));
  const isOwn = draft.note('~content') === 'parts';
  const media = isOwn ? [] : inside.filter(({ part: one }) => one.type === 'media');
  for (const one of media) change(context, one.path, 'media of a tool result follow in a user message');
  writeContent(
    draft,
    inside.filter((one) => !media.some(({ path: at }) => at === one.path)),
    context,
  );
  if (draft.body.content === undefined && !draft.isBlank('content') && draft.note('~content') !== 'absent') {
    draft.set('content', media.length > 0 ? 'The result follows in the next message.' : '');
  }
  if (message === undefined) writeCacheMark(draft, part.cacheMark, context, path);
  else {
    writeCacheMark(draft, message.cacheMark, context, messagePath);
    if (part.cacheMark !== undefined && message.cacheMark === undefined)
      writeCacheMark(draft, part.cacheMark, context, path);
  }
  const own = [draft.done()];
  const labelled = media.length === 0 ? [] : [label(part, path, context), ...media];
  const follow = labelled.length === 0 ? [] : [writePlainMessage({ role: 'user', parts: [] }, labelled, path, context)];
  return { own, media: labelled, messages: [...own, ...follow] };
}

/** Tells the model which call the media that follow belong to. */
function label(part: ToolResultPart, path: string, context: WriteContext): Placed {
  const text: Part = { type: 'text', text: `Result of tool call ${context.callId(part.callId)}:` };
  return { part: text, path };
}
