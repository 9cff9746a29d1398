import { KeyGuard } from './key-guard.ts';
import { parseJson } from './parse.ts';
import { endOfLiteral, endOfNumber, QUOTE, StringScanner } from './tokens.ts';
import { decodeRange, decodeString, findBadUtf8 } from './utf8.ts';
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
 * Cost: about 1 ms per MB of chat, far less for long strings; memory only for the keys of the objects open at once.
 */
export function scanJsonObject(bytes: Uint8Array, bounds: LensBounds = {}): LensResult {
  return new Scan(bytes, bounds.depthMax ?? 200).run();
}

/** The field's text when it is a string, else undefined. */
export function fieldString(bytes: Uint8Array, field: Field | undefined): string | undefined {
  if (field === undefined || bytes[field.start] !== QUOTE) return undefined;
  return decodeString(bytes, field.start + 1, field.end - 1);
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

const OBJECT = -1;

class Scan {
  private readonly size: number;
  private readonly strings: StringScanner;
  private readonly keys: KeyGuard;
  private readonly fields = new Map<string, Field>();
  /** Per depth: {@link OBJECT}, or the index of the current element of an array. */
  private readonly places: number[] = [];
  private depth = 0;
  private pos = 0;
  /** True right after an opening bracket: no comma may come, but the end may. */
  private fresh = false;
  private field: Field | undefined;
  private refusal: LensRefusal | undefined;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly depthMax: number,
  ) {
    this.size = bytes.length;
    this.strings = new StringScanner(bytes);
    this.keys = new KeyGuard(bytes);
  }

  run(): LensResult {
    const { bytes } = this;
    if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) this.pos = 3;
    const open = this.skipSpace();
    if (bytes[open] !== 0x7b) return this.malformed(open, 'a JSON object must begin here');
    if (!this.enter(OBJECT)) return this.refused();
    while (this.depth > 0) if (!this.step()) return this.refused();
    const close = this.pos - 1;
    if (this.skipSpace() < this.size) return this.malformed(this.pos, 'nothing may follow the object');
    if (this.strings.high !== 0) {
      const bad = findBadUtf8(bytes);
      if (bad >= 0) return this.malformed(bad, 'the text is not valid UTF-8');
    }
    return { ok: true, fields: this.fields, open, close };
  }

  /** Reads one member or element up to its value's end (or into it, when it nests), or the end of the container. */
  private step(): boolean {
    const isObject = this.places[this.depth] === OBJECT;
    const closing = isObject ? 0x7d : 0x5d;
    let byte = this.bytes[this.skipSpace()];
    if (byte === closing) return this.leave(isObject);
    if (this.fresh) this.fresh = false;
    else {
      if (byte !== 0x2c) return this.refuse(this.pos, isObject ? 'expected , or }' : 'expected , or ]');
      this.pos++;
      if (!isObject) this.places[this.depth] = (this.places[this.depth] as number) + 1;
      byte = this.bytes[this.skipSpace()];
    }
    return (!isObject || this.key(byte)) && this.value();
  }

  private key(byte: number | undefined): boolean {
    const keyStart = this.pos;
    if (byte !== QUOTE) return this.refuse(keyStart, 'expected a key in double quotes');
    const end = this.strings.end(keyStart + 1);
    if (end < 0) return this.refuseString(end);
    if (!this.keys.add(this.depth, keyStart + 1, end - 1, this.strings.escaped)) return this.refuseDuplicate(keyStart);
    this.pos = end;
    if (this.bytes[this.skipSpace()] !== 0x3a) return this.refuse(this.pos, 'expected :');
    this.pos++;
    this.skipSpace();
    if (this.depth === 1) {
      const name = decodeString(this.bytes, keyStart + 1, end - 1);
      this.field = { name, keyStart, start: this.pos, end: this.pos };
      this.fields.set(name, this.field);
    }
    return true;
  }

  private value(): boolean {
    const byte = this.bytes[this.pos] ?? 0;
    let end: number;
    if (byte === QUOTE) {
      end = this.strings.end(this.pos + 1);
      if (end < 0) return this.refuseString(end);
    } else if (byte === 0x7b) return this.enter(OBJECT);
    else if (byte === 0x5b) return this.enter(0);
    else if (byte === 0x2d || (byte >= 0x30 && byte <= 0x39)) {
      end = endOfNumber(this.bytes, this.pos);
      if (end < 0) return this.refuse(-1 - end, 'expected a digit');
    } else if (byte === 0x74 || byte === 0x66 || byte === 0x6e) {
      end = endOfLiteral(this.bytes, this.pos);
      if (end < 0) return this.refuse(-1 - end, 'expected true, false or null');
    } else return this.refuse(this.pos, 'expected a value');
    this.pos = end;
    if (this.depth === 1 && this.field !== undefined) this.field.end = end;
    return true;
  }

  private enter(place: number): boolean {
    if (this.depth >= this.depthMax) {
      const message = `The body is nested more than ${this.depthMax} levels deep at ${this.where(this.pos)}.`;
      this.refusal = { ok: false, code: 'body_too_deep', offset: this.pos, message };
      return false;
    }
    this.depth++;
    this.places[this.depth] = place;
    this.keys.open(this.depth);
    this.fresh = true;
    this.pos++;
    return true;
  }

  private leave(isObject: boolean): boolean {
    if (isObject) this.keys.close(this.depth);
    this.fresh = false;
    this.depth--;
    this.pos++;
    if (this.depth === 1 && this.field !== undefined) this.field.end = this.pos;
    return true;
  }

  private skipSpace(): number {
    const bytes = this.bytes;
    let pos = this.pos;
    let byte = bytes[pos] as number;
    while (byte <= 0x20 && (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09)) {
      byte = bytes[++pos] as number;
    }
    this.pos = pos;
    return pos;
  }

  private refuseString(end: number): boolean {
    const offset = -1 - end;
    const byte = this.bytes[offset];
    const isControl = byte !== undefined && byte < 0x20;
    return this.refuse(offset, isControl ? 'a control character must be escaped' : 'not a valid escape');
  }

  private refuseDuplicate(keyStart: number): boolean {
    const key = this.keys.lastKey(this.depth, this.depth);
    const inside = this.path();
    const message = `${inside === '' ? 'The body' : `The object ${inside}`} names "${shorten(key)}" twice, at ${this.where(keyStart)}.`;
    this.refusal = { ok: false, code: 'body_ambiguous', offset: keyStart, message };
    return false;
  }

  /** Path of the container being read: `messages[2].content`. */
  private path(): string {
    let path = '';
    for (let depth = 1; depth < this.depth; depth++) {
      const place = this.places[depth] as number;
      if (place !== OBJECT) path += `[${place}]`;
      else path += `${path === '' ? '' : '.'}${shorten(this.keys.lastKey(depth, this.depth))}`;
    }
    return path;
  }

  private refuse(offset: number, why: string): boolean {
    this.refusal = this.malformed(offset, why);
    return false;
  }

  private refused(): LensRefusal {
    return this.refusal ?? this.malformed(this.pos, 'not readable');
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

function shorten(key: string): string {
  return key.length > 80 ? `${key.slice(0, 80)}…` : key;
}
