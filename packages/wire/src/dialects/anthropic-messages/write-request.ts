import { type Loss, loseResidue } from '../../canon/loss.ts';
import type { CanonRequest } from '../../canon/request.ts';
import type { WriteRequestOptions, WrittenRequest } from '../../dialect.ts';
import { isObject, type JsonObject } from '../../json/value.ts';
import { writeContext } from './blocks.ts';
import { carried } from './cache-mark.ts';
import { CACHE_MARKS_MAX, limitCacheMarks } from './cache-marks.ts';
import { ANTHROPIC, exactNumber, formNote } from './fields.ts';
import { writeMessages } from './messages.ts';
import { FittingNames, fitCallId } from './names.ts';
import { writeReasoning } from './reasoning.ts';
import { writeResponseFormat } from './response-format.ts';
import { writeSampling } from './sampling.ts';
import { writeToolChoice, writeTools } from './tools.ts';

/** Output bound sent when the caller gave none: the API demands one. Models before 4 give no more. */
const MAX_TOKENS_DEFAULT = 4096;

/**
 * Writes a request. One read from this dialect comes back as it was; one of another dialect is brought into the shape
 * the API accepts, and every difference is reported.
 */
export function writeRequest(original: CanonRequest, options: WriteRequestOptions): WrittenRequest {
  const losses: Loss[] = [];
  const isOwn = formNote(original.residue, 'own') === true;
  const request = settleCacheMarks(original, isOwn, options, losses);
  const names = new FittingNames(toolNames(request), options.quirks.toolNameCharsMax);
  const context = writeContext('request', losses, { toolName: (name) => names.fit(name), callId: fitCallId });
  loseUnsayable(request, losses);
  const { system, messages, thinkingLost } = writeMessages(request.messages, context);
  const tools = request.tools && writeTools(request.tools, context);
  const toolChoice = writeToolChoice(request, (tools?.length ?? 0) > 0, context);
  const hindrance = thinkingLost ? THINKING_LOST : !isOwn && isForced(toolChoice) ? FORCED : undefined;
  const reasoning = writeReasoning(request, { model: options.model, quirks: options.quirks, losses, hindrance });
  const fields: JsonObject = {
    ...(options.model ? { model: options.model } : {}),
    max_tokens: maxTokens(request, isOwn, reasoning.roomTokens, options, losses),
    system,
    messages,
    tools: tools?.length === 0 && !isOwn ? undefined : tools,
    tool_choice: toolChoice,
    thinking: reasoning.thinking,
    ...writeSampling(request, isThinking(reasoning.thinking), options.model, losses),
    stop_sequences: stopSequences(request, isOwn, losses),
    stream: request.stream,
    service_tier: serviceTier(request, isOwn, losses),
    ...carried(request),
  };
  const rest = carried(request);
  Object.assign(fields, metadata(request, rest), output(request, rest, reasoning.effort, losses));
  const body = without(options.quirks.refusedFields ?? [], fields, losses);
  return { body, losses, ...(names.changed.size > 0 && { toolNames: names.changed }) };
}

const THINKING_LOST = 'the last answer calls tools and its thinking is gone, so this turn cannot think';
const FORCED = 'a forced tool excludes thinking';

function settleCacheMarks(request: CanonRequest, isOwn: boolean, options: WriteRequestOptions, losses: Loss[]) {
  if (options.quirks.cacheMarks === false) return limitCacheMarks(request, 0, losses);
  return isOwn ? request : limitCacheMarks(request, CACHE_MARKS_MAX, losses);
}

function* toolNames(request: CanonRequest): Iterable<string> {
  for (const tool of request.tools ?? []) if (tool.name !== undefined) yield tool.name;
  for (const message of request.messages) {
    for (const part of message.parts) if (part.type === 'tool-call') yield part.name;
  }
}

/** Demands that have no counterpart at all. */
function loseUnsayable(request: CanonRequest, losses: Loss[]): void {
  loseResidue(losses, '', request.residue, ANTHROPIC);
  if (request.n !== undefined) losses.push({ path: 'n', kind: 'dropped', reason: 'the API gives one answer, always' });
  if (request.logprobs !== undefined) {
    losses.push({ path: 'logprobs', kind: 'dropped', reason: 'the API gives no probabilities' });
  }
  if (request.metadata !== undefined) {
    losses.push({ path: 'metadata', kind: 'dropped', reason: 'the API takes the id of a user and no more' });
  }
}

