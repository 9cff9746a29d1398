import { loseResidue } from '../../canon/loss.ts';
import type { FunctionTool, Tool, ToolChoice } from '../../canon/request.ts';
import { asString, isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readCacheMark, writeCacheMark } from './cache-mark.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, Draft, Fields, noteOf } from './fields.ts';

/** Reads `tools`, and the older `functions` behind them. What is no function is a provider's tool, kept whole. */
export function readTools(body: Fields): Tool[] | undefined {
  const tools = body.array('tools');
  const functions = body.array('functions');
  if (tools?.length === 0) body.blank('tools', []);
  if (functions?.length === 0) body.blank('functions', []);
  const read = [
    ...(tools ?? []).map((tool, at) => readTool(elementOf(body, tool, `tools[${at}]`))),
    ...(functions ?? []).map((tool, at) => readFunction(elementOf(body, tool, `functions[${at}]`))),
  ];
  return read.length === 0 ? undefined : read;
}

function elementOf(body: Fields, value: Json, name: string): Fields {
  return isObject(value) ? new Fields(value, body.at(name), body.code) : body.reject(name, 'an object');
}

function readTool(fields: Fields): Tool {
  const { source } = fields;
  const isFlat = source.function === undefined && typeof source.name === 'string';
  const inner = isObject(source.function) ? fields.nested('function') : isFlat ? fields : undefined;
  const name = asString(inner?.source.name);
  if (source.type !== 'function' || inner === undefined || name === undefined) return readProviderTool(source);
  fields.take('type');
  if (isFlat) fields.note('~flat', true);
  const tool: FunctionTool = { type: 'function', ...readDefinition(inner), name };
  const cacheMark = readCacheMark(fields);
  if (cacheMark !== undefined) tool.cacheMark = cacheMark;
  if (!isFlat) fields.keep('function', inner);
  const residue = fields.residue();
  if (residue !== undefined) tool.residue = residue;
  return tool;
}

/** An element of the deprecated `functions`. */
function readFunction(fields: Fields): Tool {
  if (typeof fields.source.name !== 'string') return fields.reject('name', 'a string');
  const tool: FunctionTool = { type: 'function', name: fields.source.name, ...readDefinition(fields) };
  fields.note('~legacy', true);
  return { ...tool, residue: fields.residue() };
}

function readDefinition(fields: Fields): Pick<FunctionTool, 'description' | 'parameters' | 'strict'> {
  fields.take('name');
  const definition: Pick<FunctionTool, 'description' | 'parameters' | 'strict'> = {};
  const description = fields.string('description');
  const parameters = fields.take('parameters');
  const strict = fields.boolean('strict');
  if (description !== undefined) definition.description = description;
  if (parameters !== undefined) definition.parameters = parameters;
  if (strict !== undefined) definition.strict = strict;
  return definition;
}

function readProviderTool(value: JsonObject): Tool {
  const name = isObject(value.custom) ? asString(value.custom.name) : undefined;
  return { type: 'provider', dialect: CHAT, value, ...(name === undefined ? {} : { name }) };
}

/** Sets `tools` and `functions`. */
export function writeTools(body: Draft, tools: readonly Tool[], context: WriteContext): void {
  const lists: { tools: Json[]; functions: Json[] } = { tools: [], functions: [] };
  for (const [at, tool] of tools.entries()) {
    const path = `tools[${at}]`;
    if (tool.type === 'provider') {
      if (tool.dialect === CHAT) lists.tools.push(tool.value);
      else drop(context, path, `a tool that only ${tool.dialect} knows`);
      continue;
    }
    loseResidue(context.losses, path, tool.residue, CHAT);
    if (context.toolName(tool.name) !== tool.name) change(context, `${path}.name`, 'the name is longer than allowed');
    const isLegacy = noteOf(tool.residue, '~legacy') === true;
    lists[isLegacy ? 'functions' : 'tools'].push(writeTool(tool, isLegacy, path, context));
  }
  if (lists.tools.length > 0) body.set('tools', lists.tools);
  if (lists.functions.length > 0) body.set('functions', lists.functions);
}

