import { fold } from '@turnpike/wire/canon/fold.ts';
import type { CanonResponse } from '@turnpike/wire/canon/response.ts';
import { unfold } from '@turnpike/wire/canon/unfold.ts';
import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Dialect, ResponseTap } from '@turnpike/wire/dialect.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { SseDecoder } from '@turnpike/wire/framing/sse.ts';
import { parseJson } from '@turnpike/wire/json/parse.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import { isObject, type JsonObject } from '@turnpike/wire/json/value.ts';
import type { Deadlines, Endpoint } from '../config/snapshot.ts';
import type { Body, Exchange } from '../exchange.ts';
import { nowMs } from '../runtime/clock.ts';
import { UpstreamCall } from '../runtime/upstream.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';
import { dialects } from './dialects.ts';
import type { Prepared } from './lane.ts';
import { outgoingHeaders } from './outgoing-headers.ts';
import { RawRelay, type Relay, TranslateRelay } from './relay.ts';
import type { Services } from './services.ts';

/** What an endpoint answered, with nothing sent to the client yet. */
export type Answer = WholeAnswer | StreamAnswer;

export interface WholeAnswer {
  readonly type: 'whole';
  readonly endpoint: Endpoint;
  readonly row: AttemptRow;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly contentType: 'application/json' | 'text/event-stream';
  readonly usage: Usage | undefined;
  readonly finish: string | undefined;
  readonly responseId: string | undefined;
}

export interface StreamAnswer {
  readonly type: 'stream';
  readonly endpoint: Endpoint;
  readonly row: AttemptRow;
  readonly headers: Headers;
  readonly response: Response;
  readonly call: UpstreamCall;
  readonly relay: Relay;
  /** What is ready for the client; the stream has begun. */
  readonly first: Uint8Array;
  /** The provider's stream ended within `first`. */
  readonly isComplete: boolean;
}

interface Try {
  readonly endpoint: Endpoint;
  readonly prepared: Prepared;
  readonly row: AttemptRow;
}

/** Shorter ones would blot out ordinary words. */
const SECRET_CHARS_MIN = 8;
/** Most of an error body that is read; the rest tells nobody anything. */
const ERROR_BYTES_MAX = 256 * 1024;

/** Calls one endpoint. @throws Fault whatever went wrong before the client saw a byte. */
export async function tryEndpoint(services: Services, exchange: Exchange, body: Body, attempt: Try): Promise<Answer> {
  const { endpoint, prepared, row } = attempt;
  const target = dialects[endpoint.provider.dialect];
  const isSameDialect = target.id === exchange.face.id;
  const call = new UpstreamCall(
    {
      url: addressOf(endpoint, exchange, isSameDialect),
      headers: outgoingHeaders(endpoint, body.isStream, isSameDialect ? exchange.request.headers : undefined),
      body: prepared.body,
      bounds: boundsOf(endpoint, body.isStream),
      clientSignal: exchange.request.signal,
      onSlow: exchange.holdOpen,
    },
    services.alarms,
    services.reachability,
  );
  try {
    const response = await call.open();
    row.status = response.status;
    row.upstreamRequestId = response.headers.get('x-request-id') ?? response.headers.get('request-id') ?? undefined;
    if (response.status < 200 || response.status > 299)
      throw await readError(exchange, call, response, attempt, target);
    const isEventStream = response.headers.get('content-type')?.includes('text/event-stream') === true;
    if (body.isStream && isEventStream) return await openStream(exchange, call, response, attempt, target);
    const bytes = await call.readAll(response, exchange.snapshot.server.responseBytesMax);
    const answer = isEventStream
      ? foldStream(exchange, response, bytes, attempt, target)
      : readWhole(exchange, body, response, bytes, attempt, target);
    call.close();
    return answer;
  } catch (error) {
    call.abandon();
    throw error;
  }
}

