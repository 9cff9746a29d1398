/** One message of a {@link Channel}: a note, a question with its number, or the answer to one. */
type Message =
  | { readonly note: string; readonly body: unknown }
  | { readonly ask: string; readonly id: number; readonly body: unknown }
  | { readonly answer: number; readonly body?: unknown; readonly error?: string };

export interface ChannelEnd {
  /** Hands a message over. @throws when the other end is gone. */
  send(message: unknown): void;
  onNote(name: string, body: unknown): void;
  /** May reject: then the other end is told why. */
  onAsk(name: string, body: unknown): unknown;
}

/** The other end is gone, or did not answer. */
export class ChannelClosed extends Error {}

interface Waiting {
  resolve(body: unknown): void;
  reject(error: Error): void;
}

/**
 * Questions, answers and notes between two processes of one version, over whatever carries JSON. What comes in is
 * trusted: only a process that this one started, or was started by, can write to it.
 */
export class Channel {
  readonly #end: ChannelEnd;
  readonly #waiting = new Map<number, Waiting>();
  #id = 0;
  #isClosed = false;

  constructor(end: ChannelEnd) {
    this.#end = end;
  }

  /** Says something that needs no answer. One who is gone does not hear it. */
  tell(name: string, body?: unknown): void {
    this.#send({ note: name, body });
  }

  /** @throws ChannelClosed; Error with what the other end had to say */
  ask(name: string, body?: unknown): Promise<unknown> {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      if (!this.#send({ ask: name, id, body })) return reject(new ChannelClosed('The other process is gone.'));
      this.#waiting.set(id, { resolve, reject });
    });
  }

  /** To be called with whatever comes in. */
  take(incoming: unknown): void {
    const message = incoming as Message;
    if ('note' in message) this.#end.onNote(message.note, message.body);
    else if ('ask' in message) void this.#answer(message.ask, message.id, message.body);
    else {
      const waiting = this.#waiting.get(message.answer);
      this.#waiting.delete(message.answer);
      if (message.error === undefined) waiting?.resolve(message.body);
      else waiting?.reject(new Error(message.error));
    }
  }

  /** Nothing comes any more: whoever waits is told so. */
  close(): void {
    this.#isClosed = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new ChannelClosed('The other process is gone.'));
  }

  async #answer(name: string, id: number, asked: unknown): Promise<void> {
    try {
      const body = await this.#end.onAsk(name, asked);
      this.#send({ answer: id, body });
    } catch (error) {
      this.#send({ answer: id, error: error instanceof Error ? error.message : String(error) });
    }
  }

  #send(message: Message): boolean {
    if (this.#isClosed) return false;
    try {
      this.#end.send(message);
      return true;
    } catch {
      // Gone, of which the end of the process tells more.
      return false;
    }
  }
}
