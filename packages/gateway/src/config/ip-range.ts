/** A range of IP addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address. */
export interface IpRange {
  readonly isV6: boolean;
  readonly first: bigint;
  readonly last: bigint;
}

/** @returns undefined when `text` is no address or range in CIDR notation. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const bits = address.isV6 ? 128 : 32;
  const prefix = slash < 0 ? String(bits) : text.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(prefix) || Number(prefix) > bits) return undefined;
  const hostBits = BigInt(bits - Number(prefix));
  const first = (address.value >> hostBits) << hostBits;
  return { isV6: address.isV6, first, last: first + (1n << hostBits) - 1n };
}

export function isInRange(range: IpRange, text: string): boolean {
  const address = parseIp(text);
  if (address === undefined || address.isV6 !== range.isV6) return false;
  return address.value >= range.first && address.value <= range.last;
}

/** An IPv4 address in IPv6 clothes (`::ffff:10.0.0.1`) is the IPv4 address: sockets that take both show it so. */
function parseIp(text: string): { isV6: boolean; value: bigint } | undefined {
  if (!text.includes(':')) {
    const value = parseV4(text);
    return value === undefined ? undefined : { isV6: false, value };
  }
  const value = parseV6(text);
  if (value === undefined) return undefined;
  return value >> 32n === 0xffffn ? { isV6: false, value: value & 0xffffffffn } : { isV6: true, value };
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    // No leading zeros: some readers take them for octal.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return value;
}

function parseV6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(groupsOf);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? joined(head) : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return joined([...head, ...Array<bigint>(8 - head.length - tail.length).fill(0n), ...tail]);
}

function groupsOf(text: string): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const parts = text.split(':');
  for (const [at, part] of parts.entries()) {
    if (at === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      groups.push(v4 >> 16n, v4 & 0xffffn);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(BigInt(`0x${part}`));
    else return undefined;
  }
  return groups;
}

function joined(groups: readonly bigint[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | group, 0n);
}
