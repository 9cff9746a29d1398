const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const strictDecoder = new TextDecoder('utf-8', { fatal: true });

/** Text of a byte range; a byte order mark inside is kept as a character. */
export function decodeRange(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** The string between two quotes, escapes resolved. `start` is after the opening quote, `end` that of the closing one. */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const text = decodeRange(bytes, start, end);
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text;
}

/** Offset of the first byte that is not UTF-8; -1 when all is well. */
export function findBadUtf8(bytes: Uint8Array): number {
  try {
    strictDecoder.decode(bytes);
    return -1;
  } catch {
    return walkUtf8(bytes); // The decoder only says that something is wrong; the walk says where.
  }
}

function walkUtf8(bytes: Uint8Array): number {
  let pos = 0;
  while (pos < bytes.length) {
    const length = sequenceLength(bytes, pos);
    if (length === 0) return pos;
    pos += length;
  }
  return -1;
}

/** Bytes in the well-formed sequence at `pos`, 0 when it is ill-formed (Unicode 16, table 3-7). */
function sequenceLength(bytes: Uint8Array, pos: number): number {
  const lead = bytes[pos] as number;
  if (lead < 0x80) return 1;
  const length =
    lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < length; i++) {
    const byte = bytes[pos + i] ?? 0;
    if (i === 1 ? byte < low || byte > high : byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}
