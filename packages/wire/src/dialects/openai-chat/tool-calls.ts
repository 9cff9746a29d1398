import { loseResidue } from '../../canon/loss.ts';
import type { OpaquePart, ToolCallPart } from '../../canon/part.ts';
import { stringifyJson } from '../../json/stringify.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readCacheMark, writeCacheMark } from './cache-mark.ts';
import { fitsCallId } from './call-ids.ts';
import { type Placed, sentCallId, type WriteContext } from './context.ts';
import { CHAT, Draft, Fields } from './fields.ts';

/** An id for a call that came without one; the same call gets the same id each time it is read. */
export type SpareId = (position: number) => string;

/** Reads `tool_calls` of a whole message. Elements of unknown type become opaque. */
export function readToolCalls(fields: Fields, spareId: SpareId): (ToolCallPart | OpaquePart)[] {
  const calls = fields.array('tool_calls');
  if (calls?.length === 0) fields.blank('tool_calls', []);
  return (calls ?? []).map((call, at) => {
    if (!isObject(call)) return fields.reject(`tool_calls[${at}]`, 'an object');
    return readToolCall(new Fields(call, fields.at(`tool_calls[${at}]`), fields.code), () => spareId(at));
  });
}

function readToolCall(call: Fields, spareId: () => string): ToolCallPart | OpaquePart {
  const { source } = call;
  const isCustom = source.type === 'custom' && isObject(source.custom);
  const inner = isCustom ? call.nested('custom') : isObject(source.function) ? call.nested('function') : undefined;
  const name = inner?.string('name');
  if (inner === undefined || name === undefined) {
    return { type: 'opaque', dialect: CHAT, value: source, residue: { [CHAT]: { '~in': 'tool_calls' } } };
  }
  const type = call.take('type');
  if (type !== (isCustom ? 'custom' : 'function')) call.note('~type', type ?? 'absent');
  if (!isCustom && isObject(source.custom) && !source.custom.name && !source.custom.input) {
    call.take('custom');
    call.blank('custom', source.custom);
  }
  if (source.index !== undefined) {
    call.take('index');
    call.note('~index', source.index);
  }
  const part: ToolCallPart = {
    type: 'tool-call',
    id: readId(call, spareId),
    name,
    argumentsJson: readArguments(inner, isCustom ? 'input' : 'arguments'),
    ranBy: 'client',
  };
  if (isCustom) part.input = 'custom';
  const cacheMark = readCacheMark(call);
  if (cacheMark !== undefined) part.cacheMark = cacheMark;
  call.keep(isCustom ? 'custom' : 'function', inner);
  const residue = call.residue();
  if (residue !== undefined) part.residue = residue;
  return part;
}

function readId(call: Fields, spareId: () => string): string {
  const id = call.string('id');
  if (id !== undefined && id !== '') {
    if (!fitsCallId(id)) call.note('~id', id);
    return id;
  }
  if (id === '') call.blank('id', '');
  const spare = spareId();
  call.note('~spareId', spare);
  return spare;
}

/** The arguments as text; providers that send an object or null are noted. */
export function readArguments(inner: Fields, field: 'arguments' | 'input'): string {
  const value = inner.take(field);
  if (typeof value === 'string') return value;
  if (value === undefined) {
    if (inner.source[field] === undefined) inner.note('~arguments', ['', 'absent']);
    return '';
  }
  const text = stringifyJson(value);
  inner.note('~arguments', [text, value]);
  return text;
}

function writeArguments(inner: Draft, field: 'arguments' | 'input', text: string): void {
  const noted = inner.note('~arguments');
  if (Array.isArray(noted) && noted[0] === text) {
    if (noted[1] !== 'absent') inner.set(field, noted[1]);
  } else if (text !== '' || !inner.isBlank(field)) inner.set(field, text);
}

/** Writes one element of `tool_calls`. */
export function writeToolCall({ part, path }: Placed<ToolCallPart>, context: WriteContext): JsonObject {
  loseResidue(context.losses, path, part.residue, CHAT);
  const draft = Draft.of(part.residue);
  const kind = part.input === 'custom' ? 'custom' : 'function';
  if (draft.note('~spareId') !== part.id) draft.set('id', sentCallId(part.id, `${path}.id`, context));
  const type: Json = draft.note('~type') ?? kind;
  if (type !== 'absent') draft.set('type', type);
  draft.set('index', draft.note('~index'));
  const inner = new Draft(draft.inner(kind));
  inner.set('name', context.toolName(part.name));
  writeArguments(inner, kind === 'custom' ? 'input' : 'arguments', part.argumentsJson);
  draft.set(kind, inner.done());
  writeCacheMark(draft, part.cacheMark, context, path);
  return draft.done();
}
