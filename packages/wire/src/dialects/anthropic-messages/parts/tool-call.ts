import type { ToolCallPart } from '../../../canon/part.ts';
import { parseJson } from '../../../json/parse.ts';
import { stringifyJson } from '../../../json/stringify.ts';
import { isObject, type Json, type JsonObject } from '../../../json/value.ts';
import { carried, readCacheMark } from '../cache-mark.ts';
import { type Fields, formNote } from '../fields.ts';
import {
  drop,
  lateResidue,
  type PartCodec,
  type ReadContext,
  residueDelta,
  sentCallId,
  type WriteContext,
} from './codec.ts';

/**
 * `tool_use` (run by the client), `server_tool_use` and `mcp_tool_use` (run by the provider).
 *
 * @see https://docs.claude.com/en/docs/agents-and-tools/tool-use/overview
 */
export const toolCallCodec: PartCodec<ToolCallPart> = {
  read: readToolCall,

  readDelta(fields) {
    if (fields.source.type !== 'input_json_delta') return undefined;
    fields.take('type');
    const argumentsJson = fields.string('partial_json') ?? '';
    if (argumentsJson === '') return lateResidue(fields);
    return [{ type: 'arguments', argumentsJson }, ...lateResidue(fields)];
  },

  /** A call without deltas has its input in the block's start; mostly that is `{}`, a call without arguments. */
  readEnd(start, grown) {
    return grown ? [] : [{ type: 'arguments', argumentsJson: stringifyJson(start.input ?? {}) }];
  },

  write(part, context, path) {
    const block = head(part, context, path);
    if (block === undefined) return undefined;
    const input = inputOf(part, context, path);
    return { ...block, ...(input === undefined ? {} : { input }), ...carried(part) };
  },

  open(part, context, path) {
    const block = head(part, context, path) ?? {};
    const { input: _, ...rest } = carried(part);
    const first = part.input === 'custom' ? `{"input":"${escaped(part.argumentsJson)}` : part.argumentsJson;
    if (part.input === 'custom') customLoss(context, path);
    return { start: { ...block, input: {}, ...rest }, deltas: first === '' ? [] : [inputDelta(first)] };
  },

  writeDelta(delta, part, context, path) {
    if (delta.type === 'residue') return residueDelta(delta, inputDelta(''));
    if (delta.type !== 'arguments') return drop(context, path, `a tool call cannot grow by ${delta.type}`);
    return inputDelta(part.input === 'custom' ? escaped(delta.argumentsJson) : delta.argumentsJson);
  },

  close: (part) => (part.input === 'custom' ? [inputDelta('"}')] : []),
};

function readToolCall(fields: Fields, context: ReadContext): ToolCallPart {
  const type = fields.string('type') ?? '';
  const ranBy = type === 'tool_use' ? 'client' : 'provider';
  if (ranBy === 'provider') fields.note('type', type);
  const id = fields.string('id');
  if (id === undefined) throw fields.wrong('id', 'a string');
  const sent = fields.string('name');
  if (sent === undefined) throw fields.wrong('name', 'a string');
  const name = ranBy === 'client' ? context.toolName(sent) : sent;
  const part: ToolCallPart = { type: 'tool-call', id, name, argumentsJson: '', ranBy };
  if (context.streamed) fields.take('input');
  else part.argumentsJson = readInput(fields);
  const cacheMark = readCacheMark(fields);
  if (cacheMark) part.cacheMark = cacheMark;
  const residue = fields.residue();
  if (residue) part.residue = residue;
  return part;
}

/** The input as text. One that is absent or no object is against the API; noted so that it goes back unchanged. */
function readInput(fields: Fields): string {
  const input = fields.present('input');
  if (input === undefined) {
    if (fields.source.input === undefined) fields.note('input', 'absent');
    return '';
  }
  fields.take('input');
  if (!isObject(input)) fields.note('input', 'any');
  return stringifyJson(input);
}

function head(part: ToolCallPart, context: WriteContext, path: string): JsonObject | undefined {
  if (part.ranBy === 'client') {
    return { type: 'tool_use', id: sentCallId(part.id, context, `${path}.id`), name: context.toolName(part.name) };
  }
  const type = formNote(part.residue, 'type');
  if (typeof type !== 'string') return drop(context, path, 'a tool run by another provider is not known here');
  return { type, id: part.id, name: part.name };
}

function inputOf(part: ToolCallPart, context: WriteContext, path: string): Json | undefined {
  const text = part.argumentsJson;
  const form = formNote(part.residue, 'input');
  if (form === 'absent' && text === '') return undefined;
  if (part.input === 'custom') {
    customLoss(context, path);
    return { input: text };
  }
  if (text.trim() === '') return {};
  const value = parsed(text);
  if (isObject(value) || (value !== undefined && form === 'any')) return value;
  const [name, what] = value === undefined ? ['invalid_json', 'no valid JSON'] : ['value', 'no object'];
  const reason = `the arguments are ${what}; sent inside an object as ${name}`;
  context.losses.push({ path: `${path}.argumentsJson`, kind: 'changed', reason });
  return { [name]: value ?? text };
}

function parsed(text: string): Json | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined; // Models err; the caller wraps the text so that the conversation can go on.
  }
}

function customLoss(context: WriteContext, path: string): void {
  const reason = 'free-text input is written as an object with the field input';
  context.losses.push({ path: `${path}.argumentsJson`, kind: 'changed', reason });
  context.losses.push({ path: `${path}.input`, kind: 'dropped', reason });
}

/** Text as the inside of a JSON string. Works on fragments: a lone surrogate becomes an escape. */
function escaped(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function inputDelta(partialJson: string): JsonObject {
  return { type: 'input_json_delta', partial_json: partialJson };
}
