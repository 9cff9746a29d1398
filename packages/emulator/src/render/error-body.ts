import type { DialectId } from '@turnpike/wire/canon/residue.ts';
import type { JsonObject } from '@turnpike/wire/json/value.ts';
import { jsonPlan, type WirePlan } from '../http/wire-plan.ts';

interface ErrorWords {
  openaiType: string;
  openaiCode: string | null;
  anthropicType: string;
  message: string;
}

/**
 * What providers say with each status.
 * Sources: https://platform.openai.com/docs/guides/error-codes, https://docs.claude.com/en/api/errors.
 */
const WORDS: Record<number, ErrorWords> = {
  400: words('invalid_request_error', null, 'invalid_request_error', 'The request is not valid (emulated).'),
  401: words('invalid_request_error', 'invalid_api_key', 'authentication_error', 'The API key is wrong (emulated).'),
  403: words('permission_error', 'forbidden', 'permission_error', 'This key may not do that (emulated).'),
  404: words('invalid_request_error', 'model_not_found', 'not_found_error', 'There is no such model (emulated).'),
  408: words('timeout_error', 'timeout', 'timeout_error', 'The request took too long (emulated).'),
  409: words('conflict_error', 'conflict', 'invalid_request_error', 'The resource is being changed (emulated).'),
  413: words('invalid_request_error', 'request_too_large', 'request_too_large', 'The request is too large (emulated).'),
  422: words('invalid_request_error', 'unprocessable', 'invalid_request_error', 'This cannot be processed (emulated).'),
  429: words('requests', 'rate_limit_exceeded', 'rate_limit_error', 'The rate limit is reached (emulated).'),
  500: words('server_error', null, 'api_error', 'Something failed on this side (emulated).'),
  502: words('server_error', null, 'api_error', 'Bad gateway (emulated).'),
  503: words('server_error', 'service_unavailable', 'api_error', 'The service is not available (emulated).'),
  504: words('timeout_error', 'timeout', 'timeout_error', 'The service did not answer in time (emulated).'),
  529: words('server_error', 'overloaded', 'overloaded_error', 'The service is overloaded (emulated).'),
};

function words(openaiType: string, openaiCode: string | null, anthropicType: string, message: string): ErrorWords {
  return { openaiType, openaiCode, anthropicType, message };
}

/** The error body a provider of `dialect` sends with `status`. */
export function errorBody(dialect: DialectId, status: number, requestId: string, message?: string): JsonObject {
  const said = WORDS[status] ?? WORDS[status >= 500 ? 500 : 400];
  const text = message ?? said?.message ?? 'Emulated error.';
  if (dialect === 'anthropic-messages') {
    return { type: 'error', error: { type: said?.anthropicType ?? 'api_error', message: text }, request_id: requestId };
  }
  const type = said?.openaiType ?? 'server_error';
  return { error: { message: text, type, param: null, code: said?.openaiCode ?? null } };
}

/** The same error as an event inside a stream, as SSE text. */
export function errorEvent(dialect: DialectId, status: number, requestId: string, message?: string): string {
  const data = JSON.stringify(errorBody(dialect, status, requestId, message));
  return dialect === 'anthropic-messages' ? `event: error\ndata: ${data}\n\n` : `data: ${data}\n\n`;
}

export function requestIdHeader(dialect: DialectId, requestId: string): [string, string] {
  return [dialect === 'anthropic-messages' ? 'request-id' : 'x-request-id', requestId];
}

/** @param retryAfter the header's value: seconds, or an HTTP date. */
export function errorPlan(
  dialect: DialectId,
  status: number,
  requestId: string,
  options: { message?: string; retryAfter?: string } = {},
): WirePlan {
  const headers = [requestIdHeader(dialect, requestId)];
  if (options.retryAfter !== undefined) headers.push(['retry-after', options.retryAfter]);
  return jsonPlan(status, errorBody(dialect, status, requestId, options.message), headers);
}
