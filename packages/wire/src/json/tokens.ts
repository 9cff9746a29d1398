/** Tokens of JSON over raw bytes (RFC 8259): where a string, a number or a literal ends. */

export const QUOTE = 0x22;
export const BACKSLASH = 0x5c;

/** Below this many bytes a plain loop beats setting up the four-at-a-time one. */
const SHORT_STRING_BYTES = 24;

/** From this many bytes on, native searches for the end pay off. */
const LONG_STRING_BYTES = 512;

/** Buffers below this size are read byte by byte: a view of their words would cost more than it saves. */
const SMALL_BUFFER_BYTES = 1_024;

/**
 * Finds ends of strings in one buffer. Long strings are read four bytes at a time: a word holds something of interest
 * when one of its bytes is a quote, a backslash or below 0x20, and each of these is one subtraction on the whole word.
 */
export class StringScanner {
  /** Non-zero when a byte ≥ 0x80 was met, so that the text must be checked to be UTF-8. */
  high = 0;
  /** Did the last string contain an escape? */
  escaped = false;
  /** What native searches found last: kept, so that the buffer is searched only once however many escapes there are. */
  private nextBackslash = -1;
  private nextQuote = -1;
  private words: Int32Array = NO_WORDS;
  /** Offset of `words[0]` in `bytes`. */
  private wordsFrom = 0;
  private bytes: Uint8Array = NOTHING;
  /** After so many bytes of a string its words are looked at. */
  private plainBytes = SHORT_STRING_BYTES;

  /** Turns to another buffer. A scanner may be used again and again, as long as one use ends before the next begins. */
  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.high = 0;
    this.nextBackslash = -1;
    this.nextQuote = -1;
    const isSmall = bytes.length < SMALL_BUFFER_BYTES;
    this.plainBytes = isSmall ? SMALL_BUFFER_BYTES : SHORT_STRING_BYTES;
    if (isSmall) return;
    this.wordsFrom = -bytes.byteOffset & 3;
    const wordCount = (bytes.length - this.wordsFrom) >> 2;
    this.words = new Int32Array(bytes.buffer, bytes.byteOffset + this.wordsFrom, wordCount);
  }

  /** Lets go of the buffer. */
  release(): void {
    this.bytes = NOTHING;
    this.words = NO_WORDS;
  }

  /**
   * @param from Offset after the opening quote.
   * @returns Offset after the closing quote, or `-1 - offset` of the byte that may not stand there.
   */
  end(from: number): number {
    const bytes = this.bytes;
    const size = bytes.length;
    const plainBytes = this.plainBytes;
    let high = 0;
    let pos = from;
    let wordsAfter = from + plainBytes;
    this.escaped = false;
    while (pos < size) {
      if (pos >= wordsAfter) {
        pos = this.skipPlain(pos);
        if (pos >= size) break;
        wordsAfter = pos + plainBytes;
      }
      const byte = bytes[pos] as number;
      if (byte === QUOTE) {
        this.high |= high & 0x80;
        return pos + 1;
      }
      if (byte === BACKSLASH) {
        this.escaped = true;
        pos = endOfEscape(bytes, pos + 1);
        if (pos < 0) return pos;
        continue;
      }
      if (byte < 0x20) return -1 - pos;
      high |= byte;
      pos++;
    }
    return -1 - size;
  }

  /** Skips plain characters; stops at or some bytes before the first byte of interest. */
  private skipPlain(from: number): number {
    const bytes = this.bytes;
    let pos = from;
    for (; ((pos - this.wordsFrom) & 3) !== 0; pos++) {
      const byte = bytes[pos];
      if (byte === undefined || byte === QUOTE || byte === BACKSLASH || byte < 0x20) return pos;
      this.high |= byte & 0x80;
    }
    const words = this.words;
    const count = words.length;
    let index = (pos - this.wordsFrom) >> 2;
    let high = 0;
    const wordsMax = Math.min(count, index + LONG_STRING_BYTES / 4);
    for (; index < wordsMax; index++) {
      const word = words[index] as number;
      const quote = word ^ 0x22222222;
      const slash = word ^ 0x5c5c5c5c;
      const found =
        (((quote - 0x01010101) & ~quote) | ((slash - 0x01010101) & ~slash) | ((word - 0x20202020) & ~word)) &
        0x80808080;
      if (found !== 0) break;
      high |= word;
    }
    if ((high & 0x80808080) !== 0) this.high = 0x80;
    if (index === wordsMax && index < count) index = this.skipLong(index);
    return this.wordsFrom + index * 4;
  }

  /** In very long strings the quote and the backslash are found natively; only control characters are left to look for. */
  private skipLong(from: number): number {
    const { words } = this;
    const at = this.wordsFrom + from * 4;
    if (this.nextBackslash < at) this.nextBackslash = this.find(BACKSLASH, at);
    if (this.nextQuote < at) this.nextQuote = this.find(QUOTE, at);
    const until = Math.min(this.nextQuote, this.nextBackslash);
    const end = from + ((until - at) >> 2);
    let index = from;
    let high = 0;
    for (; index + 3 < end; index += 4) {
      const a = words[index] as number;
      const b = words[index + 1] as number;
      const c = words[index + 2] as number;
      const d = words[index + 3] as number;
      const found =
        ((a - 0x20202020) & ~a) | ((b - 0x20202020) & ~b) | ((c - 0x20202020) & ~c) | ((d - 0x20202020) & ~d);
      if ((found & 0x80808080) !== 0) break;
      high |= a | b | c | d;
    }
    if ((high & 0x80808080) !== 0) this.high = 0x80;
    return index;
  }

  private find(byte: number, from: number): number {
    const found = this.bytes.indexOf(byte, from);
    return found < 0 ? this.bytes.length : found;
  }
}

