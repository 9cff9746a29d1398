import type { Loss } from '@turnpike/wire/canon/loss.ts';
import { usd } from '../catalog/decimal.ts';
import type { Exchange } from '../exchange.ts';
import type { AttemptRow } from '../telemetry/exchange-row.ts';

/** Longest `x-turnpike-losses` value, in characters; what does not fit is counted. */
const LOSSES_CHARS_MAX = 1_000;

/** Provider headers a client may see. Anything else (cookies, internals) stays here. */
const PASSED = /^(x-ratelimit-|anthropic-ratelimit-|retry-after|openai-|x-request-id$|request-id$|x-should-retry$)/;

/** What `x-turnpike-*` says about an exchange, as known when the answer starts. */
export function answerHeaders(exchange: Exchange, attempt: AttemptRow | undefined): Record<string, string> {
  const tries = exchange.attempts.length;
  const headers: Record<string, string> = { 'x-turnpike-exchange-id': exchange.id };
  const queuedMs = exchange.limits?.queuedMs;
  if (queuedMs !== undefined) headers['x-turnpike-queued-ms'] = String(Math.round(queuedMs));
  if (attempt === undefined) {
    if (tries > 0) headers['x-turnpike-attempts'] = String(tries);
    return headers;
  }
  Object.assign(headers, {
    'x-turnpike-attempts': String(tries),
    'x-turnpike-provider': attempt.provider,
    'x-turnpike-endpoint': headerSafe(attempt.endpoint),
    'x-turnpike-model': headerSafe(attempt.model),
    'x-turnpike-lane': attempt.lane,
  });
  if (attempt.costNanoUsd !== undefined) headers['x-turnpike-cost-usd'] = usd(attempt.costNanoUsd);
  if (attempt.paidBy !== undefined) headers['x-turnpike-paid-by'] = headerSafe(attempt.paidBy);
  if (exchange.losses.length > 0) headers['x-turnpike-losses'] = lossesLine(exchange.losses);
  return headers;
}

/** Copies the provider's own headers that clients use: rate limits, request id, retry advice. */
export function passProviderHeaders(from: Headers, to: Record<string, string>): void {
  // Bun's own way to read them all, names in lower case: an iterator costs about 10 µs more for each answer.
  const all: Record<string, string | string[]> = from.toJSON();
  for (const name in all) {
    const value = all[name];
    if (typeof value === 'string' && PASSED.test(name)) to[name] = value;
  }
}

function lossesLine(losses: readonly Loss[]): string {
  let line = '';
  for (const [index, loss] of losses.entries()) {
    const next = `${index === 0 ? '' : '; '}${loss.kind} ${loss.path}`;
    if (line.length + next.length > LOSSES_CHARS_MAX) return headerSafe(`${line}; +${losses.length - index} more`);
    line += next;
  }
  return headerSafe(line);
}

/** Header values are visible ASCII; anything else becomes `?`. */
export function headerSafe(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/[^\x20-\x7e]/g, '?');
}
