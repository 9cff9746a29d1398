import { type IpRange, isInRange, parseIpRange } from '../config/ip-range.ts';

/** Longer chains of proxies are not followed: whoever sends one wants time, or something else that is not theirs. */
const HOPS_MAX = 32;

/**
 * Whom a connection comes from, when proxies stand between. Each proxy appends to `X-Forwarded-For` whom it was called by, so
 * the list is read from its end, and as far as those who wrote it are trusted: the first that is no trusted proxy is the client.
 * What stands before it, the client may have written itself.
 *
 * @param peer The other end of the connection.
 * @param header `X-Forwarded-For`, all its lines joined by commas.
 * @returns undefined when it is not known: an entry that counts cannot be read.
 */
export function clientAddress(
  peer: string | undefined,
  header: string | null,
  trusted: readonly IpRange[],
): string | undefined {
  if (peer === undefined || !isTrusted(peer, trusted)) return peer;
  const hops = header === null || header.trim() === '' ? [] : header.split(',');
  let client = peer;
  for (let at = hops.length - 1; at >= 0; at--) {
    if (hops.length - at > HOPS_MAX) return undefined;
    const address = readHop(hops[at] ?? '');
    if (address === undefined) return undefined;
    client = address;
    if (!isTrusted(address, trusted)) break;
  }
  return client;
}

function isTrusted(address: string, trusted: readonly IpRange[]): boolean {
  return trusted.some((range) => isInRange(range, address));
}

/** Some proxies write the port besides: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function readHop(text: string): string | undefined {
  const hop = text.trim();
  const [, bracketed, plain] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([^:]*):\d{1,5})$/.exec(hop) ?? [];
  const address = bracketed ?? plain ?? hop;
  return !address.includes('/') && parseIpRange(address) !== undefined ? address : undefined;
}
