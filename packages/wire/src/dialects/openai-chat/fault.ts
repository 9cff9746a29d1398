import { Fault, type FaultDetails, faultCodeOfStatus, faults, type UpstreamError } from '../../fault.ts';
import { parseJson } from '../../json/parse.ts';
import { asNumber, asString, isObject, type Json, type JsonObject } from '../../json/value.ts';

/** Characters of a body that is no JSON to show in a message. */
const TEXT_CHARS_MAX = 300;

/**
 * Reads a provider's error, whatever its shape: `{error: {…}}`, `{error: "…"}`, `{message}`, `{detail}`, a list of such,
 * plain text, or the HTML page of a proxy. Never throws.
 *
 * @param status The HTTP status; below 400 (an error sent as a success) the body's own code decides.
 */
export function readFault(status: number, headers: Headers, body: Uint8Array): Fault {
  const text = new TextDecoder().decode(body);
  let value: Json | undefined;
  try {
    value = parseJson(text);
  } catch {
    value = undefined; // Not JSON: the text itself has to tell.
  }
  const requestId = headers.get('x-request-id') ?? headers.get('request-id') ?? headers.get('apim-request-id');
  const upstream: UpstreamError = value === undefined ? { message: plainMessage(text) } : readUpstream(value);
  if (requestId !== null) upstream.requestId = requestId;
  const retryAfterMs = readRetryAfter(headers);
  return toFault(upstream, status, value, retryAfterMs);
}

/** The fault for an error object sent in a stream or in a body with a good status. */
export function faultOfError(body: JsonObject): Fault {
  return toFault(readUpstream(body), 200, body, undefined);
}

function toFault(upstream: UpstreamError, status: number, body: Json | undefined, retryAfterMs?: number): Fault {
  const said = status >= 400 ? status : statusOf(upstream, body);
  upstream.status = said ?? status;
  const details: FaultDetails = { upstream };
  if (said !== undefined) details.status = said;
  if (upstream.message !== undefined && upstream.message !== '') details.message = upstream.message;
  if (retryAfterMs !== undefined) details.retryAfterMs = retryAfterMs;
  return new Fault(said === undefined ? 'upstream_failed' : faultCodeOfStatus(said), details);
}

/** The error inside a body, in the provider's words. */
function readUpstream(body: Json): UpstreamError {
  if (Array.isArray(body)) return body[0] === undefined ? {} : readUpstream(body[0]);
  if (typeof body === 'string') return { message: body };
  if (!isObject(body)) return {};
  const { error } = body;
  if (typeof error === 'string') return { ...readUpstream({ ...body, error: null }), ...readNamed({ message: error }) };
  const inner = Array.isArray(error) ? error[0] : error;
  if (isObject(inner)) return readNamed(inner);
  return readNamed(body);
}

function readNamed(error: JsonObject): UpstreamError {
  const upstream: UpstreamError = {};
  const message = messageOf(error);
  if (message !== undefined) upstream.message = message;
  for (const name of ['type', 'code', 'param'] as const) {
    const value = error[name];
    if (typeof value === 'string') upstream[name] = value;
    else if (asNumber(value) !== undefined) upstream[name] = String(asNumber(value));
  }
  if (upstream.type === undefined && typeof error.status === 'string') upstream.type = error.status;
  return upstream;
}

/** The message, with what an aggregator quotes from the provider behind it (OpenRouter's `metadata.raw`). */
function messageOf(error: JsonObject): string | undefined {
  const message = asString(error.message) ?? asString(error.msg) ?? asString(error.error_message) ?? detailOf(error);
  const raw = isObject(error.metadata) ? asString(error.metadata.raw) : undefined;
  if (raw === undefined || raw === '') return message;
  return message === undefined ? raw : `${message}: ${raw}`;
}

/** FastAPI's `detail`: a sentence, or a list of `{loc, msg}`. */
function detailOf(error: JsonObject): string | undefined {
  const detail = error.detail ?? error.details ?? error.errors;
  if (typeof detail === 'string') return detail;
  if (isObject(detail)) return asString(detail.message) ?? asString(detail.msg);
  if (!Array.isArray(detail)) return undefined;
  const lines = detail.map((one) => {
    if (typeof one === 'string') return one;
    if (!isObject(one)) return undefined;
    const at = Array.isArray(one.loc) ? `${one.loc.join('.')}: ` : '';
    const said = asString(one.msg) ?? asString(one.message);
    return said === undefined ? undefined : at + said;
  });
  const told = lines.filter((line) => line !== undefined);
  return told.length === 0 ? undefined : told.join('; ');
}

function plainMessage(text: string): string | undefined {
  const isHtml = /^\s*</.test(text);
  const title = isHtml ? /<title[^>]*>([^<]*)<\/title>/i.exec(text)?.[1] : undefined;
  const bare = isHtml ? text.replace(/<(script|style)[\s\S]*?<\/\1>/gi, ' ').replace(/<[^>]*>/g, ' ') : text;
  const line = (title ?? bare).replace(/\s+/g, ' ').trim();
  return line === '' ? undefined : line.slice(0, TEXT_CHARS_MAX);
}

const statusOfWord: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  bad_request: 400,
  invalid_api_key: 401,
  authentication_error: 401,
  permission_error: 403,
  permission_denied: 403,
  not_found_error: 404,
  model_not_found: 404,
  rate_limit_error: 429,
  rate_limit_exceeded: 429,
  insufficient_quota: 429,
  too_many_requests: 429,
  server_error: 500,
  internal_server_error: 500,
  api_error: 500,
  overloaded_error: 529,
  overloaded: 529,
  service_unavailable: 503,
  timeout: 504,
  timeout_error: 504,
};

/** The HTTP status that an error means when it comes without one. */
function statusOf(upstream: UpstreamError, body: Json | undefined): number | undefined {
  const error = isObject(body) && isObject(body.error) ? body.error : isObject(body) ? body : {};
  for (const value of [error.status_code, error.status, error.code]) {
    const number = asNumber(value) ?? (typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : undefined);
    if (number !== undefined && number >= 400 && number <= 599) return number;
  }
  return statusOfWord[upstream.code?.toLowerCase() ?? ''] ?? statusOfWord[upstream.type?.toLowerCase() ?? ''];
}

/** `retry-after-ms`, or `retry-after` in seconds; a date needs a clock and is left to the caller. */
function readRetryAfter(headers: Headers): number | undefined {
  const ms = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (Number.isFinite(ms) && ms >= 0) return Math.round(ms);
  const text = headers.get('retry-after') ?? '';
  return /^\s*\d+(\.\d+)?\s*$/.test(text) ? Math.round(Number(text) * 1000) : undefined;
}

/**
 * Renders a fault as OpenAI's error body. The provider's own type, code and param are kept where it gave them; by the
 * HTTP status (`fault.status`) the official SDKs choose their error class.
 *
 * @see https://platform.openai.com/docs/guides/error-codes
 */
export function writeFault(fault: Fault): JsonObject {
  const { upstream } = fault;
  return {
    error: {
      message: fault.message === '' ? faults[fault.code].says : fault.message,
      type: upstream?.type ?? typeOfStatus(fault.status),
      param: fault.param ?? upstream?.param ?? null,
      code: upstream?.code ?? fault.code,
    },
  };
}

function typeOfStatus(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  if (status === 408 || status === 504) return 'timeout_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Ends a running stream with an error. No `[DONE]` follows: a client must not take it for a proper end. */
export function writeStreamFault(fault: Fault): string {
  return `data: ${JSON.stringify(writeFault(fault))}\n\n`;
}
