import { Fault } from '../fault.ts';

const LF = 0x0a;
const CR = 0x0d;

/**
 * Cuts a `text/event-stream` into the byte ranges of its events without decoding them, from chunks cut anywhere.
 *
 * An event reaches to the end of the blank line after it, whichever line ends are used; all bytes belong to some event
 * (a blank line too many is an event of its own, without fields). The same stream gives the same ranges however it is
 * cut, therefore a final CR waits for the next chunk, which may begin with its LF.
 */
export class EventSplitter {
  /** Pieces of an event whose end has not come yet. Views: chunks must not be reused by their sender. */
  private pending: Uint8Array[] = [];
  private size = 0;
  /** The last byte seen ended a line. */
  private atLineStart = true;
  /** The last byte seen was CR. */
  private afterCr = false;
  /** The last byte seen was the CR of a blank line: an LF may follow, and then the event ends. */
  private closing = false;
  private readonly sizeMax: number;

  constructor(bounds: { eventBytesMax?: number } = {}) {
    this.sizeMax = bounds.eventBytesMax ?? 16 * 1024 * 1024;
  }

  /**
   * @param onEvent Gets the bytes of one complete event, end included: a view of `chunk` where possible.
   * @throws Fault `upstream_garbled` when an event is larger than allowed (default 16 MiB).
   */
  push(chunk: Uint8Array, onEvent: (event: Uint8Array) => void): void {
    if (chunk.length === 0) return;
    const start = this.afterCr ? this.resume(chunk, onEvent) : 0;
    const kept =
      chunk.indexOf(CR, start) < 0 ? this.splitLf(chunk, start, onEvent) : this.splitAny(chunk, start, onEvent);
    if (kept < chunk.length) this.keep(chunk, kept, chunk.length);
  }

  /** Bytes of the event that is not complete yet. */
  get pendingBytes(): number {
    return this.size;
  }

  /** Do all bytes so far belong to complete events? */
  get atBoundary(): boolean {
    return this.size === 0;
  }

  /** Takes out the bytes of the incomplete event; empty when there are none. For the end of the stream. */
  takePending(): Uint8Array {
    const bytes = this.joined();
    this.atLineStart = true;
    this.afterCr = false;
    this.closing = false;
    return bytes;
  }

  /** Settles what a CR at the end of the last chunk meant. @returns Where the next event's bytes in `chunk` begin. */
  private resume(chunk: Uint8Array, onEvent: (event: Uint8Array) => void): number {
    const hasLf = chunk[0] === LF;
    this.afterCr = false;
    if (hasLf) this.keep(chunk, 0, 1);
    if (this.closing) {
      this.closing = false;
      onEvent(this.joined());
    }
    return hasLf ? 1 : 0;
  }

  /** No CR in sight: blank lines are LF after a line end. @returns Where the incomplete event begins. */
  private splitLf(chunk: Uint8Array, from: number, onEvent: (event: Uint8Array) => void): number {
    let start = from;
    let pos = from;
    while (pos < chunk.length) {
      if (this.atLineStart && chunk[pos] === LF) {
        pos++;
        this.emit(chunk, start, pos, onEvent);
        start = pos;
        continue;
      }
      const lf = chunk.indexOf(LF, pos);
      this.atLineStart = lf >= 0;
      if (lf < 0) break;
      pos = lf + 1;
    }
    return start;
  }

  /** Line ends of every kind. @returns Where the incomplete event begins. */
  private splitAny(chunk: Uint8Array, from: number, onEvent: (event: Uint8Array) => void): number {
    let start = from;
    let pos = from;
    while (pos < chunk.length) {
      const byte = chunk[pos++];
      if (byte !== LF && byte !== CR) {
        this.atLineStart = false;
        continue;
      }
      const isBlank = this.atLineStart;
      this.atLineStart = true;
      if (byte === CR) {
        if (pos === chunk.length) {
          this.afterCr = true;
          this.closing = isBlank;
          return start;
        }
        if (chunk[pos] === LF) pos++;
      }
      if (isBlank) {
        this.emit(chunk, start, pos, onEvent);
        start = pos;
      }
    }
    return start;
  }

  private emit(chunk: Uint8Array, start: number, end: number, onEvent: (event: Uint8Array) => void): void {
    if (this.size === 0) {
      onEvent(start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end));
      return;
    }
    this.keep(chunk, start, end);
    onEvent(this.joined());
  }

  private keep(chunk: Uint8Array, start: number, end: number): void {
    this.pending.push(chunk.subarray(start, end));
    this.size += end - start;
    if (this.size <= this.sizeMax) return;
    throw new Fault('upstream_garbled', { message: `The provider sent an event larger than ${this.sizeMax} bytes.` });
  }

  private joined(): Uint8Array {
    const [first] = this.pending;
    let bytes = first ?? NOTHING;
    if (this.pending.length > 1) {
      bytes = new Uint8Array(this.size);
      let at = 0;
      for (const piece of this.pending) {
        bytes.set(piece, at);
        at += piece.length;
      }
    }
    this.pending = [];
    this.size = 0;
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);
