/**
 * Names in the journal's folder. A writer is one run of one process; only it appends to its segments.
 *
 * `<writer>.<number>.journal` segments · `<writer>.lock` held while the writer lives · `<writer>.ack` how far its
 * segments are in the database · `….damaged` segments kept because part of them could not be read · `refused.jsonl`
 * entries the database would not take.
 */
export interface SegmentName {
  readonly writer: string;
  readonly number: number;
}

const SEGMENT = /^([0-9a-z-]+)\.(\d{8})\.journal$/;

export function segmentFile({ writer, number }: SegmentName): string {
  return `${writer}.${String(number).padStart(8, '0')}.journal`;
}

export function lockFile(writer: string): string {
  return `${writer}.lock`;
}

export function ackFile(writer: string): string {
  return `${writer}.ack`;
}

/** Segment numbers by writer, ascending. */
export function segmentsOf(files: readonly string[]): Map<string, number[]> {
  const byWriter = new Map<string, number[]>();
  for (const file of files) {
    const match = SEGMENT.exec(file);
    if (match === null) continue;
    const [, writer = '', number = ''] = match;
    const numbers = byWriter.get(writer) ?? [];
    numbers.push(Number(number));
    byWriter.set(writer, numbers);
  }
  for (const numbers of byWriter.values()) numbers.sort((a, b) => a - b);
  return byWriter;
}

/** A place in a writer's segments: everything before it is in the database. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
}

export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset);
}

export function ackText(position: Position): string {
  return JSON.stringify(position);
}

/** The start of all when there is nothing legible: sending again is harmless. */
export function readAck(bytes: Uint8Array): Position {
  try {
    const { segment, offset } = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Position>;
    if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset))
      return { segment: segment ?? 0, offset: offset ?? 0 };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return { segment: 0, offset: 0 };
}
