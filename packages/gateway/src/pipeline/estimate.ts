import type { Usage } from '@turnpike/wire/canon/usage.ts';
import type { Exchange } from '../exchange.ts';
import type { Relay } from './relay.ts';

/** Bytes of request JSON that make one token, roughly, over languages and payloads. */
const BYTES_PER_TOKEN = 4;

/**
 * What an answer used that ended before the provider said so. Input: as reported at the start where the dialect does,
 * else from the size of the request. Output: providers send about one token per content event, and what they reported
 * so far is a lower bound. Rows with such figures are marked as estimates.
 *
 * @param relay What passed of a stream; absent when nothing had come yet.
 */
export function estimateUsage(exchange: Exchange, relay?: Pick<Relay, 'usage' | 'contentEvents'>): Usage {
  const inputTokens = relay?.usage?.inputTokens ?? Math.ceil((exchange.body?.bytes.length ?? 0) / BYTES_PER_TOKEN);
  const outputTokens = Math.max(relay?.usage?.outputTokens ?? 0, relay?.contentEvents ?? 0);
  return { ...relay?.usage, inputTokens, outputTokens };
}
