import { Fault } from '../fault.ts';

/** One event of a `text/event-stream`, fields joined and unescaped as the standard says. */
export interface SseEvent {
  /** The `event:` field; absent when the event had none. */
  event?: string;
  /** All `data:` lines joined by a line feed. */
  data: string;
  id?: string;
}

export interface SseBounds {
  /** Largest event, counted in UTF-16 units of its decoded lines (never more than its bytes). Default 16 MiB. */
  eventBytesMax?: number;
}

/**
 * Reads a `text/event-stream` from chunks cut anywhere, even inside a character. Work is linear in the bytes.
 *
 * Differs from the standard in that `id` is that of the event itself, not carried over from earlier ones, and in what
 * {@link SseDecoder.end} does. `retry` and comments are ignored; an event without `data` is none.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export class SseDecoder {
  private readonly decoder = new TextDecoder();
  private readonly sizeMax: number;
  /** The beginning of a line whose end has not come yet. */
  private partial: string[] = [];
  private partialSize = 0;
  /** The last chunk ended with CR, so a leading LF belongs to that line end. */
  private afterCr = false;
  private data: string[] = [];
  private dataSize = 0;
  private event: string | undefined;
  private id: string | undefined;

  constructor(bounds: SseBounds = {}) {
    this.sizeMax = bounds.eventBytesMax ?? 16 * 1024 * 1024;
  }

  /** @throws Fault `upstream_garbled` when an event is larger than allowed. */
  push(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    this.readText(this.decoder.decode(chunk, { stream: true }), events);
    return events;
  }

  /**
   * To be called once after the last chunk.
   *
   * @returns `truncated` when the stream stopped inside an event. What there was of it is still in `events` if it had
   *   data, since several providers leave out the last blank line.
   */
  end(): { events: SseEvent[]; truncated: boolean } {
    const events: SseEvent[] = [];
    this.readText(this.decoder.decode(), events);
    if (this.partialSize > 0) this.readLine(this.takePartial(), events);
    const truncated = this.data.length > 0 || this.event !== undefined || this.id !== undefined;
    this.dispatch(events);
    return { events, truncated };
  }

  private readText(text: string, events: SseEvent[]): void {
    let pos = 0;
    if (this.afterCr && text !== '') {
      this.afterCr = false;
      if (text.charCodeAt(0) === 0x0a) pos = 1;
    }
    let cr = text.indexOf('\r', pos);
    let lf = text.indexOf('\n', pos);
    while (cr >= 0 || lf >= 0) {
      const end = cr < 0 || (lf >= 0 && lf < cr) ? lf : cr;
      this.readLine(this.completeLine(text.slice(pos, end)), events);
      pos = end + 1;
      if (end === cr) {
        if (pos === lf) pos++;
        else if (pos === text.length) this.afterCr = true;
        cr = text.indexOf('\r', pos);
      }
      if (lf >= 0 && lf < pos) lf = text.indexOf('\n', pos);
    }
    if (pos < text.length) this.keepPartial(text.slice(pos));
  }

  private completeLine(rest: string): string {
    if (this.partialSize === 0) return rest;
    this.partial.push(rest);
    return this.takePartial();
  }

  private takePartial(): string {
    const line = this.partial.join('');
    this.partial = [];
    this.partialSize = 0;
    return line;
  }

  private keepPartial(text: string): void {
    this.partial.push(text);
    this.partialSize += text.length;
    this.checkSize();
  }

  private readLine(line: string, events: SseEvent[]): void {
    if (line === '') {
      this.dispatch(events);
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const valueFrom = line.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1;
    const value = colon < 0 ? '' : line.slice(valueFrom);
    if (name === 'data') {
      this.data.push(value);
      this.dataSize += value.length + 1;
      this.checkSize();
    } else if (name === 'event') this.event = value;
    else if (name === 'id' && !value.includes('\0')) this.id = value;
  }

  private dispatch(events: SseEvent[]): void {
    if (this.data.length > 0) {
      const event: SseEvent = { data: this.data.length === 1 ? (this.data[0] as string) : this.data.join('\n') };
      if (this.event) event.event = this.event;
      if (this.id !== undefined) event.id = this.id;
      events.push(event);
      this.data = [];
      this.dataSize = 0;
    }
    this.event = undefined;
    this.id = undefined;
  }

  private checkSize(): void {
    if (this.dataSize + this.partialSize <= this.sizeMax) return;
    throw new Fault('upstream_garbled', { message: `The provider sent an event larger than ${this.sizeMax} bytes.` });
  }
}

/**
 * The event as it goes on the wire. Every line of `data` gets a `data:` of its own.
 *
 * @throws Fault `internal` when `event` or `id` contains a line end: what follows it would be read as another field.
 */
export function encodeSse(event: SseEvent): string {
  let text = '';
  if (event.event !== undefined) text += `event: ${oneLine(event.event)}\n`;
  if (event.id !== undefined) text += `id: ${oneLine(event.id)}\n`;
  const { data } = event;
  if (!data.includes('\n') && !data.includes('\r')) return `${text}data: ${data}\n\n`;
  for (const line of data.split(LINE_END)) text += `data: ${line}\n`;
  return `${text}\n`;
}

/** A comment, which readers ignore: keeps an idle stream alive. */
export function sseComment(text: string): string {
  return `${text
    .split(LINE_END)
    .map((line) => `: ${line}\n`)
    .join('')}\n`;
}

const LINE_END = /\r\n|\r|\n/;

function oneLine(value: string): string {
  if (LINE_END.test(value))
    throw new Fault('internal', { message: 'A stream event has a line end in its name or id.' });
  return value;
}
