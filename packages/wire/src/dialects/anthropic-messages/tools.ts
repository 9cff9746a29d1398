import { loseResidue } from '../../canon/loss.ts';
import type { CanonRequest, FunctionTool, Tool, ToolChoice } from '../../canon/request.ts';
import { Fault } from '../../fault.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { carried, readCacheMark } from './cache-mark.ts';
import { ANTHROPIC, Fields, formNote, ownFields } from './fields.ts';
import type { WriteContext } from './parts/codec.ts';

/** Reads `tools`. A tool with a type of its own (web search, bash, MCP toolsets…) is one only this API knows. */
export function readTools(fields: Fields): Tool[] | undefined {
  return fields.list('tools')?.map((value, i) => readTool(value, `tools[${i}]`));
}

function readTool(value: Json, path: string): Tool {
  if (!isObject(value)) throw new Fault('body_invalid', { param: path, message: `${path} must be an object.` });
  const isNamed = typeof value.name === 'string';
  if (!isNamed || (typeof value.type === 'string' && value.type !== 'custom')) {
    const name = typeof value.name === 'string' ? { name: value.name } : {};
    return { type: 'provider', dialect: ANTHROPIC, ...name, value };
  }
  const fields = new Fields(value, path, 'body_invalid');
  const tool: FunctionTool = { type: 'function', name: fields.string('name') ?? '' };
  const description = fields.string('description');
  if (description !== undefined) tool.description = description;
  const schema = fields.present('input_schema');
  if (schema !== undefined) {
    fields.take('input_schema');
    tool.parameters = schema;
  }
  if (!isObject(schema) || schema.type !== 'object') fields.note('schema', 'asIs');
  const strict = fields.boolean('strict');
  if (strict !== undefined) tool.strict = strict;
  const cacheMark = readCacheMark(fields);
  if (cacheMark) tool.cacheMark = cacheMark;
  const residue = fields.residue();
  if (residue) tool.residue = residue;
  return tool;
}

export function writeTools(tools: readonly Tool[], context: WriteContext): JsonObject[] {
  const written: JsonObject[] = [];
  for (const [i, tool] of tools.entries()) {
    const path = `tools[${i}]`;
    if (tool.type === 'function') written.push(writeFunction(tool, context, path));
    else if (tool.dialect === ANTHROPIC) written.push(tool.value);
    else context.losses.push({ path, kind: 'dropped', reason: `a tool only ${tool.dialect} knows` });
  }
  if (written.length === 0 && tools.length > 0) {
    context.losses.push({ path: 'tools', kind: 'dropped', reason: 'none of the tools is known here' });
  }
  return written;
}

function writeFunction(tool: FunctionTool, context: WriteContext, path: string): JsonObject {
  loseResidue(context.losses, path, tool.residue, ANTHROPIC);
  const name = context.toolName(tool.name);
  if (name !== tool.name) {
    const reason = 'the name does not fit; another is sent and the own one restored in the answer';
    context.losses.push({ path: `${path}.name`, kind: 'changed', reason });
  }
  const schema = writeSchema(tool, context, `${path}.parameters`);
  return {
    name,
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(schema === undefined ? {} : { input_schema: schema }),
    ...(tool.strict === undefined ? {} : { strict: tool.strict }),
    ...carried(tool),
  };
}

/** The API demands a schema, of an object. */
function writeSchema(tool: FunctionTool, context: WriteContext, path: string): Json | undefined {
  const schema = tool.parameters;
  if (formNote(tool.residue, 'schema') === 'asIs' || (isObject(schema) && schema.type === 'object')) return schema;
  if (schema === undefined || schema === null) {
    context.losses.push({ path, kind: 'added', reason: 'a tool without arguments has the schema of an empty object' });
    return { type: 'object', properties: {} };
  }
  if (!isObject(schema)) {
    context.losses.push({ path, kind: 'changed', reason: 'the schema must be one of an object' });
    return { type: 'object' };
  }
  context.losses.push({ path, kind: 'changed', reason: 'the schema must say that it is one of an object' });
  const properties = Object.keys(schema).length === 0 ? { properties: {} } : {};
  return { ...schema, type: 'object', ...properties };
}

