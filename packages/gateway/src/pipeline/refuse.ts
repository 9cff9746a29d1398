import type { Fault } from '@turnpike/wire/fault.ts';
import { stringifyJson } from '@turnpike/wire/json/stringify.ts';
import type { Exchange } from '../exchange.ts';
import { answerHeaders, passProviderHeaders } from './answer-headers.ts';
import { budgetHeaders } from './budget-headers.ts';
import { limitHeaders, retryHeaders } from './limit-headers.ts';

/**
 * Answers with a fault, in the client's dialect. A provider's own error passes unchanged when the client speaks its
 * dialect: what it says there nobody could say better.
 */
export function refuse(exchange: Exchange, fault: Fault): Response {
  const headers = answerHeaders(exchange, exchange.attempts.at(-1));
  headers['content-type'] = 'application/json';
  const upstream = exchange.upstreamError?.fault === fault ? exchange.upstreamError : undefined;
  if (upstream !== undefined) passProviderHeaders(upstream.headers, headers);
  limitHeaders(exchange, headers);
  budgetHeaders(exchange, headers);
  if (fault.code === 'rate_limited') retryHeaders(fault, headers);
  else if (fault.retryAfterMs !== undefined) headers['retry-after'] ??= String(Math.ceil(fault.retryAfterMs / 1000));
  if (fault.upstream?.requestId !== undefined) {
    headers['x-request-id'] ??= fault.upstream.requestId;
    headers['request-id'] ??= fault.upstream.requestId;
  }
  // After an early refusal the rest of the body is not waited for.
  if (fault.code === 'body_too_large' || fault.code === 'body_timeout') headers.connection = 'close';

  const isNative = upstream?.dialect === exchange.face.id && looksLikeJson(upstream.bytes);
  const body = isNative && upstream !== undefined ? upstream.bytes : stringifyJson(exchange.face.writeFault(fault));
  return new Response(body, { status: fault.status, headers });
}

function looksLikeJson(bytes: Uint8Array): boolean {
  return bytes[0] === 0x7b; // {
}
