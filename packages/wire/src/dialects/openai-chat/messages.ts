import type { Part, ToolCallPart, ToolResultPart } from '../../canon/part.ts';
import type { Message } from '../../canon/request.ts';
import { isObject } from '../../json/value.ts';
import { readAssistant } from './assistant.ts';
import { readCacheMark } from './cache-mark.ts';
import { fitsCallId } from './call-ids.ts';
import { readContent } from './content.ts';
import { Fields } from './fields.ts';

/** Fields that mean nothing on messages of other roles, yet some clients send them there, empty. */
const emptyElsewhere = [
  'tool_calls',
  'function_call',
  'refusal',
  'audio',
  'reasoning_content',
  'reasoning',
  'tool_call_id',
];

/** Reads `messages` in order. @throws Fault naming the message and field. */
export function readMessages(body: Fields): Message[] {
  const values = body.array('messages') ?? body.reject('messages', 'an array');
  const calls: ToolCallPart[] = [];
  return values.map((value, at) => {
    if (!isObject(value)) return body.reject(`messages[${at}]`, 'an object');
    const message = readMessage(new Fields(value, body.at(`messages[${at}]`), body.code), at, calls);
    for (const part of message.parts) if (part.type === 'tool-call') calls.push(part);
    return message;
  });
}

function readMessage(fields: Fields, at: number, calls: ToolCallPart[]): Message {
  const said = fields.string('role');
  if (said === undefined) return fields.reject('role', 'a string');
  const role = roleOf(said);
  if (role === undefined) fields.leave('role');
  const message: Message = { role: role ?? 'user', parts: [] };
  const cacheMark = readCacheMark(fields);
  if (cacheMark !== undefined) message.cacheMark = cacheMark;
  const name = fields.string('name');
  if (role === 'tool') message.parts = [readToolResult(fields, said, name, calls)];
  else {
    message.parts =
      role === 'assistant' ? readAssistant(fields, (position) => `call_${at}_${position}`) : readContent(fields, false);
    if (name !== undefined) message.name = name;
  }
  for (const field of emptyElsewhere) if (fields.source[field] === null) fields.take(field);
  const residue = fields.residue();
  if (residue !== undefined) message.residue = residue;
  return message;
}

function roleOf(role: string): Message['role'] | undefined {
  if (role === 'function') return 'tool';
  return role === 'system' || role === 'developer' || role === 'user' || role === 'assistant' || role === 'tool'
    ? role
    : undefined;
}

/**
 * A `tool` message, or a `function` message of old, which names the function instead of the call. A result without an id
 * answers the earliest call that still waits.
 */
function readToolResult(fields: Fields, role: string, name: string | undefined, calls: ToolCallPart[]): ToolResultPart {
  if (role === 'function') fields.note('~role', role);
  const given = fields.string('tool_call_id');
  const waiting = calls.findIndex((call) =>
    given !== undefined ? call.id === given : name === undefined || call.name === name,
  );
  const [call] = waiting < 0 ? [] : calls.splice(waiting, 1);
  const callId = given ?? call?.id ?? '';
  if (given === undefined) fields.note('~spareId', callId);
  else if (!fitsCallId(given)) fields.note('~id', given);
  const content: Part[] = readContent(fields, false);
  const part: ToolResultPart = { type: 'tool-result', callId, content, ranBy: 'client' };
  if (name !== undefined) part.name = name;
  return part;
}
