import { KeyGuard } from './key-guard.ts';
import { parseJson } from './parse.ts';
import { endOfLiteral, endOfNumber, QUOTE, StringScanner } from './tokens.ts';
import { decodeName, decodeRange, findBadUtf8 } from './utf8.ts';
import { asNumber, type Json } from './value.ts';

/** A top-level field, as offsets into the scanned bytes. */
export interface Field {
  name: string;
  /** Offset of the opening quote of the key. */
  keyStart: number;
  /** Offset of the value's first byte. */
  start: number;
  /** Offset after the value's last byte. */
  end: number;
}

export interface Lens {
  ok: true;
  /** In the order of the text. */
  fields: Map<string, Field>;
  /** Offset of the opening brace. */
  open: number;
  /** Offset of the closing brace. */
  close: number;
}

export interface LensRefusal {
  ok: false;
  code: 'body_malformed' | 'body_ambiguous' | 'body_too_deep';
  /** Offset of the byte that may not stand there; the length of the input when it ended too soon. */
  offset: number;
  message: string;
}

export type LensResult = Lens | LensRefusal;

export interface LensBounds {
  /** Levels of nesting allowed, the top-level object being the first. Default 200. */
  depthMax?: number;
}

/**
 * Finds the top-level fields of a JSON object in one pass over the raw bytes, and proves the whole text to be strict
 * RFC 8259 JSON in UTF-8 with no key twice in any object, so that every reader of these bytes sees the same thing.
 *
 * One leading byte order mark is tolerated, as white space (RFC 8259 §8.1 allows it): `open` is then 3.
 * Cost: 1 to 2 ms per MB of chat, half a millisecond for long strings, up to 5 ms for nothing but tiny tokens; memory
 * only for the keys of the objects open at once.
 */
export function scanJsonObject(bytes: Uint8Array, bounds: LensBounds = {}): LensResult {
  keys.begin(bytes);
  strings.begin(bytes);
  try {
    return new Scan(bytes, bounds.depthMax ?? 200).run();
  } finally {
    keys.release();
    strings.release();
  }
}

/** The field's text when it is a string, else undefined. */
export function fieldString(bytes: Uint8Array, field: Field | undefined): string | undefined {
  if (field === undefined || bytes[field.start] !== QUOTE) return undefined;
  return decodeName(bytes, field.start + 1, field.end - 1);
}

/** The field's value, numbers kept as written where JavaScript would change them. */
export function fieldJson(bytes: Uint8Array, field: Field): Json {
  return parseJson(decodeRange(bytes, field.start, field.end));
}

/** The field's value when it is `true` or `false`, else undefined. */
export function fieldBoolean(bytes: Uint8Array, field: Field | undefined): boolean | undefined {
  if (field === undefined) return undefined;
  const first = bytes[field.start];
  return first === 0x74 ? true : first === 0x66 ? false : undefined;
}

/** The field's value when it is a number, rounded to a double, else undefined. */
export function fieldNumber(bytes: Uint8Array, field: Field | undefined): number | undefined {
  if (field === undefined) return undefined;
  const first = bytes[field.start] as number;
  return first === 0x2d || (first >= 0x30 && first <= 0x39) ? asNumber(fieldJson(bytes, field)) : undefined;
}

/** One of each for all scans, since a scan runs without a break: making them anew would cost as much as a small body. */
const keys = new KeyGuard();
const strings = new StringScanner();

const OBJECT = -1;

/** What may come next. */
const VALUE = 0;
const VALUE_OR_END = 1;
const KEY = 2;
const KEY_OR_END = 3;
const COMMA_OR_END = 4;

