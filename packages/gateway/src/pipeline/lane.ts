import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { asksByFunctions } from '@turnpike/wire/dialects/openai-chat/legacy-functions.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { fieldJson } from '@turnpike/wire/json/lens.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { splice } from '@turnpike/wire/json/splice.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange, Lane } from '../exchange.ts';
import { patchFields } from './patch.ts';

/** The request made ready for one endpoint, and what is needed to read its answer. */
export interface Prepared {
  readonly lane: Lane;
  readonly body: Uint8Array;
  readonly losses: readonly Loss[];
  readonly toolNames?: ReadonlyMap<string, string> | undefined;
  /** The gateway asked for usage in the stream although the client did not: it is taken out again. */
  readonly stripUsage: boolean;
  /** Did the client ask for usage in the stream? */
  readonly streamUsage: boolean;
  /** Does the client know tools only as the `functions` of old? */
  readonly legacyFunctions?: boolean;
}

/**
 * Chooses the lane and writes the request for `endpoint`.
 *
 * raw: same dialect; only the fields the gateway owns are spliced. patch: same dialect, but this provider needs named
 * fields otherwise. translate: another dialect, through the canon.
 */
export function prepare(exchange: Exchange, body: Body, endpoint: Endpoint, target: Dialect): Prepared {
  return exchange.face.id === target.id
    ? sameDialect(body, endpoint, exchange.operation === 'generate')
    : translated(exchange.face, body, endpoint, target);
}

function sameDialect(body: Body, endpoint: Endpoint, generates: boolean): Prepared {
  const edits: JsonObject = {};
  if (endpoint.model !== body.model) edits.model = endpoint.model;
  const usage = usageRequest(body, endpoint, generates);
  if (usage.edit !== undefined) edits.stream_options = usage.edit;
  const patch = patchFields(body, endpoint);
  const isPatched = Object.keys(patch.edits).length > 0;
  return {
    lane: isPatched || body.changes !== undefined ? 'patch' : 'raw',
    body: splice(body.bytes, body.lens, isPatched ? { ...edits, ...patch.edits } : edits),
    losses: withChanges(body, patch.losses),
    stripUsage: usage.edit !== undefined,
    streamUsage: usage.isWanted,
  };
}

/** What was changed before any endpoint was known comes first. */
function withChanges({ changes }: Body, losses: readonly Loss[]): readonly Loss[] {
  return changes === undefined ? losses : [...changes, ...losses];
}

/**
 * An OpenAI stream reports usage only when asked. Accounting needs it, so the gateway asks, and takes the report out of
 * the stream again when the client did not want it.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options
 */
function usageRequest(body: Body, endpoint: Endpoint, generates: boolean): { edit?: JsonObject; isWanted: boolean } {
  if (!generates || !body.isStream || endpoint.provider.dialect !== 'openai-chat') return { isWanted: false };
  const field = body.lens.fields.get('stream_options');
  const options = field === undefined ? undefined : fieldJson(body.bytes, field);
  if (isObject(options) && options.include_usage === true) return { isWanted: true };
  if (endpoint.provider.quirks.streamUsageOption === false) return { isWanted: false };
  return { edit: { ...(isObject(options) ? options : {}), include_usage: true }, isWanted: false };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function translated(face: Dialect, body: Body, endpoint: Endpoint, target: Dialect): Prepared {
  const parsed = parseJson(decoder.decode(body.bytes));
  if (!isObject(parsed)) throw new Fault('body_malformed', { message: 'The body must be a JSON object.' });
  const request = face.readRequest(parsed);
  const streamUsage = request.streamUsage === true;
  // Asked for always: accounting needs it, and the writer of the client's stream leaves it out if unwanted.
  if (body.isStream) request.streamUsage = true;
  const legacyFunctions = asksByFunctions(request);
  // They are called one at a time: an answer has no place for a second call.
  if (legacyFunctions) request.parallelToolCalls ??= false;
  const written = target.writeRequest(request, { model: endpoint.model, quirks: endpoint.provider.quirks });
  return {
    lane: 'translate',
    body: encoder.encode(stringifyJson(written.body)),
    losses: withChanges(body, written.losses),
    toolNames: written.toolNames,
    stripUsage: false,
    streamUsage,
    legacyFunctions,
  };
}
