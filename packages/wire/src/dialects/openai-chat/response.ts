import { loseResidue } from '../../canon/loss.ts';
import type { Part } from '../../canon/part.ts';
import type { CanonResponse, Choice, Logprobs } from '../../canon/response.ts';
import type { ReadResponseOptions, WriteResponseOptions } from '../../dialect.ts';
import { Fault } from '../../fault.ts';
import { isObject, type Json, type JsonObject } from '../../json/value.ts';
import { readAssistant, writeAssistant } from './assistant.ts';
import type { Placed, WriteContext } from './context.ts';
import { faultOfError } from './fault.ts';
import { CHAT, Draft, Fields } from './fields.ts';
import { hasClientCalls, readFinish, writeFinish } from './finish.ts';
import { readUsage, writeUsage } from './usage.ts';

const OBJECT = 'chat.completion';

/**
 * Reads a whole chat completion.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/object
 * @throws Fault `upstream_garbled` when it has no choices; when it is an error in disguise, that error's fault.
 */
export function readResponse(body: JsonObject, options: ReadResponseOptions): CanonResponse {
  if (!Array.isArray(body.choices)) {
    if (isErrorBody(body)) throw faultOfError(body);
    throw new Fault('upstream_garbled', { message: 'The provider sent no choices.' });
  }
  const fields = new Fields(body, '', 'upstream_garbled');
  const choices = fields.array('choices') ?? [];
  const absent = ['id', 'object', 'created', 'model'].filter((name) => body[name] === undefined);
  if (absent.length > 0) fields.note('~absent', absent);
  const [id, model, object] = [fields.string('id'), fields.string('model'), fields.string('object')];
  if (object !== undefined && object !== OBJECT) fields.note('~object', object);
  for (const name of ['id', 'model'] as const) if (body[name] === '') fields.blank(name, '');
  const response: CanonResponse = { id: id ?? '', model: model ?? '', choices: [] };
  const created = fields.number('created');
  if (created !== undefined) response.createdSec = created;
  response.choices = choices.map((choice, at) => {
    if (!isObject(choice)) return fields.reject(`choices[${at}]`, 'an object');
    return readChoice(new Fields(choice, `choices[${at}]`, fields.code), at, response.id, options);
  });
  const usage = fields.take('usage');
  if (isObject(usage)) response.usage = readUsage(usage);
  else if (usage !== undefined) fields.leave('usage');
  const tier = fields.string('service_tier');
  if (tier === '') fields.blank('service_tier', '');
  else if (tier !== undefined) response.serviceTier = tier;
  if (body.system_fingerprint === null) fields.take('system_fingerprint');
  const residue = fields.residue();
  if (residue !== undefined) response.residue = residue;
  return response;
}

/** Is this body, without choices, an error? */
function isErrorBody(body: JsonObject): boolean {
  if (body.error !== undefined && body.error !== null && body.error !== false) return true;
  return typeof body.message === 'string' || body.detail !== undefined;
}

function readChoice(fields: Fields, at: number, responseId: string, options: ReadResponseOptions): Choice {
  const index = fields.number('index');
  if (index === undefined) fields.note('~index', 'absent');
  fields.note('~own', true);
  const choice: Choice = { index: index ?? at, parts: [] };
  const message = fields.nested('message');
  if (message !== undefined) {
    if (message.string('role') === undefined) message.note('~role', 'absent');
    else if (message.source.role !== 'assistant') message.note('~role', message.source.role ?? null);
    const spareId = (position: number) => spareCallId(responseId, choice.index, position);
    choice.parts = restoreNames(readAssistant(message, spareId), options);
    fields.keep('message', message);
  } else fields.note('~noMessage', true);
  if (message !== undefined && isRepetition(fields.source.delta, message.source)) {
    fields.blank('delta', fields.take('delta') ?? null);
  }
  const finish = fields.string('finish_reason');
  if (finish !== undefined) choice.finish = readFinish(finish, hasClientCalls(choice.parts));
  const logprobs = fields.take('logprobs');
  if (isObject(logprobs)) choice.logprobs = readLogprobs(logprobs);
  else if (logprobs !== undefined) fields.leave('logprobs');
  const residue = fields.residue();
  if (residue !== undefined) choice.residue = residue;
  return choice;
}

