const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

/**
 * Reads requests from one keep-alive connection far enough to know their path and their end. Bodies are skipped by
 * Content-Length; of chunked bodies the end is looked for (the JSON bodies of the bench hold no CRLF).
 */
export class RequestReader {
  readonly #onRequest: (path: string) => void;
  #held: Buffer | undefined;
  #path = '';
  #bodyLeft = 0;
  #isChunked = false;

  constructor(onRequest: (path: string) => void) {
    this.#onRequest = onRequest;
  }

  push(bytes: Buffer): void {
    let data = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    this.#held = undefined;
    while (data.length > 0) {
      if (this.#isChunked) {
        const end = data.indexOf(LAST_CHUNK);
        if (end < 0) {
          // Only the last bytes can be the beginning of the end.
          this.#held = Buffer.from(data.subarray(Math.max(0, data.length - LAST_CHUNK.length + 1)));
          return;
        }
        this.#isChunked = false;
        data = data.subarray(end + LAST_CHUNK.length);
        this.#onRequest(this.#path);
      } else if (this.#bodyLeft > 0) {
        const taken = Math.min(this.#bodyLeft, data.length);
        this.#bodyLeft -= taken;
        data = data.subarray(taken);
        if (this.#bodyLeft === 0) this.#onRequest(this.#path);
      } else {
        const end = data.indexOf(HEAD_END);
        if (end < 0) {
          this.#held = Buffer.from(data);
          return;
        }
        this.#readHead(data.toString('latin1', 0, end).toLowerCase());
        data = data.subarray(this.#isChunked ? end + 2 : end + 4);
      }
    }
  }

  /** Reads the head; a request without a body is answered at once. A chunked body keeps the CRLF before it. */
  #readHead(head: string): void {
    this.#path = head.slice(head.indexOf(' ') + 1, head.indexOf(' http/1.1'));
    this.#isChunked = head.includes('\r\ntransfer-encoding: chunked');
    const at = head.indexOf('\r\ncontent-length:');
    this.#bodyLeft = at < 0 ? 0 : Number.parseInt(head.slice(at + 17), 10);
    if (!this.#isChunked && this.#bodyLeft === 0) this.#onRequest(this.#path);
  }
}
