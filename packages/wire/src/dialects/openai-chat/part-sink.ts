import type { Part } from '../../canon/part.ts';
import type { PartDelta, StreamEvent } from '../../canon/stream.ts';

/** Numbers the parts of one choice and knows which are open. Events go to the list given last. */
export class PartSink {
  private next = 0;
  private readonly open = new Set<number>();
  private out: StreamEvent[] = [];

  constructor(private readonly choice: number) {}

  into(out: StreamEvent[]): void {
    this.out = out;
  }

  start(value: Part): number {
    const part = this.next++;
    this.open.add(part);
    this.out.push({ type: 'part-start', choice: this.choice, part, value });
    return part;
  }

  delta(part: number, delta: PartDelta): void {
    this.out.push({ type: 'part-delta', choice: this.choice, part, delta });
  }

  end(part: number): void {
    if (this.open.delete(part)) this.out.push({ type: 'part-end', choice: this.choice, part });
  }

  /** A part that is whole at once. */
  whole(value: Part): void {
    this.end(this.start(value));
  }

  endAll(): void {
    for (const part of [...this.open]) this.end(part);
  }
}