const NO_WORDS = new Int32Array(0);
const NOTHING = new Uint8Array(0);

/** @param from Offset after the backslash. @returns Offset after the escape, or `-1 - offset` of the bad byte. */
function endOfEscape(bytes: Uint8Array, from: number): number {
  switch (bytes[from]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return from + 1;
    case 0x75: // u
      for (let pos = from + 1; pos <= from + 4; pos++) if (!isHex(bytes[pos])) return -1 - pos;
      return from + 5;
    default:
      return -1 - from;
  }
}

/** @param from Offset of the first byte. @returns Offset after the number, or `-1 - offset` of the bad byte. */
export function endOfNumber(bytes: Uint8Array, from: number): number {
  let pos = bytes[from] === 0x2d ? from + 1 : from;
  if (bytes[pos] === 0x30) pos++;
  else {
    pos = endOfDigits(bytes, pos);
    if (pos < 0) return pos;
  }
  if (bytes[pos] === 0x2e) {
    pos = endOfDigits(bytes, pos + 1);
    if (pos < 0) return pos;
  }
  if (((bytes[pos] ?? 0) | 0x20) === 0x65) {
    pos++;
    if (bytes[pos] === 0x2b || bytes[pos] === 0x2d) pos++;
    pos = endOfDigits(bytes, pos);
  }
  return pos;
}

function endOfDigits(bytes: Uint8Array, from: number): number {
  let pos = from;
  while (isDigit(bytes[pos])) pos++;
  return pos === from ? -1 - from : pos;
}

/** @returns Offset after `true`, `false` or `null`, or `-1 - offset` of the bad byte. */
export function endOfLiteral(bytes: Uint8Array, from: number): number {
  const first = bytes[from];
  const word = first === 0x74 ? TRUE : first === 0x66 ? FALSE : NULL;
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word[i]) return -1 - (from + i);
  return from + word.length;
}

const TRUE = new TextEncoder().encode('true');
const FALSE = new TextEncoder().encode('false');
const NULL = new TextEncoder().encode('null');

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

function isHex(byte: number | undefined): boolean {
  return byte !== undefined && (isDigit(byte) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66));
}
