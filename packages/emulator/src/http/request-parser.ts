/** A request as it came over the wire. */
export interface RawRequest {
  method: string;
  /** Path and query as sent. */
  target: string;
  /** `1.0` or `1.1`. */
  version: string;
  headers: [name: string, value: string][];
  body: Uint8Array;
}

/** What the client did wrong, when a request cannot be read. */
export class RequestSyntaxError extends Error {}

const HEAD_BYTES_MAX = 1 << 20;
const BODY_BYTES_MAX = 256 << 20;

/**
 * Reads HTTP/1.x requests off one connection, from any byte split. Bounds: 1 MiB of headers, 256 MiB of body.
 * `onExpect` is called when the client waits for `100 Continue`.
 */
export class RequestParser {
  #pending: Buffer = Buffer.alloc(0);
  #head: Head | undefined;
  #pieces: Buffer[] = [];
  #bodyBytes = 0;

  constructor(private readonly onExpect: () => void) {}

  /** @returns the requests completed by `bytes`. @throws RequestSyntaxError */
  push(bytes: Buffer): RawRequest[] {
    const done: RawRequest[] = [];
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    for (;;) {
      this.#head ??= this.#takeHead();
      if (this.#head === undefined) return done;
      const complete = this.#head.chunked ? this.#takeChunks() : this.#takeLength(this.#head.length);
      if (!complete) return done;
      const { method, target, version, headers } = this.#head;
      done.push({ method, target, version, headers, body: new Uint8Array(Buffer.concat(this.#pieces)) });
      this.#head = undefined;
      this.#pieces = [];
      this.#bodyBytes = 0;
    }
  }

  #takeHead(): Head | undefined {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end < 0) {
      if (this.#pending.length > HEAD_BYTES_MAX) throw new RequestSyntaxError('The headers are too large.');
      return undefined;
    }
    const head = readHead(this.#pending.subarray(0, end).toString('latin1'));
    this.#pending = this.#pending.subarray(end + 4);
    if (head.expects) this.onExpect();
    return head;
  }

  #takeLength(length: number): boolean {
    const piece = this.#pending.subarray(0, length - this.#bodyBytes);
    this.#keep(piece);
    this.#pending = this.#pending.subarray(piece.length);
    return this.#bodyBytes === length;
  }

  /** Takes whole chunks only: a chunk waits in `#pending` until its last byte is there. */
  #takeChunks(): boolean {
    for (;;) {
      const lineEnd = this.#pending.indexOf('\r\n');
      if (lineEnd < 0) return false;
      const size = Number.parseInt(this.#pending.subarray(0, lineEnd).toString('latin1'), 16);
      if (!(size >= 0)) throw new RequestSyntaxError('A chunk has no size.');
      const dataEnd = lineEnd + 2 + size;
      if (this.#pending.length < dataEnd + 2) return false;
      this.#keep(this.#pending.subarray(lineEnd + 2, dataEnd));
      this.#pending = this.#pending.subarray(dataEnd + 2);
      if (size === 0) return true;
    }
  }

  #keep(piece: Buffer): void {
    this.#bodyBytes += piece.length;
    if (this.#bodyBytes > BODY_BYTES_MAX) throw new RequestSyntaxError('The body is too large.');
    if (piece.length > 0) this.#pieces.push(piece);
  }
}

interface Head extends Omit<RawRequest, 'body'> {
  length: number;
  chunked: boolean;
  expects: boolean;
}

function readHead(text: string): Head {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const match = /^([A-Z]+) (\S+) HTTP\/(1\.[01])$/.exec(requestLine.trimStart());
  if (!match) throw new RequestSyntaxError('The request line cannot be read.');
  const [, method = '', target = '', version = ''] = match;
  const headers: [string, string][] = [];
  let length = 0;
  let chunked = false;
  let expects = false;
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new RequestSyntaxError('A header line cannot be read.');
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    headers.push([name, value]);
    const lower = name.toLowerCase();
    if (lower === 'content-length') length = Number(value);
    if (lower === 'transfer-encoding') chunked = value.toLowerCase().includes('chunked');
    if (lower === 'expect') expects = value.toLowerCase() === '100-continue';
  }
  if (!Number.isSafeInteger(length) || length < 0) throw new RequestSyntaxError('The content-length is no number.');
  return { method, target, version, headers, length, chunked, expects };
}