function writeTool(tool: FunctionTool, isLegacy: boolean, path: string, context: WriteContext): JsonObject {
  const draft = Draft.of(tool.residue);
  const isFlat = isLegacy || draft.note('~flat') === true;
  const inner = isFlat ? draft : new Draft(draft.inner('function'));
  inner.set('name', context.toolName(tool.name));
  inner.set('description', tool.description);
  inner.set('parameters', tool.parameters);
  inner.set('strict', tool.strict);
  if (!isLegacy) draft.set('type', 'function');
  if (!isFlat) draft.set('function', inner.done());
  writeCacheMark(draft, tool.cacheMark, context, path);
  return draft.done();
}

/** Reads `tool_choice`, or the deprecated `function_call`. */
export function readToolChoice(body: Fields): ToolChoice | undefined {
  const choice = body.take('tool_choice');
  if (choice !== undefined) return choiceOf(choice);
  const legacy = body.take('function_call');
  if (legacy === undefined) return undefined;
  const read =
    isObject(legacy) && typeof legacy.name === 'string' ? legacyChoice(legacy, legacy.name) : choiceOf(legacy);
  body.note('~function_call', true);
  return read;
}

function legacyChoice(value: JsonObject, name: string): ToolChoice {
  const { name: _name, ...rest } = value;
  return { type: 'tool', name, residue: { [CHAT]: rest } };
}

function choiceOf(value: Json): ToolChoice {
  if (value === 'auto' || value === 'none' || value === 'required') return { type: value };
  if (value === 'any') return { type: 'required', residue: { [CHAT]: { '~word': 'any' } } };
  const name = isObject(value) ? chosenName(value) : undefined;
  if (name === undefined) return { type: 'opaque', dialect: CHAT, value };
  return { type: 'tool', name, residue: { [CHAT]: { '~choice': value } } };
}

/** The one tool a choice names: `{type: 'function', function: {name}}`, or flat as the Responses API has it. */
function chosenName(value: JsonObject): string | undefined {
  const kind = asString(value.type) ?? 'function';
  if (kind !== 'function' && kind !== 'custom' && kind !== 'tool') return undefined;
  const inner = kind === 'tool' ? value : value[kind];
  return isObject(inner) ? asString(inner.name) : asString(value.name);
}

export function writeToolChoice(body: Draft, choice: ToolChoice, context: WriteContext): void {
  if (choice.type === 'opaque') {
    if (choice.dialect === CHAT) body.set('tool_choice', choice.value);
    else drop(context, 'toolChoice', `a choice only ${choice.dialect} knows`);
    return;
  }
  loseResidue(context.losses, 'toolChoice', choice.residue, CHAT);
  const isLegacy = body.note('~function_call') === true;
  const field = isLegacy ? 'function_call' : 'tool_choice';
  if (choice.type === 'required') {
    const asRead = noteOf(choice.residue, '~word') === 'any' ? 'any' : 'required';
    body.set(field, context.quirks.toolChoiceRequiredAs ?? asRead);
  } else if (choice.type !== 'tool') body.set(field, choice.type);
  else body.set(field, namedChoice(choice, isLegacy, context));
}

function namedChoice(choice: ToolChoice & { type: 'tool' }, isLegacy: boolean, context: WriteContext): Json {
  const sent = context.toolName(choice.name);
  if (sent !== choice.name) change(context, 'toolChoice.name', 'the name is longer than allowed');
  if (isLegacy) return { ...choice.residue?.[CHAT], name: sent };
  const asRead = noteOf(choice.residue, '~choice');
  if (isObject(asRead) && chosenName(asRead) === sent) return asRead;
  return { type: 'function', function: { name: sent } };
}