/** Reads `tool_choice` into the request, and whether tools may be called in parallel. */
export function readToolChoice(fields: Fields, request: CanonRequest): void {
  const value = fields.object('tool_choice');
  if (value === undefined) return;
  const inner = new Fields(value, 'tool_choice', 'body_invalid');
  const type = inner.string('type');
  const disabled = inner.boolean('disable_parallel_tool_use');
  const choice = readChoice(type, inner, value);
  if (choice.type !== 'opaque') {
    if (disabled !== undefined) request.parallelToolCalls = !disabled;
    const residue = inner.residue();
    if (residue) choice.residue = residue;
  }
  request.toolChoice = choice;
}

function readChoice(type: string | undefined, fields: Fields, value: JsonObject): ToolChoice {
  if (type === 'auto' || type === 'none') return { type };
  if (type === 'any') return { type: 'required' };
  const name = type === 'tool' ? fields.string('name') : undefined;
  return name === undefined ? { type: 'opaque', dialect: ANTHROPIC, value } : { type: 'tool', name };
}

/**
 * Writes `tool_choice`. Parallel calls are forbidden inside it, therefore forbidding them makes a choice of `auto`
 * where none was made; without tools neither can be said.
 */
export function writeToolChoice(
  request: CanonRequest,
  hasTools: boolean,
  context: WriteContext,
): JsonObject | undefined {
  const { toolChoice: choice, parallelToolCalls: parallel } = request;
  if (choice?.type === 'opaque') return writeOpaqueChoice(choice, parallel, context);
  const own = formNote(request.residue, 'own') === true;
  if (!hasTools && !own) {
    const reason = 'there are no tools';
    if (choice) context.losses.push({ path: 'toolChoice', kind: 'dropped', reason });
    if (parallel !== undefined) context.losses.push({ path: 'parallelToolCalls', kind: 'dropped', reason });
    return undefined;
  }
  if (choice === undefined && parallel === undefined) return undefined;
  loseResidue(context.losses, 'toolChoice', choice?.residue, ANTHROPIC);
  if (choice === undefined) {
    context.losses.push({ path: 'toolChoice', kind: 'added', reason: 'parallel calls are settled inside the choice' });
  }
  const written = { ...choiceOf(choice ?? { type: 'auto' }, context), ...ownFields(choice?.residue) };
  return parallel === undefined ? written : withParallel(written, parallel, own, context);
}

function choiceOf(choice: Exclude<ToolChoice, { type: 'opaque' }>, context: WriteContext): JsonObject {
  if (choice.type === 'tool') return { type: 'tool', name: context.toolName(choice.name) };
  return { type: choice.type === 'required' ? 'any' : choice.type };
}

function withParallel(choice: JsonObject, parallel: boolean, own: boolean, context: WriteContext): JsonObject {
  if (choice.type === 'none' && !own) {
    context.losses.push({ path: 'parallelToolCalls', kind: 'dropped', reason: 'no tool may be called' });
    return choice;
  }
  return { ...choice, disable_parallel_tool_use: !parallel };
}

function writeOpaqueChoice(
  choice: Extract<ToolChoice, { type: 'opaque' }>,
  parallel: boolean | undefined,
  context: WriteContext,
): JsonObject | undefined {
  if (choice.dialect === ANTHROPIC && isObject(choice.value)) return choice.value;
  const reason = `a choice only ${choice.dialect} knows`;
  context.losses.push({ path: 'toolChoice', kind: 'dropped', reason });
  return parallel === undefined ? undefined : { type: 'auto', disable_parallel_tool_use: !parallel };
}
