import { endOfLine, TailBytes } from './tail-bytes.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const HEAD_BYTES_MAX = 64 * 1024;
type State = 'head' | 'fixed' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer';

/** What one reply was, once it is complete. Valid until the next reply begins. */
export interface ReplyShape {
  status: number;
  /** Bytes of the body, chunk framing taken off. */
  bodyBytes: number;
  /** Times `data:` begins in the body; counted only when the reader was asked to. */
  dataEvents: number;
  /** Does the server keep the connection open? */
  isKeptAlive: boolean;
}

export interface ReaderOptions {
  /** Called once per reply with the first byte of the body. */
  onFirstBody?: () => void;
  /** Called with every piece of body; the bytes are only valid during the call. */
  onBody?: (bytes: Buffer) => void;
  /** When given, `data:` marks are counted, and this is told how many each piece of body held. */
  onEvents?: (count: number) => void;
}

/**
 * Reads HTTP/1.1 replies from the bytes of one keep-alive connection, as little as is needed to check them. Knows
 * Content-Length and chunked framing; anything else is an error, as is a byte after the end of a reply (nothing is
 * pipelined).
 */
export class ReplyReader {
  readonly reply: ReplyShape = { status: 0, bodyBytes: 0, dataEvents: 0, isKeptAlive: true };
  readonly tail = new TailBytes();
  #state: State = 'head';
  #held: Buffer | undefined;
  #left = 0;
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions = {}) {
    this.#options = options;
  }

  /** True between replies: a connection that closes here has lost nothing. */
  get isBetweenReplies(): boolean {
    return this.#state === 'head' && this.#held === undefined;
  }

  /** Takes bytes from the socket. True when they complete a reply. Throws when they are no proper reply. */
  push(bytes: Buffer): boolean {
    const data = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = undefined;
    let at = 0;
    while (at < data.length) {
      const next = this.#step(data, at);
      if (next < 0) return this.#hold(data, at);
      at = next;
      if (this.#state === 'head') return this.#complete(data, at);
    }
    return false;
  }

  /** One step of the machine from `at`; the place after what it took, or -1 when more bytes are needed. */
  #step(data: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(data, at);
      case 'fixed':
      case 'chunk-data':
        return this.#readBody(data, at);
      case 'chunk-size':
        return this.#readChunkSize(data, at);
      case 'chunk-end':
        if (data.length - at < 2) return -1;
        if (data[at] !== 13 || data[at + 1] !== 10) throw new Error('a chunk does not end where its size says');
        this.#state = 'chunk-size';
        return at + 2;
      case 'trailer': {
        const end = endOfLine(data, at);
        if (end < 0) return -1;
        if (end === at + 2) this.#state = 'head';
        return end;
      }
    }
  }

  #readHead(data: Buffer, at: number): number {
    const end = data.indexOf(HEAD_END, at);
    if (end < 0) return -1;
    const head = data.toString('latin1', at, end).toLowerCase();
    if (!head.startsWith('http/1.1 ')) throw new Error(`not an HTTP/1.1 reply: ${JSON.stringify(head.slice(0, 40))}`);
    this.reply.status = Number(head.slice(9, 12));
    this.reply.bodyBytes = 0;
    this.reply.dataEvents = 0;
    this.reply.isKeptAlive = !head.includes('\r\nconnection: close');
    this.tail.clear();
    this.#left = headLength(head);
    this.#state = this.#left < 0 ? 'chunk-size' : this.#left === 0 ? 'head' : 'fixed';
    return end + 4;
  }

  #readBody(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    const piece = data.subarray(at, end);
    if (this.reply.bodyBytes === 0) this.#options.onFirstBody?.();
    this.reply.bodyBytes += piece.length;
    if (this.#options.onEvents !== undefined) this.#countEvents(piece, this.#options.onEvents);
    this.#options.onBody?.(piece);
    this.tail.push(piece);
    this.#left -= piece.length;
    if (this.#left === 0) this.#state = this.#state === 'fixed' ? 'head' : 'chunk-end';
    return end;
  }

  /** A mark cut in two by a network read is missed; the paced upstream writes each event as one small piece. */
  #countEvents(piece: Buffer, onEvents: (count: number) => void): void {
    let count = 0;
    for (let at = piece.indexOf('data:'); at >= 0; at = piece.indexOf('data:', at + 5)) count += 1;
    this.reply.dataEvents += count;
    onEvents(count);
  }

  #readChunkSize(data: Buffer, at: number): number {
    const end = endOfLine(data, at);
    if (end < 0) return -1;
    const size = Number.parseInt(data.toString('latin1', at, end - 2), 16);
    if (!(size >= 0)) throw new Error(`not a chunk size: ${JSON.stringify(data.toString('latin1', at, end))}`);
    this.#left = size;
    this.#state = size === 0 ? 'trailer' : 'chunk-data';
    return end;
  }

  #hold(data: Buffer, at: number): boolean {
    if (data.length - at > HEAD_BYTES_MAX) throw new Error('a head or chunk line of a reply is too long');
    this.#held = data.subarray(at);
    return false;
  }

  #complete(data: Buffer, at: number): boolean {
    if (at < data.length) throw new Error(`${data.length - at} bytes follow the end of the reply`);
    return true;
  }
}

/** Bytes of the body by Content-Length, or -1 for chunked. `head` is in lower case. */
function headLength(head: string): number {
  if (head.includes('\r\ntransfer-encoding: chunked')) return -1;
  const at = head.indexOf('\r\ncontent-length:');
  if (at < 0) throw new Error('a reply without Content-Length or chunked framing');
  return Number.parseInt(head.slice(at + 17), 10);
}
