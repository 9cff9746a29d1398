import { Fault, type FaultCode, faultCodeOfStatus, type UpstreamError } from '../../fault.ts';
import { encodeSse } from '../../framing/sse.ts';
import { parseJson } from '../../json/parse.ts';
import { asString, isObject, type Json, type JsonObject } from '../../json/value.ts';

/** What each error type of the API means to us. @see https://docs.claude.com/en/api/errors */
const CODE_OF_TYPE: ReadonlyMap<string, FaultCode> = new Map([
  ['invalid_request_error', 'upstream_rejected'],
  ['request_too_large', 'upstream_rejected'],
  ['authentication_error', 'upstream_unauthorized'],
  ['billing_error', 'upstream_forbidden'],
  ['permission_error', 'upstream_forbidden'],
  ['not_found_error', 'upstream_not_found'],
  ['rate_limit_error', 'upstream_rate_limited'],
  ['timeout_error', 'upstream_timeout'],
  ['overloaded_error', 'upstream_overloaded'],
  ['api_error', 'upstream_failed'],
]);

/** Longest piece of a body that is no JSON to be repeated in a message. */
const TEXT_CHARS_MAX = 300;

/** Reads a provider's error response of any shape. Never throws. */
export function readFault(status: number, headers: Headers, body: Uint8Array): Fault {
  const text = new TextDecoder().decode(body);
  const requestId = headers.get('request-id') ?? headers.get('x-request-id') ?? undefined;
  const upstream: UpstreamError = { status, ...(requestId === undefined ? {} : { requestId }), ...readError(text) };
  const retryAfterMs = readRetryAfter(headers);
  return faultOf(upstream, status, retryAfterMs);
}

/** Reads an `error` event: an error that came after the status line said 200. */
export function readStreamFault(value: JsonObject): Fault {
  return faultOf(readErrorValue(value), undefined, undefined);
}

function faultOf(upstream: UpstreamError, status: number | undefined, retryAfterMs: number | undefined): Fault {
  // `api_error` says only that something failed; a status beside it says more.
  const isVague = upstream.type === 'api_error' && status !== undefined && status >= 400;
  const byType = upstream.type === undefined || isVague ? undefined : CODE_OF_TYPE.get(upstream.type);
  const code = byType ?? (status === undefined ? 'upstream_failed' : faultCodeOfStatus(status));
  return new Fault(code, {
    upstream,
    ...(upstream.message === undefined ? {} : { message: upstream.message }),
    ...(status !== undefined && status >= 400 ? { status } : {}),
    ...(upstream.type === 'request_too_large' && status === undefined ? { status: 413 } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

function readError(text: string): UpstreamError {
  let value: Json;
  try {
    value = parseJson(text);
  } catch {
    return readErrorText(text); // An HTML page of a proxy, or plain words: there is still something to tell.
  }
  const error = Array.isArray(value) ? value[0] : value;
  return isObject(error) ? readErrorValue(error) : readErrorText(text);
}

/** This API's own shape, and those of the clouds that serve it (`{error:{status,message}}`, `{message}`). */
function readErrorValue(value: JsonObject): UpstreamError {
  const inner = isObject(value.error) ? value.error : value;
  const upstream: UpstreamError = {};
  const message =
    asString(inner.message) ?? asString(value.error) ?? asString(value.message) ?? asString(value.Message);
  const type = inner === value ? undefined : (asString(inner.type) ?? asString(inner.status));
  const code = asString(inner.code);
  const requestId = asString(value.request_id);
  if (message !== undefined) upstream.message = message;
  if (type !== undefined) upstream.type = type;
  if (code !== undefined) upstream.code = code;
  if (requestId !== undefined) upstream.requestId = requestId;
  const param = /^([a-z_]+(?:\.[\w]+)*): /.exec(message ?? '')?.[1];
  if (param !== undefined) upstream.param = param;
  return upstream;
}

function readErrorText(text: string): UpstreamError {
  const words = text
    .replace(/<(style|script)\b[\s\S]*?<\/\1>|<[^>]*>/gi, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return words === '' ? {} : { message: words.slice(0, TEXT_CHARS_MAX) };
}

/** Seconds, or milliseconds in the header of that name. A date would need a clock to be understood. */
function readRetryAfter(headers: Headers): number | undefined {
  const ms = Number(headers.get('retry-after-ms') ?? Number.NaN);
  if (Number.isFinite(ms) && ms >= 0) return Math.round(ms);
  const text = headers.get('retry-after')?.trim();
  const seconds = text ? Number(text) : Number.NaN;
  return Number.isFinite(seconds) && seconds >= 0 ? Math.round(seconds * 1000) : undefined;
}

/** Renders a fault as this API's error body. The type fits the status, so that clients raise the class they know. */
export function writeFault(fault: Fault): JsonObject {
  const requestId = fault.upstream?.requestId;
  return {
    type: 'error',
    error: { type: typeOf(fault), message: messageOf(fault) },
    ...(requestId === undefined ? {} : { request_id: requestId }),
  };
}

export function writeStreamFault(fault: Fault): string {
  return encodeSse({ event: 'error', data: JSON.stringify(writeFault(fault)) });
}

function messageOf(fault: Fault): string {
  const said = fault.upstream?.message;
  const message = said === undefined || fault.message.includes(said) ? fault.message : `${fault.message} (${said})`;
  const param = fault.param;
  return param === undefined || message.includes(param) ? message : `${param}: ${message}`;
}

const TYPE_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [408, 'timeout_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

function typeOf(fault: Fault): string {
  const own = fault.upstream?.type;
  if (own !== undefined && CODE_OF_TYPE.get(own) === fault.code) return own;
  if (fault.code === 'overloaded' || fault.code === 'upstream_overloaded') return 'overloaded_error';
  return TYPE_OF_STATUS.get(fault.status) ?? (fault.status >= 500 ? 'api_error' : 'invalid_request_error');
}
