import { loseResidue } from '../../canon/loss.ts';
import type { CanonRequest, Sampling } from '../../canon/request.ts';
import type { WriteRequestOptions, WrittenRequest } from '../../dialect.ts';
import type { JsonObject } from '../../json/value.ts';
import { readCacheMark, writeCacheMark } from './cache-mark.ts';
import { shortCallIds } from './call-ids.ts';
import { change, drop, type WriteContext } from './context.ts';
import { CHAT, Draft, Fields } from './fields.ts';
import { readMessages } from './messages.ts';
import { canonPathOf } from './paths.ts';
import { readReasoningRequest, writeReasoningRequest } from './reasoning-request.ts';
import { readResponseFormat, writeResponseFormat } from './response-format.ts';
import { shortNames, TOOL_NAME_CHARS_MAX } from './tool-names.ts';
import { readToolChoice, readTools, writeToolChoice, writeTools } from './tools.ts';
import { writeMessages } from './write-messages.ts';

/** Fields that hold one number or word and mean the same in the canon. */
const samplingFields: readonly [keyof Sampling, string][] = [
  ['temperature', 'temperature'],
  ['topP', 'top_p'],
  ['topK', 'top_k'],
  ['minP', 'min_p'],
  ['frequencyPenalty', 'frequency_penalty'],
  ['presencePenalty', 'presence_penalty'],
  ['seed', 'seed'],
];

/**
 * Reads a chat completion request.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create
 * @throws Fault `body_invalid` naming the field.
 */
export function readRequest(body: JsonObject): CanonRequest {
  const fields = new Fields(body, '');
  const model = fields.string('model');
  if (model === undefined) fields.note('~model', 'absent');
  const request: CanonRequest = { model: model ?? '', messages: readMessages(fields), sampling: readSampling(fields) };
  const optional: Partial<CanonRequest> = {
    tools: readTools(fields),
    toolChoice: readToolChoice(fields),
    parallelToolCalls: fields.boolean('parallel_tool_calls'),
    responseFormat: readResponseFormat(fields),
    maxOutputTokens: readMaxTokens(fields),
    stop: readStop(fields),
    n: fields.number('n'),
    logprobs: readLogprobs(fields),
    reasoning: readReasoningRequest(fields),
    stream: fields.boolean('stream'),
    streamUsage: readStreamUsage(fields),
    userId: fields.string('user'),
    metadata: fields.object('metadata'),
    serviceTier: fields.string('service_tier'),
    cacheMark: readCacheMark(fields),
  };
  for (const [name, value] of Object.entries(optional)) {
    if (value !== undefined) Object.assign(request, { [name]: value });
  }
  const residue = fields.residue();
  if (residue !== undefined) request.residue = residue;
  return request;
}

function readSampling(fields: Fields): Sampling {
  const sampling: Sampling = {};
  for (const [name, field] of samplingFields) {
    const value = fields.number(field);
    if (value !== undefined) sampling[name] = value;
  }
  return sampling;
}

/** `max_completion_tokens` holds over the older `max_tokens`; which one was used is noted. */
function readMaxTokens(fields: Fields): number | undefined {
  const newer = fields.number('max_completion_tokens');
  const older = fields.number('max_tokens');
  if (older !== undefined && newer !== undefined && older !== newer) fields.leave('max_tokens');
  else if (older !== undefined) fields.note('~maxTokens', newer === undefined ? 'max_tokens' : 'both');
  return newer ?? older;
}

function readStop(fields: Fields): string[] | undefined {
  const stop = fields.take('stop');
  if (stop === undefined) return undefined;
  if (typeof stop === 'string') {
    fields.note('~stop', 'string');
    return [stop];
  }
  const isList = Array.isArray(stop) && stop.every((one) => typeof one === 'string');
  return isList ? stop : fields.reject('stop', 'a string or a list of strings');
}

function readLogprobs(fields: Fields): CanonRequest['logprobs'] {
  const [enabled, top] = [fields.boolean('logprobs'), fields.number('top_logprobs')];
  if (enabled === undefined && top === undefined) return undefined;
  return { ...(enabled === undefined ? {} : { enabled }), ...(top === undefined ? {} : { top }) };
}

function readStreamUsage(fields: Fields): boolean | undefined {
  const options = fields.nested('stream_options');
  if (options === undefined) return undefined;
  const include = options.boolean('include_usage');
  fields.keep('stream_options', options);
  if (Object.keys(options.source).length === 0) fields.blank('stream_options', {});
  return include;
}

