const TAIL_BYTES = 96;

/** Keeps the last bytes of a body, to look for what must stand at its end. */
export class TailBytes {
  readonly #kept = Buffer.alloc(TAIL_BYTES);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  push(piece: Buffer): void {
    if (piece.length >= TAIL_BYTES) {
      piece.copy(this.#kept, 0, piece.length - TAIL_BYTES);
      this.#length = TAIL_BYTES;
      return;
    }
    const overflow = Math.max(0, this.#length + piece.length - TAIL_BYTES);
    if (overflow > 0) this.#kept.copyWithin(0, overflow, this.#length);
    piece.copy(this.#kept, this.#length - overflow);
    this.#length += piece.length - overflow;
  }

  /** Does the body end with this, blank space aside? */
  endsWith(mark: string): boolean {
    return this.text.trimEnd().endsWith(mark);
  }

  get text(): string {
    return this.#kept.toString('latin1', 0, this.#length);
  }
}

/** The place after the CRLF of the line that starts at `from`, or -1 when the line is not complete. */
export function endOfLine(data: Buffer, from: number): number {
  const at = data.indexOf(10, from);
  if (at < 0) return -1;
  if (at === from || data[at - 1] !== 13) throw new Error('a line that does not end in CRLF');
  return at + 1;
}