/** Perplexity's whole responses carry a delta too, which says nothing, or the same. */
function isRepetition(delta: Json | undefined, message: JsonObject): boolean {
  if (!isObject(delta)) return false;
  return Object.entries(delta).every(([name, value]) => !value || value === message[name]);
}

/** An id for a call that the provider gave none: the same in the whole response and in its stream. */
export function spareCallId(responseId: string, choice: number, position: number): string {
  return `call_${responseId.slice(-24)}_${choice}_${position}`.replace('__', '_');
}

function restoreNames(parts: Part[], options: ReadResponseOptions): Part[] {
  const { toolNames } = options;
  if (toolNames === undefined) return parts;
  return parts.map((part) =>
    part.type === 'tool-call' ? { ...part, name: toolNames.get(part.name) ?? part.name } : part,
  );
}

export function readLogprobs(value: JsonObject): Logprobs {
  const { content, refusal, ...rest } = value;
  const logprobs: Logprobs = {};
  if (content === null || Array.isArray(content)) logprobs.content = content;
  else if (content !== undefined) rest.content = content;
  if (refusal === null || Array.isArray(refusal)) logprobs.refusal = refusal;
  else if (refusal !== undefined) rest.refusal = refusal;
  if (Object.keys(rest).length > 0) logprobs.rest = rest;
  return logprobs;
}

export function writeLogprobs(logprobs: Logprobs): JsonObject {
  return { content: logprobs.content, refusal: logprobs.refusal, ...logprobs.rest };
}

/** A context for writing to a client, who has no quirks. */
export function clientContext({ legacyFunctions = false }: WriteResponseOptions): WriteContext {
  return {
    losses: [],
    quirks: {},
    purpose: 'response',
    toolName: (name) => name,
    callId: (id) => id,
    legacyFunctions,
  };
}

/** Writes a whole chat completion for a client. */
export function writeResponse(
  response: CanonResponse,
  options: WriteResponseOptions,
): { body: JsonObject; losses: WriteContext['losses'] } {
  const context = clientContext(options);
  loseResidue(context.losses, '', response.residue, CHAT);
  const draft = Draft.of(response.residue);
  const noted = draft.note('~absent');
  const absent = new Set<Json>(Array.isArray(noted) ? noted : []);
  const omits = (name: string) => absent.has(name) || draft.isBlank(name);
  if (response.id !== '' || !omits('id')) draft.set('id', response.id || options.fallbackId);
  if (!omits('object')) draft.set('object', draft.note('~object') ?? OBJECT);
  if (response.createdSec !== undefined || !omits('created')) {
    draft.number('created', response.createdSec ?? options.nowSec);
  }
  const model = options.model ?? response.model;
  if (model !== '' || !omits('model')) draft.set('model', model);
  draft.set(
    'choices',
    response.choices.map((choice, at) => writeChoice(choice, `choices[${at}]`, context)),
  );
  if (response.usage !== undefined) draft.set('usage', writeUsage(response.usage));
  draft.set('service_tier', response.serviceTier);
  return { body: draft.done(), losses: context.losses };
}

function writeChoice(choice: Choice, path: string, context: WriteContext): JsonObject {
  loseResidue(context.losses, path, choice.residue, CHAT);
  const draft = Draft.of(choice.residue);
  const isOwn = draft.note('~own') === true;
  if (draft.note('~index') !== 'absent') draft.number('index', choice.index);
  if (draft.note('~noMessage') !== true) {
    const message = new Draft(draft.inner('message'));
    const role = message.note('~role');
    if (role === undefined) message.set('role', 'assistant');
    else if (role !== 'absent') message.set('role', role);
    const placed = choice.parts.map((part, at): Placed => ({ part, path: `${path}.parts[${at}]` }));
    writeAssistant(message, placed, context);
    if (!isOwn && message.body.refusal === undefined) message.set('refusal', null);
    draft.set('message', message.done());
  }
  if (choice.logprobs !== undefined) draft.set('logprobs', writeLogprobs(choice.logprobs));
  else if (!isOwn) draft.set('logprobs', null);
  if (choice.finish !== undefined) draft.set('finish_reason', writeFinish(choice.finish, `${path}.finish`, context));
  else if (!isOwn) draft.set('finish_reason', null);
  return draft.done();
}