/** Writes a request for a provider, obeying its quirks. */
export function writeRequest(request: CanonRequest, options: WriteRequestOptions): WrittenRequest {
  const { quirks } = options;
  const names = shortNames(request, quirks.toolNameCharsMax ?? TOOL_NAME_CHARS_MAX);
  const callIds = shortCallIds(request);
  const context: WriteContext = {
    losses: [],
    quirks,
    purpose: 'request',
    toolName: names.send,
    callId: callIds.send,
    legacyFunctions: false,
  };
  loseResidue(context.losses, '', request.residue, CHAT);
  const body = Draft.of(request.residue);
  if (options.model !== '' || body.note('~model') !== 'absent') body.set('model', options.model);
  body.set('messages', writeMessages(request.messages, context));
  for (const [name, field] of samplingFields) body.number(field, request.sampling[name]);
  writeOptional(body, request, context);
  writeMaxTokens(body, request, context);
  writeStream(body, request, context);
  writeCacheMark(body, request.cacheMark, context, '');
  const written = body.done();
  refuse(written, context);
  const result: WrittenRequest = { body: written, losses: context.losses };
  if (names.restored.size > 0) result.toolNames = names.restored;
  return result;
}

function writeOptional(body: Draft, request: CanonRequest, context: WriteContext): void {
  writeToolUse(body, request, context);
  if (request.responseFormat !== undefined) writeResponseFormat(body, request.responseFormat, context);
  if (request.stop !== undefined) {
    const isBare = body.note('~stop') === 'string' && request.stop.length === 1;
    body.set('stop', isBare ? request.stop[0] : request.stop);
  }
  body.number('n', request.n);
  body.set('logprobs', request.logprobs?.enabled);
  body.number('top_logprobs', request.logprobs?.top);
  if (request.reasoning !== undefined) writeReasoningRequest(body, request.reasoning, context);
  body.set('user', request.userId);
  body.set('metadata', request.metadata);
  body.set('service_tier', serviceTier(request.serviceTier, context));
}

/** Tools, and how to choose among them; where every tool was lost there is nothing left to choose. */
function writeToolUse(body: Draft, request: CanonRequest, context: WriteContext): void {
  if (request.tools !== undefined) writeTools(body, request.tools, context);
  const areLost = request.tools !== undefined && request.tools.length > 0;
  if (areLost && body.body.tools === undefined && body.body.functions === undefined) {
    const why = 'none of the tools can be sent';
    if (request.toolChoice !== undefined) drop(context, 'toolChoice', why);
    if (request.parallelToolCalls !== undefined) drop(context, 'parallelToolCalls', why);
    return;
  }
  if (request.toolChoice !== undefined) writeToolChoice(body, request.toolChoice, context);
  body.set('parallel_tool_calls', request.parallelToolCalls);
}

/** Anthropic's word for "no priority, please" is the default here. */
function serviceTier(tier: string | undefined, context: WriteContext): string | undefined {
  if (tier !== 'standard_only') return tier;
  change(context, 'serviceTier', 'standard_only is called default');
  return 'default';
}

function writeMaxTokens(body: Draft, request: CanonRequest, context: WriteContext): void {
  const { maxOutputTokens } = request;
  if (maxOutputTokens === undefined) return;
  const noted = body.note('~maxTokens');
  const field = context.quirks.maxTokensField;
  if (field === undefined && noted === 'both') body.number('max_tokens', maxOutputTokens);
  body.number(field ?? (noted === 'max_tokens' ? noted : 'max_completion_tokens'), maxOutputTokens);
}

function writeStream(body: Draft, request: CanonRequest, context: WriteContext): void {
  body.set('stream', request.stream);
  const options = new Draft(body.inner('stream_options'));
  if (request.streamUsage !== undefined) {
    if (context.quirks.streamUsageOption !== false) options.set('include_usage', request.streamUsage);
    else if (request.streamUsage) drop(context, 'streamUsage', 'the provider cannot be asked for usage in a stream');
  }
  const written = options.done();
  if (Object.keys(written).length > 0) body.set('stream_options', written);
}

/** Takes out the top-level fields the provider refuses. */
function refuse(body: JsonObject, context: WriteContext): void {
  for (const field of context.quirks.refusedFields ?? []) {
    if (body[field] === undefined) continue;
    delete body[field];
    drop(context, canonPathOf(field), `the provider refuses ${field}`);
  }
}