class Scan {
  private readonly size: number;
  private readonly fields = new Map<string, Field>();
  /** Per depth: {@link OBJECT}, or the index of the current element of an array. */
  private readonly places: number[] = [0];
  private depth = 0;
  private refusal: LensRefusal | undefined;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly depthMax: number,
  ) {
    this.size = bytes.length;
  }

  run(): LensResult {
    const { bytes, size } = this;
    const hasMark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    const open = skipSpace(bytes, hasMark ? 3 : 0);
    if (bytes[open] !== 0x7b) return this.malformed(open, 'a JSON object must begin here');
    const end = this.tokens(open);
    if (end < 0) return this.refusal ?? this.malformed(size, 'not readable');
    const after = skipSpace(bytes, end);
    if (after < size) return this.malformed(after, 'nothing may follow the object');
    const bad = strings.high === 0 ? -1 : findBadUtf8(bytes);
    if (bad >= 0) return this.malformed(bad, 'the text is not valid UTF-8');
    return { ok: true, fields: this.fields, open, close: end - 1 };
  }

  /**
   * The hot loop, one token per round; local variables throughout, since calls and fields cost more than the work.
   *
   * @returns Offset after the object that opens at `from`, or -1 when it was refused.
   */
  private tokens(from: number): number {
    const { bytes, size, places, depthMax } = this;
    let field: Field | undefined;
    let pos = from;
    let depth = 0;
    let next = VALUE;
    while (pos < size) {
      const byte = bytes[pos] as number;
      if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
        pos++;
        continue;
      }
      if (next === COMMA_OR_END && byte === 0x2c) {
        const place = places[depth] as number;
        if (place !== OBJECT) places[depth] = place + 1;
        next = place === OBJECT ? KEY : VALUE;
        pos++;
        continue;
      }
      if (byte === QUOTE && next !== COMMA_OR_END) {
        const start = pos + 1;
        pos = strings.end(start);
        if (pos < 0) return this.refuseString(pos);
        if (next === KEY || next === KEY_OR_END) {
          this.depth = depth;
          if (!keys.add(depth, start, pos - 1, strings.escaped)) return this.refuseDuplicate(start - 1);
          pos = skipSpace(bytes, pos);
          if (pos >= size || bytes[pos] !== 0x3a) return this.refuse(pos, 'expected :');
          pos = skipSpace(bytes, pos + 1);
          if (depth === 1) field = this.addField(start, pos);
          next = VALUE;
          continue;
        }
      } else if (next <= VALUE_OR_END && (byte === 0x7b || byte === 0x5b)) {
        this.depth = depth;
        if (depth >= depthMax) return this.refuseDepth(pos);
        depth++;
        places[depth] = byte === 0x7b ? OBJECT : 0;
        keys.open(depth);
        next = byte === 0x7b ? KEY_OR_END : VALUE_OR_END;
        pos++;
        continue;
      } else if ((byte === 0x7d || byte === 0x5d) && (next & 1 || next === COMMA_OR_END)) {
        const isObject = places[depth] === OBJECT;
        if (isObject !== (byte === 0x7d)) return this.refuse(pos, isObject ? 'expected , or }' : 'expected , or ]');
        keys.close(depth);
        depth--;
        pos++;
        if (depth === 0) return pos;
      } else if (next <= VALUE_OR_END) {
        pos = this.scalar(byte, pos);
        if (pos < 0) return pos;
      } else return this.refuseToken(pos, next, depth);
      if (depth === 1 && field !== undefined) field.end = pos;
      next = COMMA_OR_END;
    }
    return this.refuseToken(size, next, depth);
  }

  /** @returns Offset after the number or literal, or -1 when there is none. */
  private scalar(byte: number, pos: number): number {
    if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      const end = endOfNumber(this.bytes, pos);
      return end < 0 ? this.refuse(-1 - end, 'expected a digit') : end;
    }
    if (byte !== 0x74 && byte !== 0x66 && byte !== 0x6e) return this.refuse(pos, 'expected a value');
    const end = endOfLiteral(this.bytes, pos);
    return end < 0 ? this.refuse(-1 - end, 'expected true, false or null') : end;
  }

  /** The key is the last one the guard took in. */
  private addField(keyFrom: number, start: number): Field {
    const name = keys.lastKey(1, 1);
    const field = { name, keyStart: keyFrom - 1, start, end: start };
    this.fields.set(name, field);
    return field;
  }

  private refuseToken(offset: number, next: number, depth: number): number {
    if (next <= VALUE_OR_END) return this.refuse(offset, 'expected a value');
    if (next !== COMMA_OR_END) return this.refuse(offset, 'expected a key in double quotes');
    return this.refuse(offset, this.places[depth] === OBJECT ? 'expected , or }' : 'expected , or ]');
  }

  private refuseDepth(offset: number): number {
    const message = `The body is nested more than ${this.depthMax} levels deep at ${this.where(offset)}.`;
    this.refusal = { ok: false, code: 'body_too_deep', offset, message };
    return -1;
  }

  private refuseString(end: number): number {
    const offset = -1 - end;
    const byte = this.bytes[offset];
    const isControl = byte !== undefined && byte < 0x20;
    return this.refuse(offset, isControl ? 'a control character must be escaped' : 'not a valid escape');
  }

  private refuseDuplicate(keyStart: number): number {
    const key = keys.lastKey(this.depth, this.depth);
    const inside = this.path();
    const message = `${inside === '' ? 'The body' : `The object ${inside}`} names "${shorten(key)}" twice, at ${this.where(keyStart)}.`;
    this.refusal = { ok: false, code: 'body_ambiguous', offset: keyStart, message };
    return -1;
  }

  /** Path of the container being read: `messages[2].content`. */
  private path(): string {
    let path = '';
    for (let depth = 1; depth < this.depth; depth++) {
      const place = this.places[depth] as number;
      if (place !== OBJECT) path += `[${place}]`;
      else path += `${path === '' ? '' : '.'}${shorten(keys.lastKey(depth, this.depth))}`;
    }
    return path;
  }

  /** @returns -1, for the caller to pass on. */
  private refuse(offset: number, why: string): number {
    this.refusal = this.malformed(offset, why);
    return -1;
  }

  private malformed(offset: number, why: string): LensRefusal {
    const reason = offset >= this.size ? `it ends too soon (${why})` : why;
    const message = `The body is not valid JSON at ${this.where(offset)}: ${reason}.`;
    return { ok: false, code: 'body_malformed', offset: Math.min(offset, this.size), message };
  }

  /** Offset counts bytes from 0; line and column count from 1, the column in bytes. */
  private where(offset: number): string {
    let line = 1;
    let lineStart = 0;
    for (let pos = 0; pos < offset && pos < this.size; pos++) {
      if (this.bytes[pos] !== 0x0a) continue;
      line++;
      lineStart = pos + 1;
    }
    return `offset ${offset} (line ${line}, column ${offset - lineStart + 1})`;
  }
}

function skipSpace(bytes: Uint8Array, from: number): number {
  const size = bytes.length;
  let pos = from;
  while (pos < size) {
    const byte = bytes[pos] as number;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    pos++;
  }
  return pos;
}

function shorten(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
}