function boundsOf({ deadlines }: Endpoint, isStream: boolean): Deadlines {
  const { streamFirstByteMs } = deadlines;
  return isStream && streamFirstByteMs !== undefined ? { ...deadlines, firstByteMs: streamFirstByteMs } : deadlines;
}

const PATHS = {
  'openai-chat': { generate: '/chat/completions', 'count-tokens': '' },
  'anthropic-messages': { generate: '/messages', 'count-tokens': '/messages/count_tokens' },
} as const;

function addressOf(endpoint: Endpoint, exchange: Exchange, isSameDialect: boolean): string {
  const path = PATHS[endpoint.provider.dialect][exchange.operation];
  // Query parameters (`?beta=true`) mean something only to a provider of the same dialect.
  const question = isSameDialect ? exchange.request.url.indexOf('?') : -1;
  return endpoint.baseUrl + path + (question < 0 ? '' : exchange.request.url.slice(question));
}

async function readError(
  exchange: Exchange,
  call: UpstreamCall,
  response: Response,
  attempt: Try,
  target: Dialect,
): Promise<Fault> {
  const bytes = withoutSecrets(await call.readAll(response, ERROR_BYTES_MAX), attempt.endpoint);
  const fault = target.readFault(response.status, withRelativeRetry(response.headers), bytes);
  exchange.upstreamError = { fault, dialect: target.id, headers: response.headers, bytes };
  return fault;
}

/** `Retry-After` may be a date. The codecs know no clock, so it becomes seconds here. */
function withRelativeRetry(headers: Headers): Headers {
  const atMs = Date.parse(headers.get('retry-after') ?? '');
  const isDate = /[a-z]/i.test(headers.get('retry-after') ?? '') && Number.isFinite(atMs);
  if (!isDate) return headers;
  const relative = new Headers(headers);
  relative.set('retry-after', String(Math.max(0, Math.ceil((atMs - nowMs()) / 1000))));
  return relative;
}

/** Some providers repeat the key they were sent. It must not reach the client. */
function withoutSecrets(bytes: Uint8Array, { credential = '', headers }: Endpoint): Uint8Array {
  const secrets = [credential, ...Object.values(headers)].filter(({ length }) => length >= SECRET_CHARS_MIN);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const found = secrets.filter((secret) => text.includes(secret));
  if (found.length === 0) return bytes;
  return Buffer.from(found.reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text.toString('utf8')));
}

function readWhole(
  exchange: Exchange,
  body: Body,
  response: Response,
  bytes: Uint8Array,
  attempt: Try,
  target: Dialect,
): WholeAnswer {
  const { endpoint, prepared } = attempt;
  if (exchange.operation === 'count-tokens') return wholeAnswer(attempt, response, bytes, undefined);
  const tap = target.tapResponse(bytes);
  if (tap === undefined) throw notAnAnswer(response, withoutSecrets(bytes, endpoint), target);
  if (target.id === exchange.face.id && !body.isStream) return wholeAnswer(attempt, response, bytes, tap);

  const read = { toolNames: prepared.toolNames, quirks: endpoint.provider.quirks };
  const canon = target.readResponse(jsonObject(bytes), read);
  if (!body.isStream) return wholeAnswer(attempt, response, writeWhole(exchange, prepared, canon), tap);
  // A stream was asked for and a whole answer came: the client gets the stream it would have been.
  const writer = exchange.face.streamWriter(writeOptions(exchange, prepared));
  const text = unfold(canon)
    .map((event) => writer.write(event))
    .join('');
  exchange.losses = [...exchange.losses, ...writer.losses];
  return wholeAnswer(attempt, response, new TextEncoder().encode(text), tap, 'text/event-stream');
}

function wholeAnswer(
  { endpoint, row }: Try,
  { headers }: Response,
  bytes: Uint8Array,
  seen: ResponseTap | undefined,
  contentType: WholeAnswer['contentType'] = 'application/json',
): WholeAnswer {
  return {
    type: 'whole',
    endpoint,
    row,
    headers,
    bytes,
    contentType,
    usage: seen?.usage,
    finish: seen?.finish?.unified,
    responseId: seen?.responseId,
  };
}

