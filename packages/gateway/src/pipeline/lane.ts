import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { Dialect } from '@turnpike/wire/dialect.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { fieldJson } from '@turnpike/wire/json/lens.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { type Edit, splice } from '@turnpike/wire/json/splice.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange, Lane } from '../exchange.ts';
import { patchEdits } from './patch.ts';

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
  const edits: Edit[] = [];
  if (endpoint.model !== body.model)
    edits.push({ type: 'replace', name: 'model', json: JSON.stringify(endpoint.model) });
  const usage = generates ? usageEdit(body, endpoint) : { streamUsage: false };
  if (usage.edit !== undefined) edits.push(usage.edit);
  const patch = patchEdits(body, endpoint);
  edits.push(...patch.edits);
  return {
    lane: patch.edits.length === 0 ? 'raw' : 'patch',
    body: edits.length === 0 ? body.bytes : splice(body.bytes, body.lens, edits),
    losses: patch.losses,
    stripUsage: usage.edit !== undefined,
    streamUsage: usage.streamUsage,
  };
}

/**
 * An OpenAI stream reports usage only when asked. Accounting needs it, so the gateway asks, and takes the report out of
 * the stream again when the client did not want it.
 *
 * @see https://platform.openai.com/docs/api-reference/chat/create#chat-create-stream_options
 */
function usageEdit(body: Body, endpoint: Endpoint): { edit?: Edit; streamUsage: boolean } {
  if (!body.isStream || endpoint.provider.dialect !== 'openai-chat') return { streamUsage: false };
  const field = body.lens.fields.get('stream_options');
  const options = field === undefined ? undefined : fieldJson(body.bytes, field);
  if (isObject(options) && options.include_usage === true) return { streamUsage: true };
  if (endpoint.provider.quirks.streamUsageOption === false) return { streamUsage: false };
  const wanted: JsonObject = { ...(isObject(options) ? options : {}), include_usage: true };
  const json = stringifyJson(wanted);
  return {
    edit:
      field === undefined
        ? { type: 'insert', name: 'stream_options', json }
        : { type: 'replace', name: 'stream_options', json },
    streamUsage: false,
  };
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
  const written = target.writeRequest(request, { model: endpoint.model, quirks: endpoint.provider.quirks });
  return {
    lane: 'translate',
    body: encoder.encode(stringifyJson(written.body)),
    losses: written.losses,
    toolNames: written.toolNames,
    stripUsage: false,
    streamUsage,
  };
}
