import { Fault } from '../fault.ts';
import { EventSplitter } from './boundary.ts';
import { isBrokenEvent } from './broken-event.ts';

const NOTHING = new Uint8Array(0);

/**
 * Lets the events of a stream pass as bytes, whole and in order, and shows each to an observer.
 *
 * What is not a whole event yet waits: nobody could use it, and a stream that breaks off in the middle of an event can
 * then still end with one that says so. An event that is plainly no JSON closes the gate, with everything behind it.
 */
export class EventGate {
  /** Set when a broken event closed the gate. */
  fault: Fault | undefined;
  readonly #splitter = new EventSplitter();
  readonly #pass: (event: Uint8Array) => Uint8Array;
  #chunk: Uint8Array = NOTHING;
  /** The run of events in the chunk at hand that pass unchanged, as offsets; -1 when there is none. */
  #runStart = -1;
  #runEnd = -1;
  #pieces: Uint8Array[] = [];

  /** @param pass Sees a whole event and returns what passes of it: itself, other bytes, or none. */
  constructor(pass: (event: Uint8Array) => Uint8Array) {
    this.#pass = pass;
  }

  /** Takes a chunk and returns what passes now: the chunk itself when it is whole events and none was changed. */
  push(chunk: Uint8Array): Uint8Array {
    if (this.fault !== undefined) return NOTHING;
    this.#chunk = chunk;
    this.#splitter.push(chunk, this.#take);
    return this.#taken();
  }

  /** At the end of the stream: an event whose closing blank line is missing passes if it is whole otherwise. */
  flush(): Uint8Array {
    const rest = this.fault === undefined ? this.#splitter.takePending() : NOTHING;
    if (rest.length === 0 || isBrokenEvent(rest)) return NOTHING;
    this.#chunk = NOTHING;
    this.#take(rest);
    return this.#taken();
  }

  readonly #take = (event: Uint8Array): void => {
    if (this.fault !== undefined) return;
    if (isBrokenEvent(event)) {
      this.fault = new Fault('upstream_garbled', { message: 'The provider sent an event that is no JSON.' });
      return;
    }
    const passed = this.#pass(event);
    if (passed === event && this.#isInChunk(event)) this.#extendRun(event);
    else if (passed.length > 0) this.#addPiece(passed);
    else this.#endRun();
  };

  #isInChunk(event: Uint8Array): boolean {
    return event.buffer === this.#chunk.buffer && event.byteOffset >= this.#chunk.byteOffset;
  }

  #extendRun(event: Uint8Array): void {
    const start = event.byteOffset - this.#chunk.byteOffset;
    if (this.#runEnd !== start) {
      this.#endRun();
      this.#runStart = start;
    }
    this.#runEnd = start + event.length;
  }

  #endRun(): void {
    if (this.#runStart >= 0) this.#pieces.push(this.#chunk.subarray(this.#runStart, this.#runEnd));
    this.#runStart = -1;
    this.#runEnd = -1;
  }

  #addPiece(bytes: Uint8Array): void {
    this.#endRun();
    this.#pieces.push(bytes);
  }

  #taken(): Uint8Array {
    const chunk = this.#chunk;
    if (this.#pieces.length === 0 && this.#runStart === 0 && this.#runEnd === chunk.length) {
      this.#runStart = -1;
      this.#runEnd = -1;
      this.#chunk = NOTHING;
      return chunk;
    }
    this.#endRun();
    this.#chunk = NOTHING;
    const pieces = this.#pieces;
    this.#pieces = [];
    const [only] = pieces;
    if (pieces.length <= 1) return only ?? NOTHING;
    return concatenated(pieces);
  }
}

function concatenated(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
