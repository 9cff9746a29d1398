import type { JournalDisk } from '../runtime/journal-disk.ts';
import { type ReadLines, readLines } from './record.ts';

/** Some 140 settlements with their intents: what one transaction takes, and one stall of the event loop, is bounded. */
const PIECE_BYTES = 128 * 1024;
/** A line longer than this is damage: no record of ours comes near it. */
const PIECE_BYTES_MAX = 64 * 1024 * 1024;

/** The complete lines from `offset` on, at least one when there is one, otherwise up to {@link PIECE_BYTES}. */
export function readPiece(
  disk: JournalDisk,
  file: string,
  offset: number,
  only?: 'settle',
): ReadLines & { bytes: number } {
  for (let bytesMax = PIECE_BYTES; ; bytesMax *= 4) {
    const bytes = disk.read(file, offset, bytesMax);
    const lines = readLines(bytes, only);
    const isWhole = bytes.length < bytesMax || bytesMax >= PIECE_BYTES_MAX;
    if (lines.consumed > 0 || isWhole) return { ...lines, bytes: bytes.length };
  }
}
