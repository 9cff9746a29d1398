import { type Json, JsonNumber, type JsonObject } from './value.ts';

/**
 * Reads JSON without losing anything of its numbers: those whose text JavaScript would not give back (`1.0`, `1e3`,
 * integers past 2^53) become {@link JsonNumber}. `__proto__` is a key like any other; of a key that comes twice the
 * last value holds, as in `JSON.parse` (requests with such keys are refused before, see `json/lens.ts`).
 *
 * Cost: `JSON.parse` plus one look over the numbers, unless one of them is unusual.
 *
 * @throws SyntaxError when the text is not strict JSON.
 */
export function parseJson(text: string): Json {
  const value: Json = JSON.parse(text);
  return hasUnusualNumber(text) ? new Builder(text).build() : value;
}

/** {@link parseJson} of UTF-8 bytes; a leading byte order mark is skipped. @throws SyntaxError, TypeError on bad UTF-8. */
export function parseJsonBytes(bytes: Uint8Array): Json {
  return parseJson(strictDecoder.decode(bytes));
}

const strictDecoder = new TextDecoder('utf-8', { fatal: true });

/** Would JavaScript write some number of this (valid) JSON text in another way? */
function hasUnusualNumber(text: string): boolean {
  let pos = 0;
  while (pos < text.length) {
    const code = text.charCodeAt(pos);
    if (code === 0x22) pos = endOfString(text, pos);
    else if (isNumberStart(code)) {
      const end = endOfNumber(text, pos);
      if (isUnusual(text, pos, end)) return true;
      pos = end;
    } else pos++;
  }
  return false;
}

function isUnusual(text: string, start: number, end: number): boolean {
  // Up to 15 digits a whole number is always exact; valid JSON has no leading zeros.
  if (end - start <= 15 && isPlainInteger(text, start, end)) return false;
  const literal = text.slice(start, end);
  return String(Number(literal)) !== literal;
}

function isPlainInteger(text: string, start: number, end: number): boolean {
  for (let pos = start; pos < end; pos++) {
    const code = text.charCodeAt(pos);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}

function isNumberStart(code: number): boolean {
  return code === 0x2d || (code >= 0x30 && code <= 0x39);
}

function endOfNumber(text: string, start: number): number {
  let pos = start + 1;
  for (; pos < text.length; pos++) {
    const code = text.charCodeAt(pos);
    const inNumber = (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x2b || code === 0x2d;
    if (!inNumber && (code | 0x20) !== 0x65) break;
  }
  return pos;
}

/** @returns Offset after the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, pos: number): boolean {
  let slashes = 0;
  while (text.charCodeAt(pos - 1 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

/** Builds the value of a text already known to be valid, with a stack of its own: depth costs memory, not calls. */
class Builder {
  private pos = 0;
  private readonly stack: (Json[] | JsonObject)[] = [];
  private key: string | undefined;
  private root: Json = null;

  constructor(private readonly text: string) {}

  build(): Json {
    while (this.pos < this.text.length) this.token();
    return this.root;
  }

  private token(): void {
    const { text, pos } = this;
    const code = text.charCodeAt(pos);
    if (code === 0x22) this.string();
    else if (isNumberStart(code)) {
      this.pos = endOfNumber(text, pos);
      this.put(
        isUnusual(text, pos, this.pos) ? new JsonNumber(text.slice(pos, this.pos)) : Number(text.slice(pos, this.pos)),
      );
    } else if (code === 0x7b) this.open({});
    else if (code === 0x5b) this.open([]);
    else if (code === 0x7d || code === 0x5d) {
      this.stack.pop();
      this.pos++;
    } else if (code === 0x74) this.literal(true, 4);
    else if (code === 0x66) this.literal(false, 5);
    else if (code === 0x6e) this.literal(null, 4);
    else this.pos++; // White space, comma, colon.
  }

  private string(): void {
    const start = this.pos;
    this.pos = endOfString(this.text, start);
    const inner = this.text.slice(start + 1, this.pos - 1);
    const value = inner.includes('\\') ? (JSON.parse(`"${inner}"`) as string) : inner;
    const container = this.stack.at(-1);
    if (container === undefined || Array.isArray(container) || this.key !== undefined) this.put(value);
    else this.key = value;
  }

  private literal(value: Json, length: number): void {
    this.pos += length;
    this.put(value);
  }

  private open(container: Json[] | JsonObject): void {
    this.put(container);
    this.stack.push(container);
    this.pos++;
  }

  private put(value: Json): void {
    const container = this.stack.at(-1);
    if (container === undefined) this.root = value;
    else if (Array.isArray(container)) container.push(value);
    else {
      setOwn(container, this.key ?? '', value);
      this.key = undefined;
    }
  }
}

function setOwn(object: JsonObject, name: string, value: Json): void {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}
