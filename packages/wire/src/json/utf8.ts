const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
/** Text is checked in pieces of this size, so that the decoded text, which nobody wants, stays small. */
const CHECK_BYTES = 32 * 1024;
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

const NAME_BYTES_MAX = 40;
const names: (string | undefined)[] = new Array(512).fill(undefined);

/**
 * {@link decodeString} for names that keep coming back, as those of fields and models do: remembers some of the short ones, since
 * a look at the bytes costs a fraction of decoding them.
 */
export function decodeName(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length === 0 || length > NAME_BYTES_MAX) return decodeString(bytes, start, end);
  const first = bytes[start] as number;
  const slot =
    (length * 31 + first * 7 + (bytes[end - 1] as number) * 13 + (bytes[(start + end) >> 1] as number)) & 511;
  const known = names[slot];
  if (known !== undefined && spells(bytes, start, end, known)) return known;
  const name = decodeString(bytes, start, end);
  names[slot] = name;
  return name;
}

/** Is the ASCII text of these bytes, free of escapes, this name? False for any other text. */
function spells(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (name.length !== end - start) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte !== name.charCodeAt(i) || byte >= 0x80 || byte === 0x5c) return false;
  }
  return true;
}

/** Offset of the first byte that is not UTF-8; -1 when all is well. */
export function findBadUtf8(bytes: Uint8Array): number {
  try {
    for (let at = 0; at < bytes.length; ) {
      let end = Math.min(at + CHECK_BYTES, bytes.length);
      // Pieces end between characters, which have at most three continuation bytes (10xxxxxx).
      for (let back = 0; back < 3 && end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80; back++) end--;
      strictDecoder.decode(bytes.subarray(at, end));
      at = end;
    }
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