/** A whole answer was asked for and a stream came: the client gets its fold. */
function foldStream(
  exchange: Exchange,
  response: Response,
  bytes: Uint8Array,
  { endpoint, prepared, row }: Try,
  target: Dialect,
): WholeAnswer {
  const decoder = new SseDecoder();
  const reader = target.streamReader({ toolNames: prepared.toolNames, quirks: endpoint.provider.quirks });
  const events = [...decoder.push(bytes), ...decoder.end().events].flatMap((event) => reader.read(event));
  events.push(...reader.end());
  for (const event of events) if (event.type === 'fault') throw event.fault;
  const canon = fold(events);
  if (canon.choices.every(({ parts, finish }) => parts.length === 0 && finish === undefined)) {
    throw new Fault('upstream_garbled', { message: 'The provider ended the stream without an answer.' });
  }
  return {
    type: 'whole',
    endpoint,
    row,
    headers: response.headers,
    contentType: 'application/json',
    bytes: writeWhole(exchange, prepared, canon),
    usage: canon.usage,
    finish: canon.choices[0]?.finish?.unified,
    responseId: canon.id,
  };
}

function writeWhole(exchange: Exchange, prepared: Prepared, canon: CanonResponse): Uint8Array {
  const written = exchange.face.writeResponse(canon, writeOptions(exchange, prepared));
  exchange.losses = [...exchange.losses, ...written.losses];
  return new TextEncoder().encode(stringifyJson(written.body));
}

function writeOptions(exchange: Exchange, prepared: Prepared) {
  const { streamUsage, legacyFunctions = false } = prepared;
  return { fallbackId: exchange.id, nowSec: Math.floor(nowMs() / 1000), streamUsage, legacyFunctions };
}

/** A success by status whose body is none: an error in disguise, an empty body, a page of a proxy. */
function notAnAnswer(response: Response, bytes: Uint8Array, target: Dialect): Fault {
  if (bytes.length === 0)
    return new Fault('upstream_garbled', { message: 'The provider answered with an empty body.' });
  return 'error' in jsonObject(bytes)
    ? target.readFault(response.status, response.headers, bytes)
    : new Fault('upstream_garbled', { message: 'The provider answered with something that is no answer.' });
}

function jsonObject(bytes: Uint8Array): JsonObject {
  try {
    const value = parseJson(new TextDecoder().decode(bytes));
    if (isObject(value)) return value;
  } catch (error) {
    throw new Fault('upstream_garbled', { message: 'The provider did not answer with JSON.', cause: error });
  }
  throw new Fault('upstream_garbled', { message: 'The provider did not answer with a JSON object.' });
}

/** Reads until there is something for the client, so that a stream that fails at once can still be tried elsewhere. */
async function openStream(
  exchange: Exchange,
  call: UpstreamCall,
  response: Response,
  { endpoint, prepared, row }: Try,
  target: Dialect,
): Promise<StreamAnswer> {
  const relay: Relay =
    target.id === exchange.face.id
      ? new RawRelay(target, prepared.stripUsage)
      : new TranslateRelay(
          target,
          exchange.face,
          { toolNames: prepared.toolNames, quirks: endpoint.provider.quirks },
          writeOptions(exchange, prepared),
        );
  for (;;) {
    const chunk = await call.read(response);
    const first = chunk === undefined ? relay.end() : relay.push(chunk);
    if (relay.fault !== undefined && relay.contentEvents === 0) throw relay.fault;
    if (first.length === 0 && chunk !== undefined) continue;
    const isComplete = chunk === undefined;
    return { type: 'stream', endpoint, row, headers: response.headers, response, call, relay, first, isComplete };
  }
}
