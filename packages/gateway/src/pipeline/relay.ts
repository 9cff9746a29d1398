import type { Loss } from '@turnpike/wire/canon/loss.ts';
import type { StreamEvent } from '@turnpike/wire/canon/stream.ts';
import { mergeUsage, type Usage } from '@turnpike/wire/canon/usage.ts';
import type {
  Dialect,
  ReadResponseOptions,
  StreamReader,
  StreamTap,
  StreamWriter,
  WriteResponseOptions,
} from '@turnpike/wire/dialect.ts';
import { Fault } from '@turnpike/wire/fault.ts';
import { SseDecoder } from '@turnpike/wire/framing/sse.ts';

const NOTHING = new Uint8Array(0);
const encoder = new TextEncoder();

/**
 * Carries a stream from provider to client: bytes in, bytes out, and what was learnt in passing. Both lanes look the
 * same from outside, so that deadlines, backpressure and settlement are written once.
 */
export interface Relay {
  /** Takes a chunk of the provider's; returns what to send to the client now: whole events, possibly none. */
  push(chunk: Uint8Array): Uint8Array;
  /**
   * To be called once when the provider's stream ended. Returns the last bytes for the client; a stream that was cut
   * ends with the fault in the client's dialect.
   */
  end(): Uint8Array;
  /** The stream failed on our side: the fault, in the client's dialect. Empty when the client saw one already. */
  fail(fault: Fault): Uint8Array;
  readonly usage: Usage | undefined;
  readonly finish: string | undefined;
  readonly responseId: string | undefined;
  readonly contentEvents: number;
  /** Did the end mark pass? What was used is known then. */
  readonly ended: boolean;
  /** An error the provider sent inside the stream, the lack of a proper end, or an end without any answer. */
  readonly fault: Fault | undefined;
  readonly losses: readonly Loss[];
}

/** Same dialect: the provider's bytes pass, whole events at a time, and a tap looks on. */
export class RawRelay implements Relay {
  readonly #dialect: Dialect;
  readonly #tap: StreamTap;
  #fault: Fault | undefined;
  readonly losses: readonly Loss[] = [];

  constructor(dialect: Dialect, stripUsage: boolean) {
    this.#dialect = dialect;
    this.#tap = dialect.streamTap({ stripUsage });
  }

  push(chunk: Uint8Array): Uint8Array {
    const hadFault = this.#tap.fault !== undefined;
    const bytes = this.#tap.push(chunk);
    const fault = this.#tap.fault;
    if (this.#tap.ended && !hadFault && fault === undefined && !isAnswer(this)) {
      // Held back, so that the client never takes it for a proper end.
      this.#fault = noAnswer();
      return encoder.encode(this.#dialect.writeStreamFault(this.#fault));
    }
    if (hadFault || fault?.code !== 'upstream_garbled') return bytes;
    return joined(bytes, encoder.encode(this.#dialect.writeStreamFault(fault)));
  }

  end(): Uint8Array {
    const rest = this.#tap.flush();
    // Some compatible providers close after the finish reason without a last word; then nothing is missing.
    const isDone = this.#tap.ended || this.#tap.finish !== undefined;
    if (isDone || this.fault !== undefined) return rest;
    this.#fault = new Fault('upstream_cut_short');
    return joined(rest, this.fail(this.#fault));
  }

  fail(fault: Fault): Uint8Array {
    if (this.#tap.fault !== undefined) return NOTHING;
    return encoder.encode(this.#dialect.writeStreamFault(fault));
  }

  get usage(): Usage | undefined {
    return this.#tap.usage;
  }

  get finish(): string | undefined {
    return this.#tap.finish?.unified;
  }

  get responseId(): string | undefined {
    return this.#tap.responseId;
  }

  get contentEvents(): number {
    return this.#tap.contentEvents;
  }

  get ended(): boolean {
    return this.#tap.ended;
  }

  get fault(): Fault | undefined {
    return this.#tap.fault ?? this.#fault;
  }
}

/** Another dialect: provider's events → canon → client's events. */
export class TranslateRelay implements Relay {
  readonly #face: Dialect;
  readonly #decoder = new SseDecoder();
  readonly #reader: StreamReader;
  readonly #writer: StreamWriter;
  usage: Usage | undefined;
  finish: string | undefined;
  responseId: string | undefined;
  contentEvents = 0;
  ended = false;
  fault: Fault | undefined;

  constructor(source: Dialect, face: Dialect, read: ReadResponseOptions, write: WriteResponseOptions) {
    this.#face = face;
    this.#reader = source.streamReader(read);
    this.#writer = face.streamWriter(write);
  }

  get losses(): readonly Loss[] {
    return this.#writer.losses;
  }

  push(chunk: Uint8Array): Uint8Array {
    let text = '';
    for (const event of this.#decoder.push(chunk)) {
      for (const step of this.#reader.read(event)) text += this.#step(step);
    }
    return text === '' ? NOTHING : encoder.encode(text);
  }

  end(): Uint8Array {
    let text = '';
    for (const event of this.#decoder.end().events) {
      for (const step of this.#reader.read(event)) text += this.#step(step);
    }
    for (const step of this.#reader.end()) text += this.#step(step);
    return text === '' ? NOTHING : encoder.encode(text);
  }

  fail(fault: Fault): Uint8Array {
    return this.fault === undefined ? encoder.encode(this.#face.writeStreamFault(fault)) : NOTHING;
  }

  /** Notes what accounting needs and writes the event. After a fault nothing more is written. */
  #step(event: StreamEvent): string {
    if (this.fault !== undefined) return '';
    switch (event.type) {
      case 'response-start':
        this.responseId = event.id;
        break;
      case 'part-start':
        // Some providers put the first piece into the start.
        if ('text' in event.value && event.value.text !== '') this.contentEvents++;
        break;
      case 'part-delta':
        this.contentEvents++;
        break;
      case 'usage':
        this.usage = mergeUsage(this.usage, event.usage);
        break;
      case 'choice-end':
        this.finish ??= event.finish.unified;
        break;
      case 'response-end':
        if (!isAnswer(this)) return this.#stop(noAnswer());
        this.ended = true;
        break;
      case 'fault':
        return this.#stop(event.fault);
    }
    return this.#writer.write(event);
  }

  #stop(fault: Fault): string {
    this.fault = fault;
    return this.#face.writeStreamFault(fault);
  }
}

/** A stream that says it is done without content and without a reason is no answer; providers in trouble send such. */
function isAnswer(relay: Pick<Relay, 'contentEvents' | 'finish'>): boolean {
  return relay.contentEvents > 0 || relay.finish !== undefined;
}

function noAnswer(): Fault {
  return new Fault('upstream_garbled', { message: 'The provider ended the stream without an answer.' });
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  return b.length === 0 ? a : Buffer.concat([a, b]);
}
