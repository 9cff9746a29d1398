import type { Socket } from 'bun';
import { ReplyReader, type ReplyShape } from './http-reply.ts';

/** What a proper reply is. One that differs is a failure, and a window with a failure does not count. */
export interface Expectation {
  readonly status: number;
  /** Exact bytes of the body; undefined when the gateway may add comments to it (long streams). */
  readonly bodyBytes: number | undefined;
  /** At least so many `data:` events; undefined when they are not counted. */
  readonly dataEventsMin: number | undefined;
  /** Must stand last in the body, blank space aside. */
  readonly endMark: string;
}

export interface CallOptions {
  readonly port: number;
  /** The whole request as it goes over the wire. */
  readonly request: Buffer;
  readonly expectation: Expectation;
  /** Called when a body begins, with µs since the request was written. */
  onFirstBody?: (sinceWriteUs: number) => void;
  /** When given, `data:` events are counted, and this is told of each piece's. */
  onEvents?: (count: number) => void;
  /** Called when a proper reply is complete, with µs since the request was written. */
  onReply: (sinceWriteUs: number, reply: ReplyShape) => void;
  /** Called with every piece of body. */
  onBody?: (bytes: Buffer) => void;
  /** Called once; the connection is closed then and sends nothing more. */
  onFailure: (reason: string) => void;
}

/** Says why a reply is not what it should be, or undefined when it is. */
export function flawOf(
  reply: ReplyShape,
  tail: { endsWith(mark: string): boolean },
  want: Expectation,
): string | undefined {
  if (reply.status !== want.status) return `status ${reply.status} instead of ${want.status}`;
  if (want.bodyBytes !== undefined && reply.bodyBytes !== want.bodyBytes)
    return `${reply.bodyBytes} bytes instead of ${want.bodyBytes}`;
  if (want.dataEventsMin !== undefined && reply.dataEvents < want.dataEventsMin)
    return `${reply.dataEvents} events instead of ${want.dataEventsMin} or more`;
  if (!tail.endsWith(want.endMark)) return `the end mark ${JSON.stringify(want.endMark)} is missing`;
  return undefined;
}

/** One keep-alive connection that sends a request, checks the reply, and sends again when told to. */
export class Caller {
  readonly #options: CallOptions;
  readonly #reader: ReplyReader;
  #socket: Socket | undefined;
  #unsent: Buffer | undefined;
  #wroteNs = 0;
  #isClosing = false;

  private constructor(options: CallOptions) {
    this.#options = options;
    const { onFirstBody, onBody, onEvents } = options;
    this.#reader = new ReplyReader({
      ...(onEvents !== undefined && { onEvents }),
      ...(onBody !== undefined && { onBody }),
      ...(onFirstBody !== undefined && { onFirstBody: () => onFirstBody((Bun.nanoseconds() - this.#wroteNs) / 1000) }),
    });
  }

  static async open(options: CallOptions): Promise<Caller> {
    const caller = new Caller(options);
    await caller.#connect();
    return caller;
  }

  /** Sends the request once. */
  call(): void {
    this.#wroteNs = Bun.nanoseconds();
    this.#write(this.#options.request);
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.end();
  }

  async #connect(): Promise<void> {
    this.#socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: this.#options.port,
      socket: {
        data: (_socket, bytes) => this.#take(bytes),
        drain: () => {
          const rest = this.#unsent;
          this.#unsent = undefined;
          if (rest !== undefined) this.#write(rest);
        },
        close: () => {
          if (!this.#isClosing) this.#fail('the connection was closed');
        },
        error: (_socket, error) => this.#fail(error.message),
      },
    });
    this.#socket.setNoDelay(true);
  }

  #write(bytes: Buffer): void {
    const sent = Math.max(0, this.#socket?.write(bytes) ?? 0);
    if (sent < bytes.length) this.#unsent = bytes.subarray(sent);
  }

  #take(bytes: Buffer): void {
    let isComplete: boolean;
    try {
      isComplete = this.#reader.push(bytes);
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
      return;
    }
    if (!isComplete) return;
    const tookUs = (Bun.nanoseconds() - this.#wroteNs) / 1000;
    const flaw = flawOf(this.#reader.reply, this.#reader.tail, this.#options.expectation);
    if (flaw !== undefined) this.#fail(flaw);
    else if (this.#reader.reply.isKeptAlive) this.#options.onReply(tookUs, this.#reader.reply);
    else this.#fail('the server asked to close the connection');
  }

  #fail(reason: string): void {
    if (this.#isClosing) return;
    this.close();
    this.#options.onFailure(reason);
  }
}