function isForced(toolChoice: JsonObject | undefined): boolean {
  return toolChoice?.type === 'any' || toolChoice?.type === 'tool';
}

function isThinking(thinking: JsonObject | undefined): boolean {
  return thinking !== undefined && thinking.type !== 'disabled';
}

function maxTokens(
  request: CanonRequest,
  isOwn: boolean,
  roomTokens: number,
  options: WriteRequestOptions,
  losses: Loss[],
) {
  const asked = request.maxOutputTokens;
  if (asked !== undefined) return exactNumber(request.residue, 'max_tokens', asked);
  if (isOwn) return undefined;
  losses.push({ path: 'maxOutputTokens', kind: 'added', reason: 'the API demands a bound of the output' });
  return (options.quirks.maxTokensDefault ?? MAX_TOKENS_DEFAULT) + roomTokens;
}

/** A sequence of white space alone is refused. */
function stopSequences(request: CanonRequest, isOwn: boolean, losses: Loss[]): string[] | undefined {
  const { stop } = request;
  if (stop === undefined || isOwn) return stop;
  const sent: string[] = [];
  for (const [i, text] of stop.entries()) {
    if (text.trim() !== '') sent.push(text);
    else losses.push({ path: `stop[${i}]`, kind: 'dropped', reason: 'white space alone cannot stop the model here' });
  }
  return sent.length === 0 ? undefined : sent;
}

/** The tiers are named otherwise elsewhere. @see https://docs.claude.com/en/api/service-tiers */
function serviceTier(request: CanonRequest, isOwn: boolean, losses: Loss[]): string | undefined {
  const tier = request.serviceTier;
  if (tier === undefined || isOwn || tier === 'auto' || tier === 'standard_only') return tier;
  const isDefault = tier === 'default';
  const reason = isDefault ? 'said as standard_only' : `there is no tier ${tier} here`;
  losses.push({ path: 'serviceTier', kind: isDefault ? 'changed' : 'dropped', reason });
  return isDefault ? 'standard_only' : undefined;
}

function metadata(request: CanonRequest, rest: JsonObject): JsonObject {
  if (request.userId === undefined) return {};
  return { metadata: { ...(isObject(rest.metadata) ? rest.metadata : {}), user_id: request.userId } };
}

function output(request: CanonRequest, rest: JsonObject, effort: string | undefined, losses: Loss[]): JsonObject {
  const format = writeResponseFormat(request, losses);
  const written: JsonObject = format?.field === 'output_format' ? { output_format: format.format } : {};
  const config: JsonObject = { ...(isObject(rest.output_config) ? rest.output_config : {}) };
  if (effort !== undefined) config.effort = effort;
  if (format?.field === 'output_config') config.format = format.format;
  if (Object.keys(config).length > 0) written.output_config = config;
  return written;
}

/** Where the canon has what a field says. */
const CANON_PATH: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'maxOutputTokens'],
  ['temperature', 'sampling.temperature'],
  ['top_p', 'sampling.topP'],
  ['top_k', 'sampling.topK'],
  ['stop_sequences', 'stop'],
  ['tool_choice', 'toolChoice'],
  ['thinking', 'reasoning'],
  ['output_format', 'responseFormat'],
  ['service_tier', 'serviceTier'],
  ['cache_control', 'cacheMark'],
  ['metadata', 'userId'],
  ['tools', 'tools'],
  ['stream', 'stream'],
]);

function pathsOf(field: string): string[] {
  if (field === 'output_config') return ['reasoning.effort', 'responseFormat', `residue.${ANTHROPIC}.${field}`];
  return [CANON_PATH.get(field) ?? `residue.${ANTHROPIC}.${field}`];
}

function without(refused: readonly string[], fields: JsonObject, losses: Loss[]): JsonObject {
  const body: JsonObject = {};
  for (const name in fields) {
    const value = fields[name];
    if (value === undefined) continue;
    if (!refused.includes(name)) {
      body[name] = value;
      continue;
    }
    for (const path of pathsOf(name)) losses.push({ path, kind: 'dropped', reason: 'the provider refuses it' });
  }
  return body;
}
